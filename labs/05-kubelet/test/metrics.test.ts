// What the kubelet counts of itself, where it needs no engine: the stop watch in front of the runtime, starts, probes, health.

import { FakeClock } from '@kube-labs/apiserver';
import { expect, test } from 'vitest';
import { KubeletMetrics } from '#src/metrics/kubelet-metrics.ts';
import { imageSizeOf, measuredRuntime, measuredSyncer } from '#src/metrics/measured.ts';
import { podStart } from '#src/metrics/pod-start.ts';
import { resourceMetrics } from '#src/metrics/resource-metrics.ts';
import { parseKubeletFlags } from '#src/options.ts';
import { configz, durationText } from '#src/server/configz.ts';
import { withVolumes } from '#src/server/summary-volumes.ts';
import { SyncLoopHealth } from '#src/server/sync-loop-health.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { IDENTITY, pod } from './objects.ts';

const { signal } = new AbortController();

function setUp() {
  const clock = new FakeClock();
  const metrics = new KubeletMetrics('n1');
  const lines = async () => (await metrics.text()).split('\n');
  return { clock, metrics, lines };
}

test('calls of the runtime are counted by kind, those that failed too, and go through unchanged', async () => {
  const { clock, metrics, lines } = setUp();
  const fake = new FakeRuntime();
  const runtime = measuredRuntime(fake, metrics, clock);
  fake.failNext('listPods');
  await expect(runtime.listPods()).rejects.toThrow('listPods failed');
  expect(await runtime.listPods()).toEqual([]);
  clock.advance(60_000);
  await runtime.listPods();
  expect((await runtime.pullImage('image:v1', {}, signal)).names).toEqual(['image:v1']);
  expect(fake.calls).toEqual(['pull image:v1']);
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'kubelet_runtime_operations_total{operation_type="list_podsandbox"} 3',
      'kubelet_runtime_operations_errors_total{operation_type="list_podsandbox"} 1',
      'kubelet_pleg_relist_duration_seconds_count 2',
      'kubelet_pleg_relist_interval_seconds_sum 60',
      'kubelet_image_pull_duration_seconds_count{image_size_in_bytes="0-10MB"} 1',
    ]),
  );
});

test('work on pods is timed, also when it fails', async () => {
  const { clock, metrics, lines } = setUp();
  const syncer = measuredSyncer(
    {
      async syncPod() {
        clock.advance(2_000);
        throw new Error('no luck');
      },
      async syncTerminating() {},
      async syncTerminated() {},
    },
    metrics,
    clock,
  );
  await expect(syncer.syncPod(pod(), signal)).rejects.toThrow('no luck');
  expect(await lines()).toContain(
    'kubelet_pod_worker_duration_seconds_sum{operation_type="sync"} 2',
  );
});

test('a start counts from the first sight to Running; a pod that ran already says nothing', async () => {
  const { clock, metrics, lines } = setUp();
  const handler = podStart(metrics, clock);
  const phase = (name: string) => {
    const creationTimestamp = new Date(clock.now()).toISOString();
    return pod({}, { metadata: { ...IDENTITY, creationTimestamp }, status: { phase: name } });
  };
  const [pending, running] = [phase('Pending'), phase('Running')];
  handler.set(pending, undefined);
  clock.advance(3_000);
  handler.set(running, pending);
  handler.set(running, running);
  handler.gone(running);
  handler.set(running, undefined);
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'kubelet_pod_start_duration_seconds_sum 3',
      'kubelet_pod_start_duration_seconds_count 1',
    ]),
  );
});

test("probes are counted by container and result, and go with the container's pod", async () => {
  const { clock, metrics } = setUp();
  const probed = { pod: pod(), container: 'c' };
  metrics.probes.observe(probed, { kind: 'liveness', result: 'failure', seconds: 1 });
  const labels = 'probe_type="Liveness",container="c",pod="web",namespace="default"';
  expect(await metrics.probes.text()).toContain(
    `prober_probe_total{${labels},result="failed",pod_uid="u1"} 1\n`,
  );
  podStart(metrics, clock).gone(pod());
  expect(await metrics.probes.text()).not.toContain('web');
});

test('figures of the node, its pods and containers, each with its time', () => {
  const time = '2015-11-09T10:00:00Z';
  const cpu = { time, usageCoreNanoSeconds: 1_500_000_000 };
  const memory = { time, workingSetBytes: 7 };
  const stamp = Date.parse(time);
  const text = resourceMetrics({
    node: { nodeName: 'n1', startTime: time, cpu: {}, memory, network: {}, fs: {} },
    pods: [
      {
        ...{ podRef: IDENTITY, startTime: time, cpu, memory },
        containers: [{ name: 'c', startTime: time, cpu, memory }],
      },
    ],
  });
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
    `node_memory_working_set_bytes 7 ${stamp}`,
    `pod_cpu_usage_seconds_total{namespace="default",pod="web"} 1.5 ${stamp}`,
    `pod_memory_working_set_bytes{namespace="default",pod="web"} 7 ${stamp}`,
    `container_cpu_usage_seconds_total{container="c",namespace="default",pod="web"} 1.5 ${stamp}`,
    `container_memory_working_set_bytes{container="c",namespace="default",pod="web"} 7 ${stamp}`,
    `container_start_time_seconds{container="c",namespace="default",pod="web"} ${stamp / 1_000}`,
    'resource_scrape_error 0',
  ]);
});

test('volumes are added to the summary, and what a pod takes of the disk as a whole', async () => {
  const time = '2015-11-09T10:00:00Z';
  const fs = { capacityBytes: 100, availableBytes: 60, inodes: 50, inodesFree: 40, usedBytes: 1 };
  const rootfs = { usedBytes: 3 };
  const stats = { podRef: IDENTITY, startTime: time, cpu: { time }, memory: {} };
  const container = { name: 'c', startTime: time, cpu: {}, memory: {}, rootfs };
  const summary = {
    node: { nodeName: 'n1', startTime: time, cpu: {}, memory: {}, network: {}, fs },
    pods: [
      { ...stats, containers: [container] },
      { ...stats, podRef: { ...IDENTITY, uid: 'gone' }, containers: [] },
    ],
  };
  const { pods } = await withVolumes(summary, {
    byUid: (uid) => (uid === 'u1' ? pod({ volumes: [{ name: 'v', emptyDir: {} }] }) : undefined),
    volumeUsage: async () => [{ name: 'v', usedBytes: 4, inodes: 2 }],
  });
  const disk = { time, capacityBytes: 100, availableBytes: 60, inodes: 50, inodesFree: 40 };
  expect(pods[0]?.volume).toEqual([{ ...disk, name: 'v', usedBytes: 4, inodesUsed: 2 }]);
  expect(pods[0]?.['ephemeral-storage']).toEqual({ ...disk, usedBytes: 7, inodesUsed: 2 });
  expect(pods[1]).toEqual(summary.pods[1]);
});

test('the sync loop is well until its last look at everything is two minutes old', () => {
  const clock = new FakeClock();
  const health = new SyncLoopHealth(clock, 120_000);
  clock.advance(600_000);
  health.check();
  health.beat();
  clock.advance(120_000);
  health.check();
  clock.advance(1);
  expect(() => health.check()).toThrow('sync Loop took longer than expected');
  health.beat();
  health.check();
});

test('the configuration is told in the words of a KubeletConfiguration', () => {
  const options = parseKubeletFlags([
    ...['--kubeconfig=x', '--eviction-hard=memory.available<100Mi,nodefs.available<10%'],
    ...[
      '--eviction-soft=memory.available<1Gi',
      '--eviction-soft-grace-period=memory.available=90s',
    ],
    ...['--eviction-minimum-reclaim=nodefs.available=500Mi', '--kube-reserved=cpu=100m'],
    ...['--shutdown-grace-period=30s', '--shutdown-grace-period-critical-pods=10s'],
  ]);
  expect(configz(options)).toMatchObject({
    kubeletconfig: {
      evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
      evictionSoft: { 'memory.available': '1Gi' },
      evictionSoftGracePeriod: { 'memory.available': '1m30s' },
      evictionMinimumReclaim: { 'nodefs.available': '500Mi' },
      kubeReserved: { cpu: '100m' },
      shutdownGracePeriod: '30s',
      shutdownGracePeriodCriticalPods: '10s',
      evictionPressureTransitionPeriod: '5m0s',
    },
  });
});

test.each([
  [0, '0s'],
  [250, '250ms'],
  [30_000, '30s'],
  [300_000, '5m0s'],
  [5_400_500, '1h30m0.5s'],
])('durationText(%d) is %s', (ms, want) => {
  expect(durationText(ms)).toBe(want);
});

test.each([
  [0, '0-10MB'],
  [10 * 1024 ** 2, '10MB-100MB'],
  [15 * 1024 ** 3, '10GB-20GB'],
  [200 * 1024 ** 3, 'GT100GB'],
])('imageSizeOf(%d) is %s', (bytes, want) => {
  expect(imageSizeOf(bytes)).toBe(want);
});

// A node short of memory, with real containers: who is refused, who goes, in which order, and what people see of it.
//
// The threshold is all of the memory, so it is always met, and its grace period is an hour, which the test lets pass. What pods use is
// what this test says they use.

import { parseQuantity, resources } from '@kube-labs/apiserver';
import type { PodSpec } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PodStats, StatsProvider } from '#src/stats-provider.ts';
import { kubectl } from './kubectl.ts';
import { FOREVER, JumpClock, Lab, script, shell } from './lab.ts';

const MIB = 1024 ** 2;
const used: Record<string, number> = {
  burstable: 30 * MIB,
  guaranteed: 10 * MIB,
  vital: 900 * MIB,
};
const time = new Date().toISOString();
/** By pod: bytes of its container's writable layer, as the engine counts them. */
const written = new Map<string, number>();
const clock = new JumpClock();
let lab: Lab;

const stats: StatsProvider = {
  machine: () => ({ cpus: 4, memoryBytes: 8 * 1024 * MIB, diskBytes: 1024 * 1024 * MIB }),
  prometheus: async () => '',
  async summary() {
    const { items } = await lab.client.list(resources.pods);
    return {
      node: { nodeName: 'node-1', startTime: time, cpu: {}, memory: {}, network: {}, fs: {} },
      pods: items.map(({ metadata }): PodStats => {
        const { name = '', namespace = '', uid = '' } = metadata ?? {};
        const memory = { time, workingSetBytes: used[name] ?? 0 };
        const rootfs = { time, usedBytes: written.get(name) ?? 0 };
        const container = { name: 'c', startTime: time, cpu: {}, memory, rootfs };
        return {
          podRef: { name, namespace, uid },
          startTime: time,
          cpu: {},
          memory,
          containers: [container],
        };
      }),
    };
  },
};

beforeAll(async () => {
  const flags = [
    '--eviction-hard=',
    '--eviction-soft=memory.available<100%',
    '--eviction-soft-grace-period=memory.available=1h',
    '--eviction-max-pod-grace-period=1',
    '--kube-reserved=cpu=500m',
  ];
  lab = await Lab.start({ number: 236, deps: { clock, stats }, flags });
});
afterAll(() => lab[Symbol.asyncDispose]());

const asking = (requests: Record<string, string>, limits = {}) => ({
  resources: { requests, limits },
});

/** In the order in which they went. The manager looks again as soon as one is gone. */
async function evicted(names: readonly string[], count: number): Promise<readonly string[]> {
  const gone = new Set<string>();
  clock.jump(3_600_000);
  await lab.until(`${count} are evicted`, async () => {
    for (const name of names) if ((await lab.pod(name))?.status?.phase === 'Failed') gone.add(name);
    return gone.size >= count;
  });
  return [...gone];
}

test('the node says that it is short, and what of it is for pods', async () => {
  await lab.until('it is short of memory', async () => {
    const node = await lab.client.get(resources.nodes, { name: 'node-1' });
    return node.status?.conditions?.some(
      ({ type, status }) => type === 'MemoryPressure' && status === 'True',
    );
  });
  await lab.eventWhen(
    'node-1',
    'NodeHasInsufficientMemory Node node-1 status is now: NodeHasInsufficientMemory',
  );
  const { capacity, allocatable } =
    (await lab.client.get(resources.nodes, { name: 'node-1' })).status ?? {};
  expect([capacity?.cpu, allocatable?.cpu]).toEqual(['4', '3500m']);
  expect(parseQuantity(capacity?.memory ?? '')).toBe(8 * 1024 * MIB);
});

test('a pod goes that writes more into its container than it may', async () => {
  const resources = { requests: { memory: '1Mi' }, limits: { 'ephemeral-storage': '1Mi' } };
  const fill = `head -c 2000000 /dev/zero > /file; ${FOREVER}`;
  await lab.createPod('writes', { containers: [script('layer', fill, { resources })] });
  await lab.running('writes');
  const size = ['inspect', '--size', '--format', '{{.SizeRw}}', await lab.idOf('layer')];
  await lab.until('it is written', async () => {
    written.set('writes', Number(await shell('docker', size)));
    return (written.get('writes') ?? 0) > MIB;
  });
  clock.jump(10_000);
  const { status } = await lab.podWhen('writes', (pod) => pod.status?.phase === 'Failed');
  expect(status).toMatchObject({
    reason: 'Evicted',
    message: 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
  });
});

test('a best-effort pod is refused', async () => {
  await lab.createPod('plain', { containers: [script('c', FOREVER)] });
  const { status } = await lab.podWhen('plain', (pod) => pod.status?.phase === 'Failed');
  expect(status).toMatchObject({
    reason: 'Evicted',
    message: 'Pod was rejected: The node had condition: [MemoryPressure]. ',
  });
});

test('pods go one after the other: those above their request first, then the rest; a critical one stays', async () => {
  const run = (name: string, spec: Partial<PodSpec>, rest = {}) =>
    lab.createPod(name, { ...spec, containers: [script('c', FOREVER, rest)] });
  const guaranteed = { memory: '20Mi', cpu: '10m' };
  const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
  const full = `head -c 3000000 /dev/zero > /v/file; ${FOREVER}`;
  await Promise.all([
    run('burstable', {}, asking({ memory: '20Mi' })),
    run('guaranteed', {}, asking(guaranteed, guaranteed)),
    run('vital', { priorityClassName: 'system-cluster-critical' }),
    lab.createPod('greedy', {
      volumes,
      containers: [
        script('c', full, {
          ...asking({ memory: '900Mi' }),
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
    }),
  ]);
  const names = ['greedy', 'burstable', 'guaranteed', 'vital'];
  await Promise.all(names.slice(1).map((name) => lab.running(name)));
  await lab.until('greedy has written, or has gone for it', async () => {
    if ((await lab.pod('greedy'))?.status?.phase === 'Failed') return true;
    const size = await lab.exec('c_greedy', 'stat', '-c', '%s', '/v/file').catch(() => '');
    return size === '3000000';
  });
  expect(await evicted(names, 3)).toEqual(['greedy', 'burstable', 'guaranteed']);
  expect((await lab.pod('vital'))?.status?.phase).toBe('Running');
  const messageOf = async (name: string) => (await lab.pod(name))?.status?.message;
  expect(await messageOf('greedy')).toBe('Usage of EmptyDir volume "v" exceeds the limit "1Mi". ');
  expect(await messageOf('burstable')).toMatch(
    /^The node was low on resource: memory\. Threshold quantity: \w+, available: \w+\. Container c was using 30Mi, request is 20Mi, has larger consumption of memory\. $/,
  );
  const { stdout } = await kubectl(lab, 'describe', 'pod', 'burstable');
  expect(stdout).toMatch(
    /Status: +Failed\nReason: +Evicted\nMessage: +The node was low on resource/,
  );
  await lab.eventWhen('burstable', /^Evicted The node was low on resource: memory/);
  await lab.eventWhen('node-1', 'EvictionThresholdMet Attempting to reclaim memory');
  const { stdout: metrics } = await kubectl(
    lab,
    'get',
    '--raw',
    '/api/v1/nodes/node-1/proxy/metrics',
  );
  expect(metrics).toContain('kubelet_evictions{eviction_signal="memory.available"} 2');
  expect(metrics).toContain('kubelet_evictions{eviction_signal="emptydirfs.limit"} 1');
});

// The syncer when the engine fails, is slow, or forgets: on a fake runtime, since a real one seldom does.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test } from 'vitest';
import { ImagePuller } from '../src/container/image-puller.ts';
import { runHostCommand } from '../src/host-command.ts';
import type { NetworkPlugin } from '../src/network/network-plugin.ts';
import { PodEvents } from '../src/pod/pod-events.ts';
import { PodSandboxes } from '../src/pod/pod-sandbox.ts';
import { KubeletPodSyncer, type PodSyncerDeps } from '../src/pod/pod-syncer.ts';
import { Prober } from '../src/probe/prober.ts';
import { FakeRuntime } from '../src/runtime/fake-runtime.ts';
import { RuntimeError } from '../src/runtime/runtime.ts';
import { VolumeManager } from '../src/volume/volume-manager.ts';
import { IDENTITY, pod as podOf, statusOf } from './objects.ts';

/** Addresses out of thin air. */
class FakeNetwork implements NetworkPlugin {
  readonly addresses = new Map<string, string>();
  failNext = false;

  notReady() {
    return undefined;
  }
  async setUp({ id }: { id: string }) {
    if (this.failNext) {
      this.failNext = false;
      throw new Error('no IP addresses available');
    }
    const address = `10.0.0.${this.addresses.size + 2}`;
    this.addresses.set(id, address);
    return address;
  }
  async tearDown(id: string) {
    this.addresses.delete(id);
  }
  addressOf(id: string) {
    return this.addresses.get(id);
  }
  async refresh() {}
  sandboxIds() {
    return [...this.addresses.keys()];
  }
}

async function setUp() {
  const rootDirectory = await mkdtemp(join(tmpdir(), 'kubelet-syncer-'));
  onTestFinished(() => rm(rootDirectory, { recursive: true, force: true }));
  const clock = new FakeClock();
  const runtime = new FakeRuntime(() => clock.now());
  runtime.images.add('image:v1');
  const network = new FakeNetwork();
  const told: string[] = [];
  const events = new PodEvents({
    event: (_, _type, reason, text) => told.push(`${reason} ${text}`),
  });
  const reader = { configMap: async () => undefined, secret: async () => undefined };
  const objects = { ...reader, register() {}, unregister() {} };
  const known = new Map<string, PodStatus>();
  const statuses = {
    set: (pod: Pod, status: PodStatus) => known.set(pod.metadata?.uid ?? '', status),
    get: (uid: string) => known.get(uid),
    finish: () => told.push('finished'),
  };
  const run = runHostCommand;
  const volumes = new VolumeManager({ rootDirectory, hostRoot: '', reader, run, clock });
  const prober = new Prober({ runtime, events, clock, log: silentLogger, onChange() {} });
  onTestFinished(() => prober.stop());
  const sandboxes = new PodSandboxes({
    ...{ runtime, network, pauseImage: 'pause', hostAddress: '192.0.2.1' },
    dns: { address: undefined, domain: 'cluster.local' },
    podDirectory: (uid) => volumes.podDirectory(uid),
  });
  const images = new ImagePuller({ runtime, events, clock });
  const deps = {
    ...{ runtime, network, sandboxes, volumes, images, objects, prober, statuses, events, clock },
    hostAddress: '192.0.2.1',
    memoryCapacityBytes: 1024 ** 3,
    allocatable: {},
    services: async () => [],
  };
  const syncer = new KubeletPodSyncer(deps as unknown as PodSyncerDeps);
  const status = () => statusOf({ status: known.get('u1') ?? {} }, 'c');
  return { clock, runtime, network, told, syncer, status, phase: () => known.get('u1')?.phase };
}

const never = new AbortController().signal;

test('a sandbox that cannot be made is told of, leaves nothing, and is tried again', async () => {
  const { runtime, network, told, syncer, status } = await setUp();
  runtime.failNext('runSandbox', new RuntimeError('failed', 'no space left on device'));
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('no space left');
  expect(told).toContain(
    'FailedCreatePodSandBox Failed to create pod sandbox: no space left on device',
  );
  network.failNext = true;
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('no IP addresses available');
  expect((await runtime.podStatus(IDENTITY)).sandboxes).toEqual([]);
  await syncer.syncPod(podOf(), never);
  expect(status()?.state?.running).toBeDefined();
});

test('an engine that is away is no fault of the pod: no event, no reason, another try', async () => {
  const { runtime, told, syncer, status } = await setUp();
  runtime.failNext('createContainer', new RuntimeError('unavailable', 'connection refused'));
  await expect(syncer.syncPod(podOf(), never)).rejects.toThrow('connection refused');
  expect(told.filter((event) => event.startsWith('Failed'))).toEqual([]);
  expect(status()?.state?.waiting?.reason).toBe('ContainerCreating');
  await syncer.syncPod(podOf(), never);
  expect(runtime.calls).toEqual(['sandbox web', 'create c 0', 'start c']);
});

test('a container that the engine refuses waits with the reason, and its neighbours start', async () => {
  const { runtime, syncer, status } = await setUp();
  runtime.failNext('createContainer', new RuntimeError('failed', 'no such device'));
  const two = podOf({
    containers: [
      { name: 'c', image: 'image:v1' },
      { name: 'd', image: 'image:v1' },
    ],
  });
  const { againAfterMs } = await syncer.syncPod(two, never);
  expect(againAfterMs).toBe(5_000);
  expect(status()?.state?.waiting).toEqual({
    reason: 'CreateContainerError',
    message: 'no such device',
  });
  expect(runtime.calls.at(-1)).toBe('start d');
});

test('a pod that is deleted while its image is pulled gets no container', async () => {
  const { runtime, syncer } = await setUp();
  const interrupt = new AbortController();
  runtime.images.clear();
  runtime.pullImage = async () => {
    runtime.images.add('image:v1');
    interrupt.abort();
  };
  await expect(syncer.syncPod(podOf(), interrupt.signal)).rejects.toThrow('abort');
  expect(runtime.calls).toEqual(['sandbox web']);
  const work = { identity: IDENTITY, pod: podOf() };
  await syncer.syncTerminating(work, { graceSeconds: 1 }, never);
  await syncer.syncTerminated(work, { deleted: true });
  expect((await runtime.listPods()).length).toBe(0);
});

test('back-off holds from one crash to the next, and begins again after a long good run', async () => {
  const { clock, runtime, syncer, status } = await setUp();
  const crash = async () => {
    const [newest] = (await runtime.podStatus(IDENTITY)).containers;
    runtime.exit(newest?.id ?? '', 1);
    return syncer.syncPod(podOf(), never);
  };
  await syncer.syncPod(podOf(), never);
  await crash();
  expect(status()?.restartCount).toBe(1);
  expect((await crash()).againAfterMs).toBe(10_000);
  expect(status()?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  clock.advance(10_000);
  await syncer.syncPod(podOf(), never);
  expect((await crash()).againAfterMs).toBe(20_000);
  clock.advance(20_000);
  await syncer.syncPod(podOf(), never);
  clock.advance(11 * 60_000);
  await crash();
  expect(status()?.restartCount).toBe(4);
  expect((await crash()).againAfterMs).toBe(10_000);
});

test('a finished pod keeps its containers until it is deleted, and nothing of it stays then', async () => {
  const { runtime, network, told, syncer, phase } = await setUp();
  const pod = podOf({ restartPolicy: 'Never' });
  await syncer.syncPod(pod, never);
  const [container] = (await runtime.podStatus(IDENTITY)).containers;
  runtime.exit(container?.id ?? '', 0);
  expect(await syncer.syncPod(pod, never)).toMatchObject({ final: true });
  const work = { identity: IDENTITY, pod };
  await syncer.syncTerminating(work, { graceSeconds: 0 }, never);
  await syncer.syncTerminated(work, { deleted: false });
  expect(network.addresses.size).toBe(0);
  expect((await runtime.podStatus(IDENTITY)).containers.length).toBe(1);
  expect(phase()).toBe('Succeeded');
  await syncer.syncTerminated(work, { deleted: true });
  expect(await runtime.listPods()).toEqual([]);
  expect(told.at(-1)).toBe('finished');
});

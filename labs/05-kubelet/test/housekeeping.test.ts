// What belongs to no pod goes; what belongs to one stays, also while a source of pods is still silent.

import { silentLogger } from '@kube-labs/apiserver';
import { expect, test } from 'vitest';
import { Housekeeping } from '#src/config/housekeeping.ts';
import { PodManager } from '#src/config/pod-manager.ts';
import type { NetworkPlugin } from '#src/network/network-plugin.ts';
import type { PodWorkers } from '#src/pod/pod-worker.ts';
import { PodCache } from '#src/runtime/pod-cache.ts';
import type { VolumeManager } from '#src/volume/volume-manager.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { IDENTITY, pod } from './objects.ts';

const ORPHAN = { uid: 'orphan', name: 'old', namespace: 'default' };

/** A node with a sandbox of a known pod and one of nobody's, and directories and addresses of both and of a third. */
async function setUp({ hasSynced = true } = {}) {
  const runtime = new FakeRuntime();
  const plain = { attempt: 0, hostname: 'h', network: 'pod', hostIpc: false } as const;
  const config = { ...plain, portMappings: [] };
  const run = (identity: typeof ORPHAN) =>
    runtime.runPodSandbox({ ...config, pod: identity, sysctls: {}, labels: {} });
  const [known] = await Promise.all([run(IDENTITY), run(ORPHAN)]);
  const removed: string[] = [];
  const workers = {
    has: (uid: string) => removed.includes(`pod ${uid}`),
    remove: ({ uid }: { uid: string }) => removed.push(`pod ${uid}`),
  };
  const network = {
    sandboxIds: () => [known.id, 'gone'],
    tearDown: async (id: string) => removed.push(`address ${id}`),
  };
  const volumes = {
    podsOnDisk: async () => ['u1', 'orphan', 'forgotten'],
    tearDown: async (uid: string) => removed.push(`directory ${uid}`),
  };
  const pods = new PodManager();
  pods.set(pod());
  pods.addSource({ hasSynced });
  const cache = new PodCache({ runtime, log: silentLogger });
  const housekeeping = new Housekeeping({
    ...{ pods, cache, log: silentLogger },
    workers: workers as unknown as PodWorkers,
    network: network as unknown as NetworkPlugin,
    volumes: volumes as unknown as VolumeManager,
  });
  return { housekeeping, cache, removed };
}

test('containers of nobody are ended by a worker; addresses and directories that nobody has go at once', async () => {
  const { housekeeping, removed } = await setUp();
  await housekeeping.cleanUp();
  // The worker that was just made takes the orphan's directory with it.
  expect(removed).toEqual(['pod orphan', 'address gone', 'directory forgotten']);
});

test('nothing is abandoned before every source of pods has spoken', async () => {
  const { housekeeping, cache, removed } = await setUp({ hasSynced: false });
  await housekeeping.cleanUp();
  await cache.refreshAll();
  housekeeping.look(ORPHAN);
  expect(removed).toEqual([]);
});

test('a pod that an event tells of is removed if it is nobody’s and still there', async () => {
  const { housekeeping, cache, removed } = await setUp();
  housekeeping.look(ORPHAN);
  expect(removed).toEqual([]);
  await cache.refresh(ORPHAN);
  await cache.refresh(IDENTITY);
  housekeeping.look(IDENTITY);
  housekeeping.look(ORPHAN);
  housekeeping.look(ORPHAN);
  expect(removed).toEqual(['pod orphan']);
});

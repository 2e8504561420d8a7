// SyncerSetup: the syncer on a fake runtime and a fake clock, with all that happens written down.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { onTestFinished } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { ImagePuller } from '#src/image/image-puller.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import type { PodFiles } from '#src/pod/pod-files.ts';
import { KubeletPodSyncer, type PodSyncerDeps } from '#src/pod/pod-syncer.ts';
import { Prober } from '#src/probe/prober.ts';
import { PodCache } from '#src/runtime/pod-cache.ts';
import type { ExecLimits, ExecResult } from '#src/runtime/runtime.ts';
import { VolumeManager } from '#src/volume/volume-manager.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { statusOf } from './objects.ts';

export async function setUp() {
  const rootDirectory = await mkdtemp(join(tmpdir(), 'kubelet-syncer-'));
  onTestFinished(() => rm(rootDirectory, { recursive: true, force: true }));
  const clock = new FakeClock();
  const runtime = new FakeRuntime(() => clock.now());
  runtime.images.add('image:v1');
  const cache = new PodCache({ runtime, log: silentLogger });
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
  const files: PodFiles = {
    dns: { address: undefined, domain: 'cluster.local' },
    podDirectory: (uid) => volumes.podDirectory(uid),
  };
  const images = new ImagePuller({ runtime, events, clock });
  const deps = {
    ...{ runtime, cache, volumes, files, images, objects, prober, statuses, events, clock },
    log: silentLogger,
    hostAddress: '192.0.2.1',
    memoryCapacityBytes: 1024 ** 3,
    allocatable: {},
    services: async () => [],
  };
  const syncer = new KubeletPodSyncer(deps as unknown as PodSyncerDeps);
  const status = () => statusOf({ status: known.get('u1') ?? {} }, 'c');
  const phase = () => known.get('u1')?.phase;
  /** What the engine does by itself its events tell. */
  const exit = (id: string, exitCode: number) => {
    runtime.exit(id, exitCode);
    cache.outdate('u1');
  };
  return { clock, runtime, cache, files, exit, known, told, syncer, prober, status, phase };
}

export const never = new AbortController().signal;
export const DELETED = { why: 'deleted' } as const;

/** Commands that run until somebody ends them. */
export function hang(
  _id: string,
  _command: readonly string[],
  { signal }: ExecLimits,
): Promise<ExecResult> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

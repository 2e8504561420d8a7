// Measured: the runtime and the pods' syncer, with a stop watch in front of each call.
//
// What is called, with what, and what comes of it stays the same. Calls that go on as long as somebody looks (logs, events)
// are not measured. A list of all pods is what upstream's event generator does every second; here it is rare.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/instrumented_services.go.

import type { Clock } from '@kube-labs/apiserver';
import type { PodSyncer } from '../pod/pod-worker.ts';
import type { Runtime, RuntimeImage } from '../runtime/runtime.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

const OPERATIONS: Readonly<Record<string, string>> = {
  version: 'version',
  status: 'status',
  listPods: 'list_podsandbox',
  podStatus: 'podsandbox_status',
  runPodSandbox: 'run_podsandbox',
  stopPodSandbox: 'stop_podsandbox',
  removePodSandbox: 'remove_podsandbox',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  exec: 'exec',
  execSync: 'exec_sync',
  attach: 'attach',
  imageStatus: 'image_status',
  listImages: 'list_images',
  pullImage: 'pull_image',
  removeImage: 'remove_image',
};

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const IMAGE_SIZES: readonly (readonly [number, string])[] = [
  [100 * GIB, 'GT100GB'],
  [60 * GIB, '60GB-100GB'],
  [40 * GIB, '40GB-60GB'],
  [30 * GIB, '30GB-40GB'],
  [20 * GIB, '20GB-30GB'],
  [10 * GIB, '10GB-20GB'],
  [5 * GIB, '5GB-10GB'],
  [GIB, '1GB-5GB'],
  [500 * MIB, '500MB-1GB'],
  [100 * MIB, '100MB-500MB'],
  [10 * MIB, '10MB-100MB'],
  [0, '0-10MB'],
];

export function measuredRuntime(runtime: Runtime, metrics: KubeletMetrics, clock: Clock): Runtime {
  let lastRelistMs: number | undefined;
  const finished = (method: string, startMs: number, answer: unknown) => {
    const nowMs = clock.now();
    const seconds = (nowMs - startMs) / 1_000;
    if (method === 'pullImage') {
      const { sizeBytes } = answer as RuntimeImage;
      metrics.imagePull.observe({ image_size_in_bytes: imageSizeOf(sizeBytes) }, seconds);
    }
    if (method !== 'listPods') return;
    metrics.relist.observe(seconds);
    metrics.relistLastSeen.set(nowMs / 1_000);
    if (lastRelistMs !== undefined) metrics.relistInterval.observe((nowMs - lastRelistMs) / 1_000);
    lastRelistMs = nowMs;
  };
  return new Proxy(runtime, {
    get(target, key) {
      // With the target as receiver: private members are of the object, not of its stand-in.
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      const operation = OPERATIONS[String(key)];
      if (operation === undefined) return member.bind(target);
      return async (...parameters: unknown[]) => {
        const startMs = clock.now();
        metrics.operations.inc({ operation_type: operation });
        try {
          const answer: unknown = await Reflect.apply(member, target, parameters);
          finished(String(key), startMs, answer);
          return answer;
        } catch (error) {
          metrics.operationErrors.inc({ operation_type: operation });
          throw error;
        } finally {
          const seconds = (clock.now() - startMs) / 1_000;
          metrics.operationSeconds.observe({ operation_type: operation }, seconds);
        }
      };
    },
  });
}

export function measuredSyncer(
  syncer: PodSyncer,
  metrics: KubeletMetrics,
  clock: Clock,
): PodSyncer {
  const timed = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const startMs = clock.now();
    try {
      return await work();
    } finally {
      metrics.podWorker.observe({ operation_type: operation }, (clock.now() - startMs) / 1_000);
    }
  };
  return {
    syncPod: (...args) => timed('sync', () => syncer.syncPod(...args)),
    syncTerminating: (...args) => timed('kill', () => syncer.syncTerminating(...args)),
    syncTerminated: (...args) => timed('terminated', () => syncer.syncTerminated(...args)),
  };
}

export function imageSizeOf(bytes: number): string {
  return IMAGE_SIZES.find(([from]) => bytes >= from)?.[1] ?? '0-10MB';
}

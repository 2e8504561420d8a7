// GuardParts: what ends pods for the node's sake: evictions.

import type { Pod } from 'kubernetes-types/core/v1';
import type { PodManager } from '../config/pod-manager.ts';
import { EvictionManager } from '../eviction/eviction-manager.ts';
import { usageOf, type VolumeUsage } from '../eviction/pod-usage.ts';
import type { Measured } from '../eviction/rank.ts';
import { observeSignals } from '../eviction/signals.ts';
import type { KubeletOptions } from '../options.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import type { PodWorkers } from '../pod/pod-worker.ts';
import type { Outside } from './outside.ts';

export interface GuardedPods {
  readonly pods: PodManager;
  readonly events: PodEvents;
  /** They are made later: what they need asks the guards. */
  workers(): PodWorkers;
  volumeUsage(pod: Pod): Promise<readonly VolumeUsage[]>;
  /** What nobody uses goes before any pod does. */
  reclaimDisk(): Promise<void>;
}

export function makeGuards(options: KubeletOptions, outside: Outside, guarded: GuardedPods) {
  const { clock, log, metrics, stats, recorder, limits } = outside;
  const { nodeName: name, rootDirectory, hostRoot } = options;
  // As upstream's kubelet names its node, whose uid it need not know.
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
  const eviction = new EvictionManager({
    ...{ clock, log, thresholds: options.evictionThresholds },
    transitionPeriodMs: options.evictionPressureTransitionPeriodMs,
    maxPodGracePeriodSeconds: options.evictionMaxPodGracePeriodSeconds,
    observe: () =>
      observeSignals({
        rootDirectory,
        imageDirectory: `${hostRoot}/var/lib/docker`,
        memoryLimitBytes: limits.memoryBytes,
        async podMemoryBytes() {
          const { pods = [] } = (await stats?.summary()) ?? {};
          return pods.reduce((sum, { memory }) => sum + Number(memory.workingSetBytes ?? 0), 0);
        },
      }),
    measure: () => measure(outside, guarded),
    reclaimDisk: () => guarded.reclaimDisk(),
    end: (pod, ending, graceSeconds) => guarded.workers().end(pod, ending, graceSeconds),
    podEvent: (pod, reason, message) =>
      guarded.events.pod(pod, { type: 'Warning', reason, message }),
    nodeEvent: (reason, message) => recorder.event(node, 'Warning', reason, message),
    counted: (signal) => metrics.evictions.inc({ eviction_signal: signal }),
  });
  return { eviction };
}

/** Those that run, with what is known of their usage. */
async function measure(
  { stats }: Outside,
  { pods, workers, volumeUsage }: GuardedPods,
): Promise<readonly Measured[]> {
  const measured = new Map((await stats?.summary())?.pods.map((pod) => [pod.podRef.uid, pod]));
  const active = pods
    .pods()
    .filter(({ metadata }) => workers().stateOf(metadata?.uid ?? '')?.state === 'syncing');
  return Promise.all(
    active.map(async (pod) => {
      const usage = usageOf(measured.get(pod.metadata?.uid ?? ''), await volumeUsage(pod));
      return { pod, usage };
    }),
  );
}

// GuardParts: what ends pods for the node's sake: evictions, and the node's own end.

import { setTimeout as delay } from 'node:timers/promises';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodManager } from '../config/pod-manager.ts';
import { EvictionManager } from '../eviction/eviction-manager.ts';
import { usageOf, type VolumeUsage } from '../eviction/pod-usage.ts';
import type { Measured } from '../eviction/rank.ts';
import { observeSignals } from '../eviction/signals.ts';
import type { KubeletOptions } from '../options.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import type { PodWorkers } from '../pod/pod-worker.ts';
import { ShutdownManager } from '../shutdown/shutdown-manager.ts';
import type { Outside } from './outside.ts';

/** Upstream's podsAreCleanedUp: half a minute at most. The time of a disk, not of the kubelet's clock. */
const CLEAN_UP_POLL_MS = 50;
const CLEAN_UP_LOOKS_MAX = 600;

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
  const { rootDirectory, hostRoot } = options;
  const node = nodeOf(options.nodeName);
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
    activePods: () => activePods(guarded),
    measure: (pods) => measure(outside, guarded, pods),
    reclaimDisk: () => guarded.reclaimDisk(),
    async end(pod, ending, graceSeconds) {
      await guarded.workers().end(pod, ending, graceSeconds);
      await volumesGone(guarded, pod);
    },
    podEvent: (pod, reason, message) =>
      guarded.events.pod(pod, { type: 'Warning', reason, message }),
    nodeEvent: (reason, message) => recorder.event(node, 'Warning', reason, message),
    counted: (signal) => metrics.evictions.inc({ eviction_signal: signal }),
  });
  return { eviction, shutdown: makeShutdown(options, outside, guarded) };
}

/** What a pod had on the disk goes after its containers: whoever looks before sees a disk as full as it was, and ends another pod. */
async function volumesGone({ volumeUsage }: GuardedPods, pod: Pod): Promise<void> {
  for (let look = 0; look < CLEAN_UP_LOOKS_MAX; look++) {
    if ((await volumeUsage(pod)).length === 0) return;
    await delay(CLEAN_UP_POLL_MS, undefined, { ref: false });
  }
}

/** Undefined where nobody gave it time. */
function makeShutdown(options: KubeletOptions, outside: Outside, guarded: GuardedPods) {
  const { clock, log, metrics, recorder } = outside;
  if (options.shutdown === undefined) return undefined;
  return new ShutdownManager({
    ...{ periods: options.shutdown, clock, log },
    activePods: () => activePods(guarded),
    end: (pod, ending, graceSeconds) => guarded.workers().end(pod, ending, graceSeconds),
    nodeEvent: (reason, message) =>
      recorder.event(nodeOf(options.nodeName), 'Normal', reason, message),
    times: { start: metrics.shutdownStart, end: metrics.shutdownEnd },
  });
}

/** As upstream's kubelet names its node, whose uid it need not know. */
function nodeOf(name: string) {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
}

/** With what is known of their usage. */
async function measure(
  { stats }: Outside,
  guarded: GuardedPods,
  pods: readonly Pod[],
): Promise<readonly Measured[]> {
  const measured = new Map((await stats?.summary())?.pods.map((pod) => [pod.podRef.uid, pod]));
  return Promise.all(
    pods.map(async (pod) => {
      const volumes = await guarded.volumeUsage(pod);
      return { pod, usage: usageOf(measured.get(pod.metadata?.uid ?? ''), volumes) };
    }),
  );
}

/** Those that run here and are not ending. */
function activePods({ pods, workers }: GuardedPods): readonly Pod[] {
  const isActive = ({ metadata }: Pod) =>
    workers().stateOf(metadata?.uid ?? '')?.state === 'syncing';
  return pods.pods().filter(isActive);
}

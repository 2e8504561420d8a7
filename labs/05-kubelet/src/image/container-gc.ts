// ContainerGc: which containers that ended may go, of one pod or of the whole node; and the loop that removes them.
//
// Of each container of a pod so many dead ones are kept, of the node so many; the oldest go first. The last dead one of each
// always stays: its exit code is the pod's last state, its label how often it was restarted, and `kubectl logs -p` reads it.
// Those of a pod that is deleted go with the pod.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/kuberuntime_gc.go, which may take the last one, too.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { PodCache } from '../runtime/pod-cache.ts';
import type { RuntimeContainer, RuntimePod, RuntimeService } from '../runtime/runtime.ts';

const PERIOD_MS = 60_000;

/** Negative is without limit. */
export interface DeadContainerLimits {
  /** Of one container of a pod. */
  readonly perContainerMax: number;
  /** On the whole node. */
  readonly max: number;
  /** Younger ones stay. */
  readonly ageMinMs: number;
}

/** Pure. */
export function disposableOnNode(
  pods: readonly RuntimePod[],
  limits: DeadContainerLimits,
  nowMs: number,
): readonly RuntimeContainer[] {
  const units = pods.flatMap((pod) => unitsOf(pod, nowMs - limits.ageMinMs));
  const all = units.flat();
  const tooMany = (keptMax: number) => units.flatMap((unit) => unit.slice(Math.max(1, keptMax)));
  const first = limits.perContainerMax < 0 ? [] : tooMany(limits.perContainerMax);
  if (limits.max < 0 || all.length - first.length <= limits.max) return first;
  return [...new Set([...first, ...tooMany(Math.floor(limits.max / units.length))])];
}

/** The dead of each container of a pod that are old enough, newest first. */
function unitsOf({ containers }: RuntimePod, createdBeforeMs: number): RuntimeContainer[][] {
  const units = new Map<string, RuntimeContainer[]>();
  for (const container of containers) {
    const { name, status, createdAtMs } = container;
    if (status.state !== 'exited' || createdAtMs > createdBeforeMs) continue;
    units.set(name, [...(units.get(name) ?? []), container]);
  }
  return [...units.values()];
}

export interface ContainerCollectorOptions {
  readonly cache: Pick<PodCache, 'list' | 'outdate'>;
  readonly runtime: Pick<RuntimeService, 'removeContainer'>;
  readonly limits: DeadContainerLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

export async function collectContainers(options: ContainerCollectorOptions): Promise<void> {
  const { cache, runtime, limits, clock, log } = options;
  for (const { id, pod } of disposableOnNode(cache.list(), limits, clock.now())) {
    try {
      await runtime.removeContainer(id);
    } catch (error) {
      log.warn('Failed to remove container', { containerID: id, err: messageOf(error) });
    } finally {
      cache.outdate(pod.uid);
    }
  }
}

export async function runContainerGc(
  options: ContainerCollectorOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(PERIOD_MS, signal, options.clock);
    if (!signal.aborted) await collectContainers(options);
  }
}

// PodState: the questions that controllers ask about a Pod, answered from its own fields.
//
//   active     it still counts: not finished, not being deleted
//   ready      the kubelet says that it may get traffic
//   available  it has been ready for minReadySeconds
//
// Upstream: kubernetes, pkg/api/v1/pod/util.go and pkg/controller/controller_utils.go (IsPodActive).

import type { Pod, PodCondition } from 'kubernetes-types/core/v1';
import { isBeingDeleted, millisOf } from './meta.ts';

export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && !isBeingDeleted(pod);
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** When the Pod has been, or will have been, ready for long enough; undefined while it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return minReadySeconds === 0 ? 0 : millisOf(ready.lastTransitionTime) + minReadySeconds * 1000;
}

export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const at = availableAtMs(pod, minReadySeconds);
  return at !== undefined && at <= nowMs;
}

/** Milliseconds until the next of these Pods becomes available by nothing but time passing. */
export function nextAvailableInMs(
  pods: readonly Pod[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  const waits = pods
    .map((pod) => availableAtMs(pod, minReadySeconds))
    .filter((at) => at !== undefined && at > nowMs)
    .map((at) => (at ?? nowMs) - nowMs);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

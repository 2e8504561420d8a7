// ShutdownGroups: in which order the pods of a node end that is going down, and how long each may take. Pure.
//
// Ordinary pods first, critical ones last, so that DNS, say, is there until nobody asks any more. The whole time is divided between the
// two: what critical pods get is not the others'. A pod that needs less than its group has takes less.
//
// Same rule upstream: groupByPriority in kubernetes, pkg/kubelet/nodeshutdown/nodeshutdown_manager.go.
// Left out here: more than these two groups (shutdownGracePeriodByPodPriority).

import type { Pod } from 'kubernetes-types/core/v1';
import { CRITICAL_PRIORITY_MIN } from '../eviction/critical-pod.ts';

export interface ShutdownPeriods {
  /** Of all together. */
  readonly gracePeriodMs: number;
  readonly criticalPodsMs: number;
}

export interface ShutdownGroup {
  readonly graceSeconds: number;
  readonly pods: readonly { readonly pod: Pod; readonly graceSeconds: number }[];
}

export function shutdownGroups(
  pods: readonly Pod[],
  { gracePeriodMs, criticalPodsMs }: ShutdownPeriods,
): readonly ShutdownGroup[] {
  const isCritical = ({ spec }: Pod) => (spec?.priority ?? 0) >= CRITICAL_PRIORITY_MIN;
  const group = (members: readonly Pod[], ms: number): ShutdownGroup => {
    const graceSeconds = Math.floor(ms / 1_000);
    const own = ({ spec }: Pod) => spec?.terminationGracePeriodSeconds ?? graceSeconds;
    return {
      graceSeconds,
      pods: members.map((pod) => ({ pod, graceSeconds: Math.min(own(pod), graceSeconds) })),
    };
  };
  const ordinary = pods.filter((pod) => !isCritical(pod));
  return [
    group(ordinary, gracePeriodMs - criticalPodsMs),
    group(pods.filter(isCritical), criticalPodsMs),
  ].filter((one) => one.pods.length > 0);
}

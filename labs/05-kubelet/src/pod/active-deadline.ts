// ActiveDeadline: a pod that may be active only so long, counted from its start time. Pure.
//
// Same idea upstream: kubernetes, pkg/kubelet/active_deadline.go.

import type { Pod, PodStatus } from 'kubernetes-types/core/v1';

export const DEADLINE_EXCEEDED = {
  why: 'deadline',
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
} as const;

/** @returns how long it may still be active, 0 when that is over; undefined without a deadline. */
export function activeForMs(pod: Pod, { startTime }: PodStatus, nowMs: number): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || startTime === undefined) return undefined;
  return Math.max(0, Date.parse(startTime) + seconds * 1_000 - nowMs);
}

/** Of all that is due some time, what is due first. */
export function soonest(...delaysMs: readonly (number | undefined)[]): { againAfterMs?: number } {
  const known = delaysMs.filter((delayMs) => delayMs !== undefined);
  return known.length === 0 ? {} : { againAfterMs: Math.min(...known) };
}

// taints: the taints that nodes get for their condition, and whether a Pod puts up with a taint.
//
// Upstream: kubernetes, pkg/controller/nodelifecycle (taint keys by condition); component-helpers, scheduling/corev1.

import type { Node, Pod, Taint, Toleration } from 'kubernetes-types/core/v1';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
export const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
export const NETWORK_UNAVAILABLE = 'node.kubernetes.io/network-unavailable';
export const MEMORY_PRESSURE = 'node.kubernetes.io/memory-pressure';
export const DISK_PRESSURE = 'node.kubernetes.io/disk-pressure';
export const PID_PRESSURE = 'node.kubernetes.io/pid-pressure';

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((toleration) => matches(toleration, taint));
}

export function matches(
  { key = '', operator, value = '', effect = '' }: Toleration,
  taint: Taint,
): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return key !== '' && value === (taint.value ?? '');
}

export function taintsOf(node: Node, effect: string): readonly Taint[] {
  return (node.spec?.taints ?? []).filter((taint) => taint.effect === effect);
}

export function tolerationsOf(pod: Pod): readonly Toleration[] {
  return pod.spec?.tolerations ?? [];
}

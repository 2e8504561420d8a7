// CriticalPod: pods that the cluster cannot do without. Pure.
//
// Same rule upstream: IsCriticalPod in kubernetes, pkg/kubelet/types/pod_update.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { isMirror, isStatic } from '../config/static-pod.ts';

/** Of system-cluster-critical; user's own classes are below. */
export const CRITICAL_PRIORITY_MIN = 2_000_000_000;

export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || isMirror(pod) || (pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY_MIN;
}

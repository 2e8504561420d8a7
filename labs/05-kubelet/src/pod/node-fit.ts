// NodeFit: is there room for one more pod on this node? Pure.
//
// Same idea upstream: kubernetes, pkg/kubelet/lifecycle/predicate.go (InsufficientResourceError).
// Left out here: cpu, memory and other resources, host ports, node affinity.

import type { AdmitHandler } from './admission.ts';

/** No more pods than --max-pods. */
export function podLimit(podsMax: number): AdmitHandler {
  return {
    admit(_, others) {
      if (others.length < podsMax) return { admitted: true };
      const figures = `requested: 1, used: ${others.length}, capacity: ${podsMax}`;
      const message = `Node didn't have enough resource: pods, ${figures}`;
      return { admitted: false, reason: 'OutOfpods', message };
    },
  };
}

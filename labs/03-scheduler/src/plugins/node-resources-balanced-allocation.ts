// NodeResourcesBalancedAllocation: do not fill a node's cpu while its memory lies idle, or the other way round.
//
// Score  is highest where, with the pod on it, cpu and memory would be used to the same share.
//
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go.

import { type Plugin, SCORE_MAX } from '../framework.ts';
import { podRequests } from '../snapshot.ts';

const RESOURCES = ['cpu', 'memory'];

export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  score(pod, { allocatable, requested }) {
    const requests = podRequests(pod);
    const shares: number[] = [];
    for (const resource of RESOURCES) {
      const capacity = allocatable.get(resource) ?? 0;
      if (capacity === 0) continue;
      const used = (requested.get(resource) ?? 0) + (requests.get(resource) ?? 0);
      shares.push(Math.min(1, used / capacity));
    }
    return Math.floor((1 - standardDeviation(shares)) * SCORE_MAX);
  },
};

function standardDeviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / values.length);
}

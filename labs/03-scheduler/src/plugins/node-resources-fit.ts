// NodeResourcesFit: a pod runs only where what it requests is still free.
//
// PreFilter  adds up what the pod requests.
// Filter     rejects a node without room, naming every resource that is short.
// Score      LeastAllocated: prefers the node of which the larger share would stay free.
//
// Requests count, not use: a node may idle and yet be full. Scores let a container without requests weigh a
// little, or a hundred such pods would all look like an empty node.
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/noderesources (fit.go, least_allocated.go).
// Left out: the strategies MostAllocated and RequestedToCapacityRatio; ignored resources.

import { FITS, type Plugin, rejects, SCORE_MAX } from '../framework.ts';
import { type NodeInfo, nonZeroRequests, podRequests, type Resources } from '../snapshot.ts';

/** Resources that count for the score, and how much. */
const WEIGHTS: readonly (readonly [resource: string, weight: number])[] = [
  ['cpu', 1],
  ['memory', 1],
];

export const nodeResourcesFit: Plugin<Resources> = {
  name: 'NodeResourcesFit',
  helpedBy: ['NodeAdd', 'NodeAllocatableChange', 'AssignedPodDelete'],
  preFilter: (pod) => ({ kind: 'ready', state: podRequests(pod) }),
  filter(_pod, node, requests) {
    const short = shortages(requests, node);
    return short.length === 0 ? FITS : rejects(...short);
  },
  score(pod, node) {
    const requests = nonZeroRequests(pod);
    let sum = 0;
    let weights = 0;
    for (const [resource, weight] of WEIGHTS) {
      const capacity = node.allocatable.get(resource) ?? 0;
      if (capacity === 0) continue;
      const used = (node.nonZeroRequested.get(resource) ?? 0) + (requests.get(resource) ?? 0);
      sum += weight * Math.floor((Math.max(0, capacity - used) * SCORE_MAX) / capacity);
      weights += weight;
    }
    return weights === 0 ? 0 : Math.floor(sum / weights);
  },
};

function shortages(requests: Resources, { allocatable, requested, pods }: NodeInfo): string[] {
  const short: string[] = [];
  if (pods.length + 1 > (allocatable.get('pods') ?? 0)) short.push('Too many pods');
  for (const [resource, amount] of requests) {
    const free = (allocatable.get(resource) ?? 0) - (requested.get(resource) ?? 0);
    if (amount > 0 && amount > free) short.push(`Insufficient ${resource}`);
  }
  return short;
}

// fitMessage: why a pod fits nowhere, in the sentence that `kubectl describe pod` shows.
//
//   0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {gpu: yes}.
//
// Each reason with the number of nodes that gave it, sorted as text.
// Same wording upstream: FitError in kubernetes, pkg/scheduler/framework/types.go. Left out: the part about preemption,
// which upstream adds only when it tried.

import type { Decision } from './find-node.ts';

export function fitMessage({ nodeCount, reasons }: Extract<Decision, { kind: 'none' }>): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  const why = counted.length === 0 ? '' : ` ${counted.join(', ')}.`;
  return `0/${nodeCount} nodes are available:${why}`;
}

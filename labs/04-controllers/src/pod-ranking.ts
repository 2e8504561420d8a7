// PodRanking: which Pods to give up first when there are too many.
//
// The cheapest loss goes first: a Pod without a node, then one that is not running, not ready, marked cheap by
// its annotation, doubled up on a node with its own kind, ready only recently, restarted often, young.
// The order is total (the name decides last), so two controllers that look at the same Pods pick the same
// victims: running two copies by mistake shrinks nothing below the wanted number.
//
// Upstream: kubernetes, pkg/controller/controller_utils.go, ActivePodsWithRanks.
// Left out: logarithmic age buckets, which upstream uses to spread the choice among Pods of about the same age.

import type { Pod } from 'kubernetes-types/core/v1';
import { meta, millisOf } from './meta.ts';
import { isPodReady, podCondition } from './pod-state.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Sorts a copy, first to be deleted first. `related` are all Pods of the same kind, as the other replica sets of a Deployment. */
export function rankForDeletion(pods: readonly Pod[], related: readonly Pod[]): readonly Pod[] {
  const doubledUp = countByNode(related);
  const ranked = pods.map((pod) => ({ pod, cost: costOf(pod, doubledUp) }));
  ranked.sort((left, right) => compareCosts(left.cost, right.cost));
  return ranked.map(({ pod }) => pod);
}

type Cost = readonly (number | string)[];

/** Smaller is cheaper to lose; compared position by position. */
function costOf(pod: Pod, doubledUp: ReadonlyMap<string, number>): Cost {
  const { annotations, creationTimestamp, name } = meta(pod);
  const node = pod.spec?.nodeName ?? '';
  const ready = isPodReady(pod);
  const restarts = (pod.status?.containerStatuses ?? []).map((status) => status.restartCount);
  return [
    node === '' ? 0 : 1,
    PHASE_ORDER[pod.status?.phase ?? 'Pending'] ?? 1,
    ready ? 1 : 0,
    Number.parseInt(annotations?.[DELETION_COST] ?? '0', 10) || 0,
    -(doubledUp.get(node) ?? 0),
    ready ? -millisOf(podCondition(pod, 'Ready')?.lastTransitionTime) : 0,
    -Math.max(0, ...restarts),
    -millisOf(creationTimestamp),
    name,
  ];
}

function compareCosts(left: Cost, right: Cost): number {
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}

function countByNode(pods: readonly Pod[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName ?? '';
    if (node !== '') counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

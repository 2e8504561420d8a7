// ReplicaPlan: how many Pods a replica set is short of, or which are too many, and what to tell the world about them.
//
// Invariants: a Pod counts while it is active (not finished, not being deleted); at most 500 Pods change in one turn.
//
// Upstream: kubernetes, pkg/controller/replicaset/{replica_set,replica_set_utils}.go.

import { matchesSelector } from '@kube-labs/apiserver';
import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { timestamp } from './meta.ts';
import type { Failure } from './pod-changes.ts';
import { rankForDeletion } from './pod-ranking.ts';
import { isPodAvailable, isPodReady } from './pod-state.ts';

/** Pods that one turn may create or delete; the next turn continues. */
export const BURST_REPLICAS = 500;

export type ReplicaPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly count: number }
  | { readonly kind: 'delete'; readonly pods: readonly Pod[] };

/** `active` are the Pods that count; `related` those of the same kind on whose nodes doubling up is undesired. */
export function plan(
  replicas: number,
  active: readonly Pod[],
  related: readonly Pod[] = active,
): ReplicaPlan {
  const missing = replicas - active.length;
  if (missing > 0) return { kind: 'create', count: Math.min(missing, BURST_REPLICAS) };
  if (missing === 0) return { kind: 'none' };
  const surplus = Math.min(-missing, BURST_REPLICAS);
  return { kind: 'delete', pods: rankForDeletion(active, related).slice(0, surplus) };
}

export function statusOf(
  set: ReplicaSet,
  active: readonly Pod[],
  nowMs: number,
  failure?: Failure,
): ReplicaSetStatus {
  const { spec, status } = set;
  const templateLabels = { matchLabels: spec?.template?.metadata?.labels ?? {} };
  const available = (pod: Pod) => isPodAvailable(pod, spec?.minReadySeconds ?? 0, nowMs);
  const conditions = conditionsWith(status?.conditions ?? [], failure, nowMs);
  return {
    replicas: active.length,
    fullyLabeledReplicas: count(active, (pod) =>
      matchesSelector(templateLabels, pod.metadata?.labels),
    ),
    readyReplicas: count(active, isPodReady),
    availableReplicas: count(active, available),
    observedGeneration: set.metadata?.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

type Conditions = NonNullable<ReplicaSetStatus['conditions']>;

/** ReplicaFailure appears with the first failure, keeps its time while it lasts, and goes with it. */
function conditionsWith(
  before: Conditions,
  failure: Failure | undefined,
  nowMs: number,
): Conditions {
  const others = before.filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const known = before.find(
    ({ type, reason }) => type === 'ReplicaFailure' && reason === failure.reason,
  );
  const lastTransitionTime = known?.lastTransitionTime ?? timestamp(nowMs);
  const { reason, message } = failure;
  return [
    ...others,
    { type: 'ReplicaFailure', status: 'True', lastTransitionTime, reason, message },
  ];
}

function count<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length;
}

// DeploymentScaling: how many replicas each replica set of a Deployment should have next.
//
//   planRollout()   rolling update or Recreate: the next step from the old sets to the new one
//   planScale()     the Deployment's size changed, perhaps in the middle of a rollout: keep the proportions
//
// Each step is safe by itself, whatever the cache has missed:
//   1. all sets together never want more than replicas + maxSurge Pods;
//   2. a set is shrunk only so far that replicas − maxUnavailable Pods stay available;
//   3. Pods that are not available anyway go first, as their loss costs nothing.
//
// Worked example, replicas 3, maxSurge 1, maxUnavailable 0:  old 3 new 0 → new 1 → (available) old 2 → new 2 → … → old 0 new 3.
//
// Upstream: kubernetes, pkg/controller/deployment/{rolling,recreate,sync}.go and util/deployment_util.go.

import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import { isBeingDeleted, meta, millisOf } from './meta.ts';

export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** A replica set and the number of replicas that it should want from now on. */
export interface Scaling {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

export interface ReplicaSets {
  readonly newSet?: ReplicaSet;
  readonly oldSets: readonly ReplicaSet[];
}

export function wanted(object: Deployment | ReplicaSet): number {
  return object.spec?.replicas ?? 1;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec?.strategy?.type !== 'Recreate';
}

/** Both bounds as numbers of Pods: percentages round up for surge and down for unavailable; never both 0. */
export function bounds(deployment: Deployment): {
  readonly surge: number;
  readonly unavailable: number;
} {
  const replicas = wanted(deployment);
  if (!isRollingUpdate(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } =
    deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = Math.ceil(scaled(maxSurge, replicas));
  const unavailable = Math.min(Math.floor(scaled(maxUnavailable, replicas)), replicas);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** A number, or a percentage of `total`. */
export function scaled(value: number | string, total: number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%')
    ? (Number.parseFloat(value) * total) / 100
    : Number.parseInt(value, 10) || 0;
}

/** The next scalings of a rollout; empty when nothing more is to be done now. The new set exists already. */
export function planRollout(
  deployment: Deployment,
  sets: ReplicaSets & { readonly newSet: ReplicaSet },
): readonly Scaling[] {
  const active = sets.oldSets.filter((set) => wanted(set) > 0);
  if (!isRollingUpdate(deployment)) {
    if (active.length > 0) return active.map((replicaSet) => ({ replicaSet, replicas: 0 }));
    return changes([{ replicaSet: sets.newSet, replicas: wanted(deployment) }]);
  }
  const replicas = newSetReplicas(deployment, [sets.newSet, ...active], sets.newSet);
  const grown = changes([{ replicaSet: sets.newSet, replicas }]);
  return grown.length > 0 ? grown : shrinkOldSets(deployment, sets.newSet, active);
}

/** How large the new set may be: with `newSet` absent, how large it may be born. */
export function newSetReplicas(
  deployment: Deployment,
  allSets: readonly ReplicaSet[],
  newSet?: ReplicaSet,
): number {
  const target = wanted(deployment);
  const current = newSet === undefined ? 0 : wanted(newSet);
  if (!isRollingUpdate(deployment) || current > target) return target;
  const room = target + bounds(deployment).surge - sum(allSets, wanted);
  return room <= 0 ? current : Math.min(current + room, target);
}

function shrinkOldSets(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
): readonly Scaling[] {
  const minAvailable = wanted(deployment) - bounds(deployment).unavailable;
  const all = [newSet, ...oldSets];
  const notYetThere = wanted(newSet) - available(newSet);
  let mayGo = sum(all, wanted) - minAvailable - notYetThere;
  if (mayGo <= 0) return [];
  const target = new Map(oldSets.map((set) => [set, wanted(set)]));
  const take = (set: ReplicaSet, most: number, budget: number): number => {
    const replicas = target.get(set) ?? 0;
    const taken = Math.max(0, Math.min(most, replicas, budget));
    target.set(set, replicas - taken);
    return taken;
  };
  const oldestFirst = [...oldSets].sort(byAge);
  for (const set of oldestFirst) mayGo -= take(set, wanted(set) - available(set), mayGo);
  let spare = sum(all, available) - minAvailable;
  for (const set of oldestFirst) spare -= take(set, wanted(set), spare);
  return changes([...target].map(([replicaSet, replicas]) => ({ replicaSet, replicas })));
}

/** Whether the size of the Deployment changed since its sets were last scaled. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = annotatedNumber(set, DESIRED_REPLICAS);
    return wanted(set) > 0 && desired !== undefined && desired !== wanted(deployment);
  });
}

export function planScale(deployment: Deployment, sets: ReplicaSets): readonly Scaling[] {
  const { newSet, oldSets } = sets;
  const all = newSet === undefined ? oldSets : [newSet, ...oldSets];
  const active = all.filter((set) => wanted(set) > 0);
  const only =
    active.length > 1 ? undefined : (active[0] ?? newSet ?? [...oldSets].sort(byAge).at(-1));
  if (active.length <= 1) {
    return only === undefined ? [] : changes([{ replicaSet: only, replicas: wanted(deployment) }]);
  }
  if (newSet !== undefined && isSaturated(deployment, newSet)) {
    const old = active.filter((set) => set !== newSet);
    return changes(old.map((replicaSet) => ({ replicaSet, replicas: 0 })));
  }
  return isRollingUpdate(deployment) ? changes(proportionally(deployment, active)) : [];
}

/** Spreads the difference over the sets by their size; what rounding leaves goes to the largest. */
function proportionally(deployment: Deployment, active: readonly ReplicaSet[]): readonly Scaling[] {
  const target = wanted(deployment);
  const allowed = target > 0 ? target + bounds(deployment).surge : 0;
  const toAdd = allowed - sum(active, wanted);
  const newerFirst = toAdd > 0 ? -1 : 1;
  const largestFirst = [...active].sort(
    (a, b) => wanted(b) - wanted(a) || newerFirst * byAge(a, b),
  );
  let added = 0;
  const scalings = largestFirst.map((replicaSet) => {
    const share = toAdd === 0 ? 0 : shareOf(deployment, replicaSet, toAdd - added);
    added += share;
    return { replicaSet, replicas: wanted(replicaSet) + share };
  });
  return scalings.map(({ replicaSet, replicas }, index) => ({
    replicaSet,
    replicas: Math.max(0, index === 0 ? replicas + toAdd - added : replicas),
  }));
}

function shareOf(deployment: Deployment, set: ReplicaSet, left: number): number {
  const target = wanted(deployment);
  if (left === 0) return 0;
  const maxNow = target + bounds(deployment).surge;
  const maxBefore = annotatedNumber(set, MAX_REPLICAS) ?? deployment.status?.replicas ?? 0;
  if (target > 0 && maxBefore === 0) return 0;
  const fraction =
    target === 0 ? -wanted(set) : Math.round((wanted(set) * maxNow) / maxBefore) - wanted(set);
  return left > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

/** The new set has all that the Deployment wants, and all of it is available. */
function isSaturated(deployment: Deployment, newSet: ReplicaSet): boolean {
  const target = wanted(deployment);
  const desired = annotatedNumber(newSet, DESIRED_REPLICAS);
  return wanted(newSet) === target && desired === target && available(newSet) === target;
}

function annotatedNumber(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata?.annotations?.[annotation];
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

function available(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

function changes(scalings: readonly Scaling[]): readonly Scaling[] {
  return scalings.filter(
    ({ replicaSet, replicas }) => wanted(replicaSet) !== replicas && !isBeingDeleted(replicaSet),
  );
}

/** Oldest first; the name decides between two of the same second. */
export function byAge(left: ReplicaSet, right: ReplicaSet): number {
  const difference =
    millisOf(left.metadata?.creationTimestamp) - millisOf(right.metadata?.creationTimestamp);
  return difference !== 0 ? difference : meta(left).name < meta(right).name ? -1 : 1;
}

export function sum<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((total, item) => total + size(item), 0);
}

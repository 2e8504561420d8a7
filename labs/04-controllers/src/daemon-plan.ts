// DaemonPlan: which daemon Pods to create and delete, and what to tell about them.
//
//   plan()        one Pod on each node that should have one, none elsewhere; then old Pods give way to new ones
//   statusOf()    the counts of the status
//
// Invariant: a rolling update takes away at most maxUnavailable Pods that work, counted together with those that do not work
// anyway. Nothing is created beside a Pod that is still stopping: two on one node would fight for its ports.
//
// Upstream: kubernetes, pkg/controller/daemon/{daemon_controller,update}.go. Left out: maxSurge (the update then goes one by one),
// back-off of failed Pods beyond that of the queue.

import type { DaemonSet, DaemonSetStatus } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { fitOf, REVISION_HASH, targetNodeOf } from './daemon-pod.ts';
import { scaled } from './deployment-scaling.ts';
import { isBeingDeleted, meta, millisOf } from './meta.ts';
import { isPodAvailable, isPodFinished, isPodReady } from './pod-state.ts';

export interface DaemonPlan {
  /** Names of the nodes that get a Pod. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
  /** Pods of `delete` that ended by themselves; people are told. */
  readonly ended: readonly Pod[];
}

interface Place {
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
}

export function plan(
  set: DaemonSet,
  nodes: readonly Node[],
  pods: readonly Pod[],
  { hash, nowMs }: { readonly hash: string; readonly nowMs: number },
): DaemonPlan {
  const places = placesOf(set, nodes, pods);
  const create: string[] = [];
  const doomed = new Set<Pod>();
  const ended: Pod[] = [];
  const names = new Set(nodes.map((node) => meta(node).name));
  for (const pod of pods) {
    const isLost = (pod.spec?.nodeName ?? '') === '' && !names.has(targetNodeOf(pod) ?? '');
    if (isLost && !isBeingDeleted(pod)) doomed.add(pod);
  }
  for (const { node, pods: here, shouldRun, mayStay } of places) {
    const alive = here.filter((pod) => !isBeingDeleted(pod));
    if (!mayStay) for (const pod of alive) doomed.add(pod);
    if (!mayStay) continue;
    if (shouldRun && here.length === 0) create.push(meta(node).name);
    const finished = alive.filter(isPodFinished);
    const [, ...surplus] = alive.filter((pod) => !isPodFinished(pod)).sort(scheduledThenOldest);
    ended.push(...finished);
    for (const pod of [...finished, ...surplus]) doomed.add(pod);
  }
  // A set that is not yet as it should be is not updated as well: one thing at a time.
  if (create.length === 0 && doomed.size === 0 && set.spec?.updateStrategy?.type !== 'OnDelete') {
    for (const pod of outdated(set, places, { hash, nowMs })) doomed.add(pod);
  }
  return { create, delete: [...doomed], ended };
}

function placesOf(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): readonly Place[] {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const name = targetNodeOf(pod) ?? '';
    byNode.set(name, [...(byNode.get(name) ?? []), pod]);
  }
  return nodes.map((node) => {
    return { node, pods: byNode.get(meta(node).name) ?? [], ...fitOf(set, node) };
  });
}

function scheduledThenOldest(left: Pod, right: Pod): number {
  const unbound = (pod: Pod) => ((pod.spec?.nodeName ?? '') === '' ? 1 : 0);
  const age = (pod: Pod) => millisOf(pod.metadata?.creationTimestamp);
  return (
    unbound(left) - unbound(right) ||
    age(left) - age(right) ||
    (meta(left).name < meta(right).name ? -1 : 1)
  );
}

/** Old Pods to delete now: all that do not work, and as many that do as may be missing. */
function outdated(
  set: DaemonSet,
  places: readonly Place[],
  { hash, nowMs }: { readonly hash: string; readonly nowMs: number },
): readonly Pod[] {
  const wanted = places.filter(({ shouldRun }) => shouldRun);
  const { maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const most = Math.max(1, Math.ceil(scaled(maxUnavailable, wanted.length)));
  const working: Pod[] = [];
  const broken: Pod[] = [];
  let unavailable = 0;
  for (const { pods } of wanted) {
    const pod = pods[0];
    const works =
      pod !== undefined && !isBeingDeleted(pod) && isPodAvailable(pod, minReady(set), nowMs);
    if (!works) unavailable++;
    if (pod === undefined || isBeingDeleted(pod) || hashOf(pod) === hash) continue;
    (works ? working : broken).push(pod);
  }
  return [...broken, ...working.slice(0, Math.max(0, most - unavailable))];
}

export function statusOf(
  set: DaemonSet,
  nodes: readonly Node[],
  pods: readonly Pod[],
  { hash, nowMs }: { readonly hash: string; readonly nowMs: number },
): DaemonSetStatus {
  const places = placesOf(set, nodes, pods);
  const wanted = places.filter(({ shouldRun }) => shouldRun);
  const running = wanted.flatMap(({ pods: here }) => {
    const [first] = here.filter((pod) => !isPodFinished(pod)).sort(scheduledThenOldest);
    return first ?? [];
  });
  const count = (holds: (pod: Pod) => boolean) => running.filter(holds).length;
  const numberAvailable = count(
    (pod) => !isBeingDeleted(pod) && isPodAvailable(pod, minReady(set), nowMs),
  );
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: running.length,
    numberMisscheduled: places.filter(({ shouldRun, pods: here }) => !shouldRun && here.length > 0)
      .length,
    numberReady: count(isPodReady),
    updatedNumberScheduled: count((pod) => hashOf(pod) === hash),
    numberAvailable,
    numberUnavailable: wanted.length - numberAvailable,
  };
}

function hashOf(pod: Pod): string | undefined {
  return pod.metadata?.labels?.[REVISION_HASH];
}

export function minReady(set: DaemonSet): number {
  return set.spec?.minReadySeconds ?? 0;
}

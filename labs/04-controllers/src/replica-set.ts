// ReplicaSet: keeps the wanted number of Pods alive, no more and no fewer.
//
// The loop around replica-plan.ts: claim Pods → plan → create or delete → write the status. Nothing is created or deleted
// while the cache does not show yet what the last turn did (see expectations.ts).
// A replication controller is the same machine with another face: see replication-controller.ts.
//
// Upstream: kubernetes, pkg/controller/replicaset. Left out: status.terminatingReplicas.

import {
  ApiError,
  type Informer,
  type KubernetesObject,
  keyOf,
  matchesSelector,
  type ResourceType,
  resources,
  type WorkQueue,
} from '@kube-labs/apiserver';
import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { claimObjects, controllerOf } from './controller-ref.ts';
import { isBeingDeleted, meta, refOf, sameData } from './meta.ts';
import { type Failure, PodChanges } from './pod-changes.ts';
import { PodControl } from './pod-control.ts';
import { isPodActive, nextAvailableInMs } from './pod-state.ts';
import { podFromTemplate } from './pod-template.ts';
import { plan, statusOf } from './replica-plan.ts';
import { BY_CONTROLLER, claimable } from './shared-informers.ts';

/** What makes the machine a ReplicaSet's or a ReplicationController's. */
export interface ReplicaAdapter<T extends KubernetesObject> {
  readonly name: string;
  readonly component: string;
  readonly type: ResourceType<T>;
  readonly workers: number;
  /** The same object seen as a ReplicaSet. */
  view(object: T): ReplicaSet;
  withStatus(object: T, status: ReplicaSetStatus): T;
}

interface Deps<T extends KubernetesObject> {
  readonly context: ControllerContext;
  readonly adapter: ReplicaAdapter<T>;
  readonly sets: Informer<T>;
  readonly pods: Informer<Pod>;
  readonly changes: PodChanges;
  readonly queue: WorkQueue;
}

export function replicaSetController(context: ControllerContext): Controller {
  return replicaController<ReplicaSet>(context, {
    name: 'replicaset-controller',
    component: 'replicaset-controller',
    type: resources.replicaSets,
    workers: context.options.concurrentSyncs.replicaset,
    view: (set) => set,
    withStatus: (set, status) => ({ ...set, status }),
  });
}

export function replicaController<T extends KubernetesObject>(
  context: ControllerContext,
  adapter: ReplicaAdapter<T>,
): Controller {
  const deps: Deps<T> = {
    context,
    adapter,
    sets: context.informers.of(adapter.type),
    pods: context.informers.of(resources.pods),
    changes: new PodChanges(
      new PodControl(context.client, context.recorder(adapter.component)),
      context.clock,
    ),
    queue: newQueue(context, adapter.name),
  };
  const { changes, pods, queue, sets } = deps;
  const enqueue = (set: T) => queue.add(keyOf(set));
  sets.addHandler({
    onAdd: enqueue,
    onUpdate: (_previous, set) => enqueue(set),
    onDelete: enqueue,
  });
  changes.watch(pods, { kind: adapter.type.kind, informer: sets, queue }, (orphan) => {
    for (const key of matching(deps, orphan)) queue.add(key);
  });
  return queueController(context, {
    name: adapter.name,
    queue: deps.queue,
    informers: [deps.sets, deps.pods],
    workers: adapter.workers,
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
}

/** Keys of the sets that would adopt this orphan. */
function matching<T extends KubernetesObject>({ sets, adapter }: Deps<T>, pod: Pod): string[] {
  const { namespace, labels } = meta(pod);
  return sets
    .list(namespace)
    .filter((set) => matchesSelector(adapter.view(set).spec?.selector, labels))
    .map(keyOf);
}

/** Safe to run at any time, any number of times. */
async function reconcile<T extends KubernetesObject>(
  deps: Deps<T>,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const { adapter, changes, context, pods, queue } = deps;
  const object = deps.sets.get(key);
  if (object === undefined) return; // Deleted after it was queued: the garbage collector owns its Pods now.
  const set = adapter.view(object);
  const mayManage = changes.mayManage(key);
  const selector = set.spec?.selector;
  const owner = { object, type: adapter.type, ...(selector === undefined ? {} : { selector }) };
  const children = { type: resources.pods, objects: claimable(pods, object).filter(isPodActive) };
  const active = await claimObjects(context.client, owner, children, signal);
  const failure =
    mayManage && !isBeingDeleted(object)
      ? await manage(deps, { key, object, set, active }, signal)
      : undefined;
  await writeStatus(deps, object, active, failure, signal);
  const wait = nextAvailableInMs(active, set.spec?.minReadySeconds ?? 0, context.clock.now());
  if (wait !== undefined) queue.addAfter(key, wait);
  if (failure !== undefined) throw failure.error;
}

interface Turn<T> {
  readonly key: string;
  readonly object: T;
  readonly set: ReplicaSet;
  readonly active: readonly Pod[];
}

/** Obeys plan(). */
async function manage<T extends KubernetesObject>(
  deps: Deps<T>,
  { key, object, set, active }: Turn<T>,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { adapter, changes } = deps;
  const next = plan(set.spec?.replicas ?? 1, active, relatedPods(deps, object, active));
  switch (next.kind) {
    case 'none':
      return undefined;
    case 'create': {
      const pod = podFromTemplate(object, adapter.type, set.spec?.template);
      const create = Array.from({ length: next.count }, () => pod);
      return changes.apply({ key, object }, { create, delete: [] }, signal);
    }
    case 'delete':
      return changes.apply({ key, object }, { create: [], delete: next.pods }, signal);
    default:
      return next satisfies never;
  }
}

/** The Pods of all sets with the same controller (the replica sets of one Deployment), this one's included. */
function relatedPods<T extends KubernetesObject>(
  { sets, pods }: Deps<T>,
  object: T,
  active: readonly Pod[],
): readonly Pod[] {
  const parent = controllerOf(object);
  if (parent === undefined) return active;
  return sets
    .byIndex(BY_CONTROLLER, parent.uid)
    .flatMap((sibling) => pods.byIndex(BY_CONTROLLER, meta(sibling).uid))
    .filter(isPodActive);
}

/** Writes only a status that differs; a conflict is tried once more on the live object, whose spec may have moved on. */
async function writeStatus<T extends KubernetesObject>(
  { adapter, context }: Deps<T>,
  object: T,
  active: readonly Pod[],
  failure: Failure | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock } = context;
  const view = adapter.view(object);
  const status = statusOf(view, active, clock.now(), failure);
  if (sameData(normalised(view.status), normalised(status))) return;
  try {
    await client.updateStatus(adapter.type, adapter.withStatus(object, status), signal);
  } catch (error) {
    if (!ApiError.is(error, 'Conflict')) throw error;
    const fresh = await client.get(adapter.type, refOf(object), signal);
    if (meta(fresh).uid !== meta(object).uid) return;
    await client.updateStatus(adapter.type, adapter.withStatus(fresh, status), signal);
  }
}

/** On the wire a count of zero is left out. */
function normalised(status: ReplicaSetStatus | undefined): ReplicaSetStatus {
  return {
    ...{ replicas: 0, fullyLabeledReplicas: 0, readyReplicas: 0, availableReplicas: 0 },
    ...{ observedGeneration: 0, conditions: [] },
    ...status,
  };
}

// GarbageCollector: deletes what nobody owns any more, in the order that the deletion asked for.
//
// The loop around garbage-plan.ts: look at one object, ask about owners that the cache does not know, obey the plan. There is no
// graph beside the caches: two indexes of theirs, by uid and by owner's uid, answer every question about it.
//
// Invariant: nothing is deleted because of a cache. An owner that the cache does not show is asked for, and it must
// be gone or have another uid; the deletion names uid and version of the object that was judged.
//
// Upstream: kubernetes, pkg/controller/garbagecollector. Left out: resources beyond our list, owners in another namespace.

import {
  ApiError,
  type Informer,
  type KubernetesObject,
  keyOf,
  type ResourceType,
  resources,
} from '@kube-labs/apiserver';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { OwnerLookup } from './garbage-owners.ts';
import { FOREGROUND, ORPHAN, plan } from './garbage-plan.ts';
import { isBeingDeleted, meta, refOf, sameData } from './meta.ts';
import { BY_OWNER, BY_UID } from './shared-informers.ts';

interface Member {
  readonly type: ResourceType<KubernetesObject>;
  readonly informer: Informer<KubernetesObject>;
}

interface Deps {
  readonly context: ControllerContext;
  readonly members: ReadonlyMap<string, Member>;
  readonly owners: OwnerLookup;
  enqueue(object: KubernetesObject): void;
}

export function garbageCollectorController(context: ControllerContext): Controller {
  const name = 'garbage-collector-controller';
  const types: ResourceType<KubernetesObject>[] = Object.values(resources);
  // Events are many, own nothing and expire by themselves.
  const collected = types.filter((type) => type !== resources.events);
  const members = new Map(
    collected.map((type) => [type.kind, { type, informer: context.informers.of(type) }]),
  );
  const queue = newQueue(context, name);
  const owners = new OwnerLookup(context.client, collected, (uid) => find(members, BY_UID, uid)[0]);
  const enqueue = (object: KubernetesObject) => queue.add(`${object.kind}/${keyOf(object)}`);
  const deps: Deps = { context, members, owners, enqueue };
  for (const { informer } of members.values()) watch(deps, informer);
  return queueController(context, {
    name,
    queue,
    informers: [...members.values()].map(({ informer }) => informer),
    workers: context.options.concurrentSyncs.gc,
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
}

function find(
  members: ReadonlyMap<string, Member>,
  index: string,
  uid: string,
): readonly KubernetesObject[] {
  return [...members.values()].flatMap(({ informer }) => informer.byIndex(index, uid));
}

/** Queues an object when its owners or its own deletion may ask for something, and everything around one that went. */
function watch({ members, enqueue }: Deps, informer: Informer<KubernetesObject>): void {
  const changed = (object: KubernetesObject): void => {
    const { ownerReferences = [], finalizers = [] } = meta(object);
    const collecting = finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND);
    if (ownerReferences.length > 0 || (isBeingDeleted(object) && collecting)) enqueue(object);
  };
  const wakeOwners = (object: KubernetesObject): void => {
    for (const { uid } of object.metadata?.ownerReferences ?? []) {
      for (const owner of find(members, BY_UID, uid)) if (isBeingDeleted(owner)) enqueue(owner);
    }
  };
  informer.addHandler({
    onAdd: changed,
    onUpdate(previous, object) {
      const aspects = ({ metadata }: KubernetesObject) => [
        metadata?.ownerReferences,
        metadata?.finalizers,
        metadata?.deletionTimestamp,
      ];
      if (sameData(aspects(previous), aspects(object))) return;
      changed(object);
      wakeOwners(previous);
    },
    onDelete(object) {
      for (const dependent of find(members, BY_OWNER, meta(object).uid)) enqueue(dependent);
      wakeOwners(object);
    },
  });
}

async function reconcile(deps: Deps, key: string, signal: AbortSignal): Promise<void> {
  const { context, members, owners } = deps;
  const slash = key.indexOf('/');
  const member = members.get(key.slice(0, slash));
  const object = member?.informer.get(key.slice(slash + 1));
  if (member === undefined || object === undefined) return; // Gone: its dependents were queued when it went.
  const { uid, resourceVersion = '', finalizers = [], ownerReferences = [] } = meta(object);
  const states = isBeingDeleted(object) ? [] : await owners.statesOf(object, signal);
  const dependents = find(members, BY_OWNER, uid);
  const next = plan(object, states, dependents);
  const write = (metadata: object) =>
    context.client.patch(
      member.type,
      refOf(object),
      { metadata: { uid, resourceVersion, ...metadata } },
      { type: 'merge' },
      signal,
    );
  switch (next.kind) {
    case 'none':
      return;
    case 'delete': {
      const { propagationPolicy } = next;
      const options = { uid, resourceVersion, propagationPolicy };
      await context.client
        .delete(member.type, refOf(object), options, signal)
        .catch(ignoreNotFound);
      return;
    }
    case 'dropOwners': {
      const kept = ownerReferences.filter((owner) => !next.uids.includes(owner.uid));
      await write({ ownerReferences: kept }).catch(ignoreNotFound);
      return;
    }
    case 'orphanDependents':
      for (const dependent of dependents) await release(deps, dependent, uid, signal);
      await write({ finalizers: finalizers.filter((name) => name !== ORPHAN) }).catch(
        ignoreNotFound,
      );
      return;
    case 'wait':
      for (const dependent of next.dependents) deps.enqueue(dependent);
      return;
    case 'removeFinalizer':
      await write({ finalizers: finalizers.filter((name) => name !== next.finalizer) }).catch(
        ignoreNotFound,
      );
      return;
    default:
      next satisfies never;
  }
}

async function release(
  { context, members }: Deps,
  dependent: KubernetesObject,
  ownerUid: string,
  signal: AbortSignal,
): Promise<void> {
  const type = members.get(dependent.kind ?? '')?.type;
  if (type === undefined) return;
  const { uid } = meta(dependent);
  const gone: readonly (OwnerReference | object)[] = [{ $patch: 'delete', uid: ownerUid }];
  const patch = { metadata: { uid, ownerReferences: gone } };
  await context.client
    .patch(type, refOf(dependent), patch, { type: 'strategic' }, signal)
    .catch(ignoreNotFound);
}

function ignoreNotFound(error: unknown): void {
  if (!ApiError.is(error, 'NotFound')) throw error;
}

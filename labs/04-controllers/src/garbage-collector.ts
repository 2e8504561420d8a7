// GarbageCollector: deletes what nobody owns any more, in the order that the deletion asked for.
//
//   garbage-discovery.ts   which kinds there are
//   garbage-members.ts     their caches; there is no graph beside them: two indexes, by uid and by owner's uid, answer every question
//   garbage-worker.ts      one object: ask about its owners, plan (garbage-plan.ts), obey
//
// This file ties them together: every change that may mean work puts the object, or those around it, into the queue.
//
// Upstream: kubernetes, pkg/controller/garbagecollector.

import type { KubernetesObject } from '@kube-labs/apiserver';
import {
  allSynced,
  type Controller,
  type ControllerContext,
  newQueue,
  pause,
  queueController,
} from './controller.ts';
import { GarbageDiscovery, PERIOD_MS } from './garbage-discovery.ts';
import { GarbageMembers, groupKindOf, type Member } from './garbage-members.ts';
import { OwnerLookup } from './garbage-owners.ts';
import { FOREGROUND, ORPHAN } from './garbage-plan.ts';
import { NAME, queueKeyOf, reconcile, type WorkerDeps } from './garbage-worker.ts';
import { isBeingDeleted, meta, sameData } from './meta.ts';
import { BY_OWNER, BY_UID } from './shared-informers.ts';

/** A kind that cannot be listed must not keep all others waiting. */
const FIRST_SYNC_MS = 30_000;

export function garbageCollectorController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const log = context.log.child({ controller: NAME });
  const queue = newQueue(context, NAME);
  const unjudged = new Set<string>();
  let endFirstLook = (): void => {};
  const firstLook = new Promise<void>((resolve) => {
    endFirstLook = resolve;
  });
  const watch = (member: Member): void => watchMember(deps, discovery, member);
  const members = new GarbageMembers({ client, informers, log, watch });
  const discovery = new GarbageDiscovery({
    client,
    log,
    members,
    queue: newQueue(context, 'garbage-collector-discovery', { maxDelayMs: PERIOD_MS }),
    found() {
      for (const key of unjudged) queue.add(key);
      unjudged.clear();
      endFirstLook();
    },
  });
  const owners = new OwnerLookup({
    client,
    typeOf: (apiVersion, kind) => discovery.typeOf(apiVersion, kind),
    cached: (uid) => members.find(BY_UID, uid)[0],
  });
  const enqueue = (object: KubernetesObject): void => queue.add(queueKeyOf(object));
  const deps: WorkerDeps = { context, members, owners, unjudged, enqueue };
  const workers = queueController(context, {
    name: NAME,
    queue,
    informers: [{ synced: (signal) => synced(deps, firstLook, signal) }],
    workers: context.options.concurrentSyncs.gc,
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
  return {
    async run(signal) {
      const looking = discovery.run(signal).finally(endFirstLook);
      await Promise.all([looking, workers.run(signal)]);
      await members.stop();
    },
  };
}

/** Resolves when all kinds of the first look are known, or after a while: then those that are go first. */
async function synced(
  { context, members }: WorkerDeps,
  firstLook: Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  await firstLook;
  if (signal?.aborted === true) return;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  signal?.addEventListener('abort', end);
  const informers = members.all.map(({ informer }) => informer);
  try {
    await Promise.race([
      allSynced(informers, ending.signal),
      pause(context.clock, FIRST_SYNC_MS, ending.signal),
    ]);
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
  if (!informers.every((informer) => informer.hasSynced)) {
    context.log.warn('Not all kinds could be listed, collecting garbage without them');
  }
}

/** Queues an object when its owners or its own deletion may ask for something, and everything around one that went. */
function watchMember(
  { members, owners, enqueue }: WorkerDeps,
  discovery: GarbageDiscovery,
  { type, informer }: Member,
): void {
  const groupKind = groupKindOf(type);
  const changed = (object: KubernetesObject): void => {
    const { ownerReferences = [], finalizers = [] } = meta(object);
    const collecting = finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND);
    if (ownerReferences.length > 0 || (isBeingDeleted(object) && collecting)) enqueue(object);
  };
  const wakeOwners = (object: KubernetesObject): void => {
    for (const { uid } of object.metadata?.ownerReferences ?? []) {
      for (const owner of members.find(BY_UID, uid)) if (isBeingDeleted(owner)) enqueue(owner);
    }
  };
  informer.addHandler({
    onAdd(object) {
      changed(object);
      discovery.observe(groupKind, object, false);
    },
    onUpdate(previous, object) {
      discovery.observe(groupKind, object, false);
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
      discovery.observe(groupKind, object, true);
      const dependents = members.find(BY_OWNER, meta(object).uid);
      if (dependents.length > 0) owners.sawDeletion(object);
      for (const dependent of dependents) enqueue(dependent);
      wakeOwners(object);
    },
  });
}

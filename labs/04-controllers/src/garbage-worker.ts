// GarbageWorker: one object at a time: what has become of its owners, what must happen, and doing it.
//
// Invariant: nothing is deleted because of a cache. An owner that the cache does not show is asked for, and it must
// be gone or have another uid; the deletion names uid and version of the object that was judged. So does every other write, but one:
// a reference to an owner that lets go is taken out of a built-in object whatever else changed in it meanwhile.
//
// Upstream: kubernetes, pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem, orphanDependents).

import { ApiError, type KubernetesObject, keyOf } from '@kube-labs/apiserver';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import type { ControllerContext } from './controller.ts';
import { type GarbageMembers, groupKindOfObject } from './garbage-members.ts';
import { coordinates, type OwnerLookup, type OwnerVerdict } from './garbage-owners.ts';
import { ORPHAN, plan } from './garbage-plan.ts';
import { isBeingDeleted, meta, refOf } from './meta.ts';
import { BY_OWNER } from './shared-informers.ts';

export const NAME = 'garbage-collector-controller';

export interface WorkerDeps {
  readonly context: ControllerContext;
  readonly members: GarbageMembers;
  readonly owners: OwnerLookup;
  /** Keys of objects with owners of kinds that are not served, or that no cache shows yet: judged again at the next look. */
  readonly unjudged: Set<string>;
  enqueue(object: KubernetesObject): void;
}

/** `Deployment.apps/default/web`: a kind alone would mix up those of two groups. */
export function queueKeyOf(object: KubernetesObject): string {
  return `${groupKindOfObject(object)}/${keyOf(object)}`;
}

/** Safe to run at any time, any number of times. */
export async function reconcile(deps: WorkerDeps, key: string, signal: AbortSignal): Promise<void> {
  const { context, members } = deps;
  const slash = key.indexOf('/');
  const member = members.get(key.slice(0, slash));
  const object = member?.informer.get(key.slice(slash + 1));
  if (member === undefined || object === undefined) return; // Gone: its dependents were queued when it went.
  const { uid, resourceVersion = '', finalizers = [], ownerReferences = [] } = meta(object);
  const states = isBeingDeleted(object) ? [] : await judgeOwners(deps, object, signal);
  const dependents = members.find(BY_OWNER, uid);
  const next = plan(object, states, dependents);
  const write = (metadata: object) =>
    context.client
      .patch(
        member.type,
        refOf(object),
        { metadata: { uid, resourceVersion, ...metadata } },
        { type: 'merge' },
        signal,
      )
      .catch(ignoreNotFound);
  const removeFinalizer = (finalizer: string) =>
    write({ finalizers: finalizers.filter((name) => name !== finalizer) });
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
      await write({ ownerReferences: ownerReferences.filter(isNotOf(next.uids)) });
      return;
    }
    case 'orphanDependents':
      for (const dependent of dependents) await release(deps, dependent, uid, signal);
      await removeFinalizer(ORPHAN);
      return;
    case 'wait':
      for (const dependent of next.dependents) deps.enqueue(dependent);
      return;
    case 'removeFinalizer':
      await removeFinalizer(next.finalizer);
      return;
    default:
      next satisfies never;
  }
}

async function judgeOwners(
  { context, owners, unjudged }: WorkerDeps,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<readonly OwnerVerdict[]> {
  const verdicts = await owners.statesOf(object, signal);
  const { ownerReferences = [], namespace } = meta(object);
  for (const { uid, fault, unseen } of verdicts) {
    if (fault === 'UnknownKind' || unseen) unjudged.add(queueKeyOf(object));
    const reference = ownerReferences.find((each) => each.uid === uid);
    if (fault !== 'InvalidNamespace' || reference === undefined) continue;
    const owner = coordinates(reference, namespace);
    const message = `ownerRef ${owner} does not exist in namespace "${namespace}"`;
    context.recorder(NAME).event(object, 'Warning', 'OwnerRefInvalidNamespace', message);
  }
  return verdicts;
}

/** Takes one owner out of a dependent; of built-in kinds whatever else changed meanwhile, of custom resources if nothing did. */
async function release(
  { context, members }: WorkerDeps,
  dependent: KubernetesObject,
  ownerUid: string,
  signal: AbortSignal,
): Promise<void> {
  const type = members.get(groupKindOfObject(dependent))?.type;
  if (type === undefined) return;
  const { uid, resourceVersion, ownerReferences = [] } = meta(dependent);
  const patch = (kind: 'strategic' | 'merge', metadata: object) =>
    context.client
      .patch(type, refOf(dependent), { metadata: { uid, ...metadata } }, { type: kind }, signal)
      .catch(ignoreNotFound);
  const gone: readonly (OwnerReference | object)[] = [{ $patch: 'delete', uid: ownerUid }];
  try {
    await patch('strategic', { ownerReferences: gone });
  } catch (error) {
    if (!ApiError.is(error, 'UnsupportedMediaType')) throw error;
    const kept = ownerReferences.filter(isNotOf([ownerUid]));
    await patch('merge', { resourceVersion, ownerReferences: kept });
  }
}

function isNotOf(uids: readonly string[]): (reference: OwnerReference) => boolean {
  return ({ uid }) => !uids.includes(uid);
}

function ignoreNotFound(error: unknown): void {
  if (!ApiError.is(error, 'NotFound')) throw error;
}

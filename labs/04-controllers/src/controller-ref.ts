// ControllerRef: who owns an object, and how a controller takes in orphans and lets strays go.
//
// Rules of use: an object has at most one owner with `controller: true`. A controller adopts an object without
// one if the selector matches, and releases its own if the selector stopped matching. It never touches what
// belongs to somebody else, nor anything while it is being deleted itself. Both changes carry the object's uid, so they
// never hit a namesake; before the first adoption the owner is read live, so a deleted owner adopts nothing.
//
// Upstream: kubernetes, pkg/controller/controller_ref_manager.go.

import {
  ApiError,
  type Client,
  type KubernetesObject,
  matchesSelector,
  type ResourceType,
} from '@kube-labs/apiserver';
import type { LabelSelector, OwnerReference } from 'kubernetes-types/meta/v1';
import { isBeingDeleted, meta, refOf } from './meta.ts';

export function controllerRefTo<T extends KubernetesObject>(
  owner: T,
  type: ResourceType<T>,
): OwnerReference {
  const { name, uid } = meta(owner);
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  return { apiVersion, kind: type.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export interface Claim<T> {
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/** Sorts `objects` of the owner's namespace by what its controller must do with them. */
export function planClaim<T extends KubernetesObject>(
  owner: KubernetesObject,
  selector: LabelSelector | undefined,
  objects: readonly T[],
): Claim<T> {
  const { uid } = meta(owner);
  const claim = { owned: [] as T[], adopt: [] as T[], release: [] as T[] };
  for (const object of objects) {
    const controller = controllerOf(object);
    const matches = matchesSelector(selector, object.metadata?.labels);
    if (controller === undefined) {
      if (matches && !isBeingDeleted(object) && !isBeingDeleted(owner)) claim.adopt.push(object);
    } else if (controller.uid === uid) {
      if (matches) claim.owned.push(object);
      else if (!isBeingDeleted(owner)) claim.release.push(object);
    }
  }
  return claim;
}

/** Carries the plan out; returns what the owner now has. */
export async function claimObjects<O extends KubernetesObject, T extends KubernetesObject>(
  client: Client,
  owner: { readonly object: O; readonly type: ResourceType<O>; readonly selector?: LabelSelector },
  children: { readonly type: ResourceType<T>; readonly objects: readonly T[] },
  signal: AbortSignal,
): Promise<readonly T[]> {
  const claim = planClaim(owner.object, owner.selector, children.objects);
  if (claim.adopt.length > 0) await assertMayAdopt(client, owner.object, owner.type, signal);
  const reference = controllerRefTo(owner.object, owner.type);
  const gain = (child: T) => patchOwners(client, children.type, child, [reference], signal);
  const drop = [{ $patch: 'delete', uid: meta(owner.object).uid }];
  await Promise.all(
    claim.release.map((child) => patchOwners(client, children.type, child, drop, signal)),
  );
  const adopted = await Promise.all(claim.adopt.map(gain));
  return [...claim.owned, ...adopted.filter((child) => child !== undefined)];
}

/** The cache may not know yet that the owner is gone: an adoption by a dead owner would be a death sentence. */
async function assertMayAdopt<O extends KubernetesObject>(
  client: Client,
  owner: O,
  type: ResourceType<O>,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid } = meta(owner);
  const fresh = await client.get(type, refOf(owner), signal);
  if (meta(fresh).uid !== uid || isBeingDeleted(fresh)) {
    throw new Error(`Cannot adopt for ${type.kind} ${namespace}/${name}: it is gone or going`);
  }
}

/** Returns undefined when the child is gone or is another object by now: then there is nothing to claim. */
async function patchOwners<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  child: T,
  ownerReferences: readonly object[],
  signal: AbortSignal,
): Promise<T | undefined> {
  const patch = { metadata: { uid: meta(child).uid, ownerReferences } };
  try {
    return await client.patch(type, refOf(child), patch, { type: 'strategic' }, signal);
  } catch (error) {
    if (ApiError.is(error, 'NotFound') || ApiError.is(error, 'Invalid')) return undefined;
    if (ApiError.is(error, 'Conflict')) return undefined;
    throw error;
  }
}

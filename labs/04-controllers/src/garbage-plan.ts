// GarbagePlan: what must happen to one object, from its owners and its dependents.
//
// Three ways to delete an owner, told apart by a finalizer on it:
//   background   the owner goes at once; its dependents are found without an owner and follow
//   foreground   finalizer `foregroundDeletion`: the dependents go first, those that block its deletion are waited for
//   orphan       finalizer `orphan`: the dependents lose their reference to it and stay
//
// Upstream: kubernetes, pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem).

import type { KubernetesObject } from '@kube-labs/apiserver';
import { isBeingDeleted, meta } from './meta.ts';

export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

/** waiting: there, but only until its dependents are gone. */
export type OwnerState = 'solid' | 'waiting' | 'absent';
export type Propagation = 'Orphan' | 'Background' | 'Foreground';

export type CollectPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'delete'; readonly propagationPolicy: Propagation }
  /** Some owners are gone, others are not: forget the former. */
  | { readonly kind: 'dropOwners'; readonly uids: readonly string[] }
  | { readonly kind: 'orphanDependents' }
  /** Dependents that still have to go before the object can. */
  | { readonly kind: 'wait'; readonly dependents: readonly KubernetesObject[] }
  | { readonly kind: 'removeFinalizer'; readonly finalizer: string };

export function plan(
  object: KubernetesObject,
  owners: readonly { readonly uid: string; readonly state: OwnerState }[],
  dependents: readonly KubernetesObject[],
): CollectPlan {
  const { uid, finalizers = [] } = meta(object);
  if (isBeingDeleted(object)) {
    if (finalizers.includes(ORPHAN)) {
      if (dependents.length > 0) return { kind: 'orphanDependents' };
      return { kind: 'removeFinalizer', finalizer: ORPHAN };
    }
    if (!finalizers.includes(FOREGROUND)) return { kind: 'none' };
    const blocking = dependents.some((dependent) => blocks(dependent, uid));
    if (blocking) return { kind: 'wait', dependents };
    return { kind: 'removeFinalizer', finalizer: FOREGROUND };
  }
  if (owners.length === 0) return { kind: 'none' };
  const leaving = owners.filter(({ state }) => state !== 'solid');
  if (leaving.length === 0) return { kind: 'none' };
  if (leaving.length < owners.length) {
    return { kind: 'dropOwners', uids: leaving.map((owner) => owner.uid) };
  }
  if (leaving.some(({ state }) => state === 'waiting') && dependents.length > 0) {
    return { kind: 'delete', propagationPolicy: 'Foreground' };
  }
  if (finalizers.includes(ORPHAN)) return { kind: 'delete', propagationPolicy: 'Orphan' };
  const policy = finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background';
  return { kind: 'delete', propagationPolicy: policy };
}

function blocks(dependent: KubernetesObject, ownerUid: string): boolean {
  const references = dependent.metadata?.ownerReferences ?? [];
  return references.some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion);
}

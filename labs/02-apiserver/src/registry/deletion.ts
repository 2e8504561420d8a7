// deletion: what a DELETE does to an object, decided without touching the store.
//
// An object goes at once, or it is only marked: deletionTimestamp says when it should be gone, and it really goes when nobody
// holds it any more. Three things hold it: finalizers (somebody must clean up first), a namespace's own finalizers, and for
// pods a grace period (the kubelet must stop the containers first, and confirms with grace period 0).
//
// Same rule upstream: apiserver, registry/rest/delete.go (BeforeDelete), registry/generic/registry/store.go
// (deletionFinalizersForGarbageCollection), registry/core/pod/strategy.go and registry/core/namespace/storage.
// Left out: deleting objects that cannot be decoded.

import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { conflict } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import {
  formatTime,
  type MutableMeta,
  metadataOf,
  mutableCopy,
  type ReadonlyApiObject,
} from './api-object.ts';
import type { ResourceDefinition } from './resource-definition.ts';

export type DeletionPlan =
  | { readonly kind: 'remove' }
  /** Write this instead; it goes when its finalizers are gone, or when the kubelet says so. */
  | { readonly kind: 'mark'; readonly object: KubernetesObject }
  /** It is marked already, and this request changes nothing. */
  | { readonly kind: 'keep' };

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';
const POD_GRACE_DEFAULT_SECONDS = 30;

/** What shall happen. `current` is never changed; the marked object is a copy. */
export function planDeletion(
  current: ReadonlyApiObject,
  options: DeleteOptions,
  { definition, nowMs }: { definition: ResourceDefinition; nowMs: number },
): DeletionPlan {
  const next = mutableCopy(current);
  const metadata = metadataOf(next);
  const { deletionTimestamp: marked, deletionGracePeriodSeconds: promised = 0 } = metadata;
  const graceSeconds = graceOf(current, options);
  // Who waits for a kubelet can be hurried, and that is all.
  if (marked !== undefined && promised > 0 && graceSeconds === promised) return { kind: 'keep' };
  setCollectionFinalizers(metadata, options, definition);
  if (marked === undefined) definition.strategy.prepareForDeletion?.(next, formatTime(nowMs));
  const held = (metadata.finalizers ?? []).length > 0 || isHeldNamespace(current);
  if (!held && graceSeconds === 0) return { kind: 'remove' };

  if (marked !== undefined && promised === 0) {
    return sameFinalizers(current, next) ? { kind: 'keep' } : { kind: 'mark', object: next };
  }
  if (marked === undefined && metadata.generation !== undefined && metadata.generation > 0) {
    metadata.generation += 1;
  }
  // A grace period begins with the first request, not with the one that shortens it.
  const beginMs = marked === undefined ? nowMs : Date.parse(marked) - promised * 1000;
  metadata.deletionTimestamp = formatTime(beginMs + graceSeconds * 1000);
  metadata.deletionGracePeriodSeconds = graceSeconds;
  if (isNamespace(next)) next.status = { ...next.status, phase: 'Terminating' };
  return { kind: 'mark', object: next };
}

/** True when an update took away the last thing that held an object which is being deleted. */
export function isReleasedBy(next: KubernetesObject): boolean {
  const metadata = next.metadata ?? {};
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (metadata.finalizers ?? []).length === 0 &&
    !isHeldNamespace(next)
  );
}

/** Throws a Conflict when the object is not the one that the client means. It names the kind, as upstream does here and only here. */
export function checkPreconditions(
  { metadata }: ReadonlyApiObject,
  options: DeleteOptions,
  { group, kind: resource }: ResourceDefinition,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { name = '' } = metadata;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict({ group, resource }, name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict({ group, resource }, name, why);
  }
}

/**
 * Pods that no kubelet runs (unassigned or finished) need no grace, and other kinds know none at all. What an earlier request
 * promised can only be shortened.
 */
function graceOf(current: ReadonlyApiObject, options: DeleteOptions): number {
  const { deletionTimestamp, deletionGracePeriodSeconds: promised = 0 } = current.metadata;
  const { spec, status } = current as Pod;
  const own = spec?.terminationGracePeriodSeconds ?? POD_GRACE_DEFAULT_SECONDS;
  const wanted = options.gracePeriodSeconds ?? (deletionTimestamp === undefined ? own : promised);
  const seconds = wanted < 0 ? 1 : wanted;
  if (deletionTimestamp !== undefined) return Math.min(seconds, promised);
  if (current.kind !== 'Pod' || current.apiVersion !== 'v1') return 0;
  if ((spec?.nodeName ?? '') === '') return 0;
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? 0 : seconds;
}

/** Propagation becomes a finalizer, which the garbage collector takes away when it has done its part. */
function setCollectionFinalizers(
  metadata: MutableMeta,
  options: DeleteOptions,
  definition: ResourceDefinition,
): void {
  const finalizers = new Set(metadata.finalizers ?? []);
  const policy = propagationOf(options) ?? existingPolicy(finalizers) ?? defaultPolicy(definition);
  finalizers.delete(ORPHAN);
  finalizers.delete(FOREGROUND);
  if (policy === 'Orphan') finalizers.add(ORPHAN);
  if (policy === 'Foreground') finalizers.add(FOREGROUND);
  if (finalizers.size > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
}

function propagationOf(options: DeleteOptions): string | undefined {
  if (options.orphanDependents !== undefined) {
    return options.orphanDependents ? 'Orphan' : 'Background';
  }
  return options.propagationPolicy;
}

function existingPolicy(finalizers: ReadonlySet<string>): string | undefined {
  if (finalizers.has(ORPHAN)) return 'Orphan';
  return finalizers.has(FOREGROUND) ? 'Foreground' : undefined;
}

/** The first clients counted on pods outliving what had made them. */
function defaultPolicy({ group, resource }: ResourceDefinition): string {
  const isOld =
    (group === '' && resource === 'replicationcontrollers') ||
    (group === 'batch' && resource === 'jobs');
  return isOld ? 'Orphan' : 'Background';
}

function isHeldNamespace(object: KubernetesObject | ReadonlyApiObject): boolean {
  return isNamespace(object) && (object.spec?.finalizers ?? []).length > 0;
}

/** Kinds of the same name may be declared in other groups. */
function isNamespace(object: KubernetesObject | ReadonlyApiObject): object is Namespace {
  return object.kind === 'Namespace' && object.apiVersion === 'v1';
}

function sameFinalizers(current: ReadonlyApiObject, next: KubernetesObject): boolean {
  const before = current.metadata.finalizers ?? [];
  const after = next.metadata?.finalizers ?? [];
  return before.length === after.length && before.every((name) => after.includes(name));
}

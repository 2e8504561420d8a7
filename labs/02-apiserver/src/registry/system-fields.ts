// system-fields: what in an object belongs to the server, whatever a client writes there.
//
// A create gets its identity here; an update keeps it, and is refused when its writer did not see the current state. Pure, but for the
// objects that are written into: the caller's own copies.
//
// Same rules upstream: apiserver, registry/rest (BeforeCreate, BeforeUpdate) and registry/generic/registry/store.go (Update).

import { badRequest, conflict, mustBeSeen } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { formatTime, metadataOf, type ReadonlyApiObject } from './api-object.ts';
import { newUid } from './object-name.ts';
import type { ResourceDefinition } from './resource-definition.ts';

/** The identity of a new object. */
export function setSystemFields(
  object: KubernetesObject,
  namespace: string | undefined,
  nowMs: number,
): void {
  const metadata = metadataOf(object);
  if ((metadata.resourceVersion ?? '') !== '') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  delete metadata.resourceVersion;
  delete metadata.selfLink;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (namespace === undefined) delete metadata.namespace;
  else metadata.namespace = namespace;
  metadata.uid = newUid();
  metadata.creationTimestamp = formatTime(nowMs);
}

/** What the client sent for the server's own fields does not count. */
export function keepSystemFields(next: KubernetesObject, old: ReadonlyApiObject): void {
  const metadata = metadataOf(next);
  const kept = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'resourceVersion',
  ] as const;
  for (const field of kept) {
    const value = old.metadata[field];
    if (value === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: value });
  }
  delete metadata.selfLink;
}

/** Optimistic concurrency: a writer that names the version it read loses when that is not the current one. */
export function checkSeen(
  next: KubernetesObject,
  old: ReadonlyApiObject,
  definition: ResourceDefinition,
): void {
  const { uid, resourceVersion } = next.metadata ?? {};
  const name = old.metadata.name ?? '';
  if (uid !== undefined && uid !== '' && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(definition, name, why);
  }
  const seen = resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0';
  if (!seen && !definition.unconditionalUpdate) throw mustBeSeen(definition, name);
  if (seen && resourceVersion !== old.metadata.resourceVersion) throw conflict(definition, name);
}

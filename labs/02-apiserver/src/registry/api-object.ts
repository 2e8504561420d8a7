// api-object: what the server knows of every object, whatever its kind.
//
// The registry handles all kinds alike: it looks at metadata, and passes the rest through. Objects that come out of the
// storage or the cache are shared by everybody and never changed; who wants to change one takes a mutableCopy() first.
//
// Same idea upstream: apimachinery, meta/v1 ObjectMeta and api/meta Accessor.

import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { KubernetesObject } from '../client/resources.ts';
import { copyJson } from '../codec/copy-json.ts';

/** An object that was stored: it has a name, a uid and metadata in any case. */
export interface ReadonlyApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<ObjectMeta>;
}

/** But for the fieldsV1 of its owners: they are half of many an object, and are replaced, never written into. */
export function mutableCopy(object: KubernetesObject | ReadonlyApiObject): KubernetesObject {
  const managedFields: unknown = object.metadata?.managedFields;
  if (!Array.isArray(managedFields)) return copyJson(object) as KubernetesObject;
  const unowned = { ...object, metadata: { ...object.metadata, managedFields: [] } };
  const copy = copyJson(unowned) as KubernetesObject;
  metadataOf(copy).managedFields = managedFields.map((entry) => ({ ...entry }));
  return copy;
}

/** What the server alone may write is read-only in the published types; here it is not. */
export type MutableMeta = { -readonly [Field in keyof ObjectMeta]: ObjectMeta[Field] };

/** The object's metadata, made when it is missing, so that the caller may write into it. */
export function metadataOf(object: KubernetesObject): MutableMeta {
  object.metadata ??= {};
  return object.metadata;
}

/** Every write says the present second a few times, and a Date makes much of it. */
let latest = { seconds: Number.NaN, text: '' };

/** A point in time as metav1.Time writes it: whole seconds, UTC. */
export function formatTime(timeMs: number): string {
  const seconds = Math.floor(timeMs / 1000);
  if (seconds !== latest.seconds) {
    latest = { seconds, text: `${new Date(timeMs).toISOString().slice(0, 19)}Z` };
  }
  return latest.text;
}

// Meta: the parts of ObjectMeta that every stored object has, without the question marks.
//
// kubernetes-types marks each field optional, as a client may leave it out. What comes back from the API
// server always has a name and a uid; meta() says so once, so that the controllers need not say it everywhere.
//
// Upstream: apimachinery, pkg/api/meta (the accessor), and metav1.Time for the format of instants.

import type { KubernetesObject, ObjectRef } from '@kube-labs/apiserver';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

export interface StoredMeta extends ObjectMeta {
  readonly name: string;
  /** '' for an object without a namespace. */
  readonly namespace: string;
  readonly uid: string;
}

export function meta(object: KubernetesObject): StoredMeta {
  const { metadata = {} } = object;
  const { name = '', namespace = '', uid = '' } = metadata;
  return { ...metadata, name, namespace, uid };
}

export function refOf(object: KubernetesObject): ObjectRef {
  const { name, namespace } = meta(object);
  return namespace === '' ? { name } : { namespace, name };
}

export function isBeingDeleted(object: KubernetesObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

/** 'namespace/name', or 'name' for a cluster-scoped object: the form that informers and queues use. */
export function joinKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The instant in the form that metav1.Time has on the wire: whole seconds, UTC. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since the epoch; 0 for an instant that was never written. */
export function millisOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time);
}

/** Equal as data, whatever the order of the fields. Absent and undefined are the same. */
export function sameData(left: unknown, right: unknown): boolean {
  return canonicalJson(left) === canonicalJson(right);
}

/** JSON with its fields in alphabetical order, so that equal data gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

// ResourceDefinition: the declaration of one resource, from which routes, discovery, tables and storage follow.
//
// A resource is data, not a class: what all resources share is in the registry, what is special to one (defaults,
// validation, what status updates may touch) is its strategy. A new resource is one more declaration in resources.ts.
//
// Same idea upstream: registry/<group>/<resource>/storage, which builds a genericregistry.Store, and APIResource.

import type { ReadonlyApiObject } from './api-object.ts';

export type Verb =
  | 'create'
  | 'delete'
  | 'deletecollection'
  | 'get'
  | 'list'
  | 'patch'
  | 'update'
  | 'watch';

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

export interface SubresourceDefinition {
  readonly name: string;
  /** What the subresource speaks: its parent's kind for status, Scale for scale, … */
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly Verb[];
}

export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly SubresourceDefinition[];
  /** Fields that a field selector may name, besides metadata.name and metadata.namespace. */
  readonly selectableFields: Readonly<Record<string, (object: ReadonlyApiObject) => string>>;
  /** PUT of an object that is not there makes it. */
  readonly createOnUpdate: boolean;
  /** Objects go away by themselves after so many seconds (events). */
  readonly ttlSeconds?: number;
}

/** `v1`, `apps/v1`. */
export function groupVersionOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The prefix of all keys of a resource. */
export function resourcePrefix({ resource }: { resource: string }): string {
  return `/registry/${resource}/`;
}

/** The prefix of all keys of a resource in a namespace; of the whole resource when no namespace is asked for. */
export function collectionPrefix(definition: ResourceDefinition, namespace?: string): string {
  const prefix = resourcePrefix(definition);
  return namespace === undefined || !definition.namespaced
    ? prefix
    : `${prefix}${toKey(namespace)}/`;
}

export function objectKey(
  definition: ResourceDefinition,
  ref: { readonly namespace?: string | undefined; readonly name: string },
): string {
  return collectionPrefix(definition, ref.namespace) + toKey(ref.name);
}

/** The store's keys hold one byte a char; names outside ASCII are never stored, but they are asked for. */
function toKey(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

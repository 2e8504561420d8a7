// ResourceDefinition: the declaration of one resource in one version; routes, discovery, tables and storage follow from it.
//
// A resource is data, not a class: what all resources share is in the registry, what is special to one (defaults,
// validation, what status updates may touch) is its strategy. A new resource is one more declaration in resources/<group>.ts.
//
// Three kinds of resource:
//   stored      the common case: it has a prefix in the store, a strategy, and a watch cache
//   storedAs    another version (or group) of a stored one: `storedAs` names the stored definition and converts to and fro
//   virtual     `handle` answers its requests; nothing of it is ever stored (bindings, reviews)
//
// Strategies, printers and selectable fields always read the object as it is stored, whatever version a client speaks.
//
// Same idea upstream: registry/<group>/<resource>/storage, which builds a genericregistry.Store, and APIResource.

import type { KubernetesObject } from '../client/resources.ts';
import type { KindCodec } from '../codec/kind-codec.ts';
import type { Printer } from '../printers/table.ts';
import type { ConnectHandler, ResourceHandler, StoredHandler } from '../server/handler.ts';
import type { Strategy } from '../strategy/strategy.ts';
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
  /** Answers every verb that is declared. Without it a request that is no upgrade is refused. */
  readonly handle?: StoredHandler;
  /** Takes over the connection of a request that asks for an upgrade. */
  readonly connect?: ConnectHandler;
  /** Judges writes through this subresource instead of the resource's own (ephemeral containers, approvals). */
  readonly strategy?: Strategy;
  /** The path may go on behind the name: `pods/NAME/proxy/any/path`. */
  readonly hasRest?: boolean;
  /** The answer has no end of its own (logs): it does not count towards latencies. */
  readonly longRunning?: boolean;
}

/** How another version of a stored resource is kept. Both functions are pure, and leave what they are given as it is. */
export interface StoredAs {
  readonly definition: ResourceDefinition;
  /** From this version to the stored one. kind and apiVersion are set by the caller. Absent: the fields are the same. */
  readonly toStorage?: (object: KubernetesObject) => KubernetesObject;
  readonly fromStorage?: (object: ReadonlyApiObject) => KubernetesObject;
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
  /** False: a PUT must name the resourceVersion that it saw. */
  readonly unconditionalUpdate: boolean;
  /** Objects go away by themselves after so many seconds (events). */
  readonly ttlSeconds?: number;
  /** Where the objects lie, `/registry/pods/`: upstream's layout. No resource's prefix begins with another's. */
  readonly storagePrefix: string;
  readonly strategy: Strategy;
  /** The columns of its Table. Default: name and age. */
  readonly printer?: Printer;
  /** How bodies of this version are read. Default: by the generated schema of its kind. */
  readonly codec?: KindCodec;
  readonly storedAs?: StoredAs;
  readonly handle?: ResourceHandler;
  /** Of its lists. Default: the kind with `List` behind it. */
  readonly listKind?: string;
  /** Kept in the store in this version, but nobody may ask for it: only its other versions are served. */
  readonly unserved?: boolean;
  /** Writes in this version are judged by its own strategy, on the object as it is stored, and not by the stored version's. */
  readonly judgesItself?: boolean;
  /** What lies in the store, as it is to be seen today; pure. The very same object where there is nothing to do. */
  readonly readStored?: (object: ReadonlyApiObject) => ReadonlyApiObject;
  /** For the `Warning` header of every answer: the version is deprecated. */
  readonly warning?: string;
  /** The schemas of its kinds by name, for OpenAPI. Default: the generated ones. */
  readonly openapi?: (version: 'v2' | 'v3') => Readonly<Record<string, object>>;
}

/** Whether the resource has a place of its own in the store. */
export function isStored({ storedAs, handle }: ResourceDefinition): boolean {
  return storedAs === undefined && handle === undefined;
}

/** The kind of its lists. */
export function listKindOf({ kind, listKind }: ResourceDefinition): string {
  return listKind ?? `${kind}List`;
}

/** `v1`, `apps/v1`. */
export function groupVersionOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The prefix of all keys of a resource, whichever version it is asked for in. */
export function resourcePrefix(definition: ResourceDefinition): string {
  return (definition.storedAs?.definition ?? definition).storagePrefix;
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

/** Bytes and characters are the same there. */
const ASCII = /^[ -~]*$/;

/** The store's keys hold one byte a char; names outside ASCII are never stored, but they are asked for. */
function toKey(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

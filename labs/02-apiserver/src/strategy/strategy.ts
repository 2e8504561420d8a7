// strategy: what is special to one kind of object, and what all kinds share.
//
// The registry does the same to every object; a strategy is the part that differs: defaults, what a client may not set,
// what is valid. Strategies are pure: they look at the object they are given (and the one before it), nothing else.
// setDefaults() and prepareFor…() write into an object that nobody else holds; `old` is shared and never changed.
//
// Same idea upstream: apiserver, pkg/registry/rest (RESTCreateStrategy, RESTUpdateStrategy) and pkg/apis/*/v1/defaults.go.

import type { User } from '../auth/user.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { sameValue } from './equality.ts';
import type { FieldError } from './field-error.ts';
import { type MetadataRules, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

/** What a strategy may know of a write besides its object; absent where an object is only tried out. */
export interface WriteFacts {
  readonly user: User;
  /** metav1.Time's text. */
  readonly now: string;
}

export interface Strategy {
  /** Fills in what the client left out. */
  setDefaults(object: KubernetesObject): void;
  /** Empties the status; sets the first generation. */
  prepareForCreate(object: KubernetesObject, facts?: WriteFacts): void;
  /** Keeps the status, counts the generation up when the spec changed. */
  prepareForUpdate(object: KubernetesObject, old: KubernetesObject): void;
  /** Keeps everything but the status (and labels, annotations, finalizers). */
  prepareForStatusUpdate?(
    object: KubernetesObject,
    old: KubernetesObject,
    facts?: WriteFacts,
  ): void;
  validate(object: KubernetesObject): FieldError[];
  validateUpdate(object: KubernetesObject, old: KubernetesObject): FieldError[];
  /** For writes through the status subresource; the spec in `object` is the stored one. */
  validateStatusUpdate(object: KubernetesObject, old: KubernetesObject): FieldError[];
  /** What the first request to delete changes besides marking: `object` is a copy, `now` metav1.Time's text. */
  prepareForDeletion?(object: KubernetesObject, now: string): void;
}

/** What a resource has to say; all the rest is the same for everybody. */
export interface StrategyParts<T extends KubernetesObject> {
  readonly metadata?: Partial<MetadataRules>;
  /** False for kinds whose status and generation do not exist (secrets, events). Default: true. */
  readonly hasStatus?: boolean;
  readonly hasGeneration?: boolean;
  /** True for nodes: what registers them knows their status at once. */
  readonly statusOnCreate?: boolean;
  setDefaults?(object: T): void;
  /** After the status is empty and the generation is 1. */
  prepareForCreate?(object: T, facts?: WriteFacts): void;
  /** After the status is back and the generation counted. */
  prepareForUpdate?(object: T, old: T): void;
  /** After everything but the status is back. */
  prepareForStatusUpdate?(object: T, old: T, facts?: WriteFacts): void;
  /** Besides metadata. */
  validate?(object: T): FieldError[];
  /** Besides metadata and validate(), which run on updates too. */
  validateUpdate?(object: T, old: T): FieldError[];
  /** Replaces validate() on updates, for kinds where an update is judged otherwise. */
  validateOnUpdate?(object: T, old: T): FieldError[];
  /** Besides metadata, for updates of the status. */
  validateStatus?(object: T, old: T): FieldError[];
}

interface Parts {
  spec?: unknown;
  status?: unknown;
}

/** T is what decodeObject() made sure of: an object of the kind's own schema. */
export function defineStrategy<T extends KubernetesObject>(parts: StrategyParts<T>): Strategy {
  const rules = { namespaced: true, name: () => [], ...parts.metadata };
  const own = (object: KubernetesObject): T => object as T;
  const hasStatus = parts.hasStatus ?? true;
  const hasGeneration = parts.hasGeneration ?? hasStatus;
  return {
    setDefaults: (object) => parts.setDefaults?.(own(object)),
    prepareForCreate(object, facts) {
      if (hasStatus && parts.statusOnCreate !== true) (object as Parts).status = {};
      setGeneration(object, hasGeneration ? 1 : undefined);
      parts.prepareForCreate?.(own(object), facts);
    },
    prepareForUpdate(object, old) {
      if (hasStatus) keep(object, old, 'status');
      const generation = old.metadata?.generation;
      const changed = !sameValue((object as Parts).spec, (old as Parts).spec);
      const next = changed ? (generation ?? 0) + 1 : generation;
      setGeneration(object, hasGeneration ? next : undefined);
      parts.prepareForUpdate?.(own(object), own(old));
    },
    ...(hasStatus
      ? {
          prepareForStatusUpdate(object, old, facts) {
            keepAllButStatus(object, old);
            parts.prepareForStatusUpdate?.(own(object), own(old), facts);
          },
        }
      : {}),
    validate: (object) => [
      ...validateObjectMeta(object, rules),
      ...(parts.validate?.(own(object)) ?? []),
    ],
    validateUpdate: (object, old) => [
      ...validateObjectMetaUpdate(object, old),
      ...(parts.validateOnUpdate?.(own(object), own(old)) ?? parts.validate?.(own(object)) ?? []),
      ...(parts.validateUpdate?.(own(object), own(old)) ?? []),
    ],
    validateStatusUpdate: (object, old) => [
      ...validateObjectMetaUpdate(object, old),
      ...(parts.validateStatus?.(own(object), own(old)) ?? []),
    ],
  };
}

function keepAllButStatus(object: KubernetesObject, old: KubernetesObject): void {
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (field !== 'status' && field !== 'metadata') {
      keep(object, old, field as keyof KubernetesObject);
    }
  }
  setGeneration(object, old.metadata?.generation);
}

function setGeneration(object: KubernetesObject, generation: number | undefined): void {
  const { generation: _, ...metadata } = object.metadata ?? {};
  object.metadata = generation === undefined ? metadata : { ...metadata, generation };
}

/** Takes a field's old state over, absence included. */
export function keep<T extends object>(object: T, old: T, field: keyof T | 'status'): void {
  const name = field as keyof T;
  if (old[name] === undefined) delete object[name];
  else object[name] = old[name];
}

// ObjectFilter: which objects of a resource a list or a watch means.
//
// Namespace, label selector and field selector together. For a watch the filter also decides what a change looks like from
// the watcher's side: an object that begins to match is ADDED to its view, one that ceases to match is DELETED from it,
// whatever really happened to the object.
//
// Same rule upstream: apiserver, storage/selection_predicate.go and cacher/cache_watcher.go (convertToWatchEvent).

import { type LabelRequirement, matchesRequirements } from '../client/label-requirement.ts';
import {
  type FieldRequirement,
  matchesFields,
  parseFieldSelector,
  readField,
} from './field-selector.ts';
import { readLabelQuery } from './label-query.ts';
import {
  collectionPrefix,
  groupVersionOf,
  objectKey,
  type ResourceDefinition,
} from './resource-definition.ts';
import type { StoredObject } from './stored-object.ts';
import type { CacheEvent } from './watch-cache.ts';
import type { Interest } from './watch-index.ts';

export interface SelectorOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WatchChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly stored: StoredObject;
}

export class ObjectFilter {
  readonly definition: ResourceDefinition;
  /** Keys of objects that can match begin with this. */
  readonly keyPrefix: string;
  readonly #labels: readonly LabelRequirement[];
  readonly #fields: readonly FieldRequirement[];
  readonly #namespace: string | undefined;

  constructor(definition: ResourceDefinition, options: SelectorOptions) {
    this.definition = definition;
    this.#namespace = definition.namespaced ? options.namespace : undefined;
    this.keyPrefix = collectionPrefix(definition, this.#namespace);
    this.#labels = readLabelQuery(options.labelSelector ?? '');
    this.#fields = parseFieldSelector(options.fieldSelector ?? '', definition);
  }

  /** True when every object under keyPrefix matches, so that counts are exact without looking at objects. */
  get matchesEverything(): boolean {
    return this.#labels.length === 0 && this.#fields.length === 0;
  }

  /** The one key that can match, for a filter that names an object; undefined when others could match, too. */
  get key(): string | undefined {
    const name = this.#valueOf('metadata.name');
    const isWhere = !this.definition.namespaced || this.#namespace !== undefined;
    if (name === undefined || name === '' || !isWhere) return undefined;
    const ref = this.#namespace === undefined ? { name } : { name, namespace: this.#namespace };
    return objectKey(this.definition, ref);
  }

  /** Which events can concern a watcher with this filter: the narrowest of what it asks for. */
  get interest(): Interest {
    const { key, definition } = this;
    if (key !== undefined) return { kind: 'key', key };
    const wanted = this.#fields.find(({ equal, field }) => equal && field !== 'metadata.namespace');
    if (wanted !== undefined) {
      const { field, value } = wanted;
      const name = `${groupVersionOf(definition)} ${field}`;
      return { kind: 'field', name, value, read: (object) => readField(field, object, definition) };
    }
    if (this.#namespace === undefined) return { kind: 'all' };
    return { kind: 'prefix', prefix: this.keyPrefix };
  }

  /** Whether a list with this filter shows the object. */
  matches(stored: StoredObject): boolean {
    return (
      stored.key.startsWith(this.keyPrefix) &&
      matchesRequirements(this.#labels, stored.object.metadata.labels) &&
      matchesFields(this.#fields, stored.object, this.definition)
    );
  }

  /** The value that a field must have, if the selector asks for one. */
  #valueOf(field: string): string | undefined {
    return this.#fields.find((one) => one.equal && one.field === field)?.value;
  }

  /** What a watcher with this filter sees of an event; undefined when the event is none of its business. */
  changeOf({ type, current, previous }: CacheEvent): WatchChange | undefined {
    const matched = previous !== undefined && this.matches(previous);
    const matches = type !== 'DELETED' && this.matches(current);
    if (matches) return { type: matched ? 'MODIFIED' : 'ADDED', stored: current };
    if (!matched) return undefined;
    // The watcher gets the last state that it could see, under the revision of the change that ended it.
    return {
      type: 'DELETED',
      stored: type === 'DELETED' ? current : previous.atRevision(current.revision),
    };
  }
}

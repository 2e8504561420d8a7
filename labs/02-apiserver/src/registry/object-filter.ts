// ObjectFilter: which objects of a resource a list or a watch means.
//
// Namespace, label selector and field selector together. For a watch the filter also decides what a change looks like from
// the watcher's side: an object that begins to match is ADDED to its view, one that ceases to match is DELETED from it,
// whatever really happened to the object.
//
// Same rule upstream: apiserver, storage/selection_predicate.go and cacher/cache_watcher.go (convertToWatchEvent).

import { badRequest } from '../api-error.ts';
import {
  type LabelRequirement,
  matchesRequirements,
  parseLabelSelector,
} from '../client/selectors.ts';
import { type FieldRequirement, matchesFields, parseFieldSelector } from './field-selector.ts';
import { collectionPrefix, type ResourceDefinition } from './resource-definition.ts';
import type { StoredObject } from './stored-object.ts';
import type { CacheEvent } from './watch-cache.ts';

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

  constructor(definition: ResourceDefinition, options: SelectorOptions) {
    this.definition = definition;
    this.keyPrefix = collectionPrefix(definition, options.namespace);
    this.#labels = parseLabels(options.labelSelector ?? '');
    this.#fields = parseFieldSelector(options.fieldSelector ?? '', definition);
  }

  /** True when every object under keyPrefix matches, so that counts are exact without looking at objects. */
  get matchesEverything(): boolean {
    return this.#labels.length === 0 && this.#fields.length === 0;
  }

  matches(stored: StoredObject): boolean {
    return (
      stored.key.startsWith(this.keyPrefix) &&
      matchesRequirements(this.#labels, stored.object.metadata.labels) &&
      matchesFields(this.#fields, stored.object, this.definition)
    );
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

function parseLabels(text: string): readonly LabelRequirement[] {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}

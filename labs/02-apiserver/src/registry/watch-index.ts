// WatchIndex: who is to hear of an event, without asking everybody.
//
// Of a thousand watchers most want little: a kubelet its own pods, a controller one namespace, a client one object. Each says at the start
// what can concern it at all, and is found by that: by the key, by the namespace, by the value of a field before or after the change. Whether
// the event really concerns it its own filter decides; so it is no fault to be told too much, but one to be told too little.
//
// Invariants: a subscriber is in one bucket; an event visits it at most once; empty buckets are gone.
// Same idea upstream: apiserver, storage/cacher (indexedWatchers and IndexerFuncs: spec.nodeName of pods, metadata.name of others).

import type { ReadonlyApiObject } from './api-object.ts';
import type { StoredObject } from './stored-object.ts';

/** What can concern a watcher. */
export type Interest =
  | { readonly kind: 'all' }
  /** One object. */
  | { readonly kind: 'key'; readonly key: string }
  /** All keys below this, which ends with a slash and has no further slash behind it: a namespace. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Objects that have this value in a field. `name` tells fields apart that are read differently. */
  | {
      readonly kind: 'field';
      readonly name: string;
      readonly value: string;
      readonly read: (object: ReadonlyApiObject) => string;
    };

export interface Change {
  readonly current: StoredObject;
  readonly previous?: StoredObject;
}

interface Field<T> {
  readonly read: (object: ReadonlyApiObject) => string;
  readonly buckets: Map<string, Set<T>>;
}

export class WatchIndex<T> {
  readonly #all = new Set<T>();
  readonly #keys = new Map<string, Set<T>>();
  readonly #prefixes = new Map<string, Set<T>>();
  readonly #fields = new Map<string, Field<T>>();

  /** Returns what removes it again. */
  add(subscriber: T, interest: Interest): () => void {
    switch (interest.kind) {
      case 'all':
        this.#all.add(subscriber);
        return () => void this.#all.delete(subscriber);
      case 'key':
        return addTo(this.#keys, interest.key, subscriber);
      case 'prefix':
        return addTo(this.#prefixes, interest.prefix, subscriber);
      case 'field': {
        const { name, value, read } = interest;
        const field = this.#fields.get(name) ?? { read, buckets: new Map<string, Set<T>>() };
        this.#fields.set(name, field);
        const remove = addTo(field.buckets, value, subscriber);
        return () => {
          remove();
          // It may be another one by now, when everybody was taken out meanwhile.
          const isOurs = this.#fields.get(name) === field;
          if (isOurs && field.buckets.size === 0) this.#fields.delete(name);
        };
      }
    }
  }

  /** Everybody whom the change can concern. A subscriber may leave meanwhile. */
  *concerned({ current, previous }: Change): Iterable<T> {
    yield* this.#all;
    const { key } = current;
    yield* this.#keys.get(key) ?? [];
    if (this.#prefixes.size > 0) {
      yield* this.#prefixes.get(key.slice(0, key.lastIndexOf('/') + 1)) ?? [];
    }
    for (const { read, buckets } of this.#fields.values()) {
      const value = read(current.object);
      yield* buckets.get(value) ?? [];
      const before = previous === undefined ? value : read(previous.object);
      if (before !== value) yield* buckets.get(before) ?? [];
    }
  }

  /** Everybody, who then is forgotten. */
  takeAll(): T[] {
    const fields = [...this.#fields.values()].map(({ buckets }) => buckets);
    const buckets = [this.#keys, this.#prefixes, ...fields].flatMap((map) => [...map.values()]);
    const everybody = [this.#all, ...buckets].flatMap((set) => [...set]);
    this.#all.clear();
    for (const map of [this.#keys, this.#prefixes, this.#fields]) map.clear();
    return everybody;
  }
}

function addTo<T>(buckets: Map<string, Set<T>>, name: string, subscriber: T): () => void {
  const bucket = buckets.get(name) ?? new Set<T>();
  buckets.set(name, bucket);
  bucket.add(subscriber);
  return () => {
    bucket.delete(subscriber);
    if (bucket.size === 0 && buckets.get(name) === bucket) buckets.delete(name);
  };
}

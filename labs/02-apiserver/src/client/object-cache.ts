// ObjectCache: an informer's local copy, with indexes that are kept as it changes.
//
// Invariant: byIndex(i, v) is exactly the objects for which indexer i gives v; every change touches only the entries of
// the object that changed, so a lookup never walks all objects. Lists are made once and reused until something changes:
// a list that was handed out stays as it was.
// Same idea upstream: k8s.io/client-go/tools/cache (ThreadSafeStore, Indexer).

import { type KubernetesObject, keyOf } from './resources.ts';

export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** The built-in index behind list(namespace). */
const NAMESPACE_INDEX = 'namespace';

export class ObjectCache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  #all: readonly T[] | undefined;

  constructor(indexers: Indexers<T> = {}) {
    this.#indexes.set(NAMESPACE_INDEX, new Index((object) => [object.metadata?.namespace ?? '']));
    for (const [name, indexer] of Object.entries(indexers)) {
      this.#indexes.set(name, new Index(indexer));
    }
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** Adds or replaces; gives what was there before. */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    for (const index of this.#indexes.values()) index.change(key, previous, object);
    this.#objects.set(key, object);
    this.#all = undefined;
    return previous;
  }

  delete(key: string): T | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    for (const index of this.#indexes.values()) index.change(key, previous, undefined);
    this.#objects.delete(key);
    this.#all = undefined;
    return previous;
  }

  list(namespace?: string): readonly T[] {
    if (namespace !== undefined) return this.byIndex(NAMESPACE_INDEX, namespace);
    this.#all ??= [...this.#objects.values()];
    return this.#all;
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`Index with name ${name} does not exist`);
    return index.list(value);
  }
}

interface Bucket<T> {
  readonly objects: Map<string, T>;
  list: readonly T[] | undefined;
}

class Index<T> {
  readonly #indexer: (object: T) => readonly string[];
  readonly #buckets = new Map<string, Bucket<T>>();

  constructor(indexer: (object: T) => readonly string[]) {
    this.#indexer = indexer;
  }

  change(key: string, previous: T | undefined, next: T | undefined): void {
    const values = next === undefined ? [] : this.#indexer(next);
    for (const value of previous === undefined ? [] : this.#indexer(previous)) {
      if (!values.includes(value)) this.#remove(value, key);
    }
    if (next !== undefined) for (const value of values) this.#put(value, key, next);
  }

  list(value: string): readonly T[] {
    const bucket = this.#buckets.get(value);
    if (bucket === undefined) return [];
    bucket.list ??= [...bucket.objects.values()];
    return bucket.list;
  }

  #put(value: string, key: string, object: T): void {
    let bucket = this.#buckets.get(value);
    if (bucket === undefined) {
      bucket = { objects: new Map(), list: undefined };
      this.#buckets.set(value, bucket);
    }
    bucket.objects.set(key, object);
    bucket.list = undefined;
  }

  #remove(value: string, key: string): void {
    const bucket = this.#buckets.get(value);
    if (bucket === undefined) return;
    bucket.objects.delete(key);
    bucket.list = undefined;
    if (bucket.objects.size === 0) this.#buckets.delete(value);
  }
}

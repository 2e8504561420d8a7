// OrderedObjects: the objects of a resource in the order of their keys, and any part of them at once.
//
// Lists want the order, and often only a namespace; writes come one at a time. So the order is kept at every change: an array that is
// searched by halves, beside a map for single keys. What range() hands out is never changed afterwards: the first change after
// it works on a copy, so that a long list can be sent while objects come and go.
//
// Invariants: `#sorted` holds the values of `#byKey`, ascending by key; an array that was handed out whole is not changed any more.
// Same idea upstream: apiserver, storage/cacher/store_btree.go, where a B-tree does it; an array of pointers is as fast up to some 100,000.

import type { StoredObject } from './stored-object.ts';

export class OrderedObjects {
  readonly #byKey = new Map<string, StoredObject>();
  #sorted: StoredObject[] = [];
  #isShared = false;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): StoredObject | undefined {
    return this.#byKey.get(key);
  }

  set(stored: StoredObject): void {
    const isNew = !this.#byKey.has(stored.key);
    this.#byKey.set(stored.key, stored);
    this.#owned().splice(this.#find(stored.key), isNew ? 0 : 1, stored);
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    this.#owned().splice(this.#find(key), 1);
  }

  clear(): void {
    this.#byKey.clear();
    this.#sorted = [];
  }

  /** Those whose keys begin with `prefix`; the array is never changed afterwards. */
  range(prefix: string): readonly StoredObject[] {
    const sorted = this.#sorted;
    const from = this.#find(prefix);
    // U+FFFF is behind every character that keys have.
    const to = this.#find(`${prefix}\uffff`);
    if (from > 0 || to < sorted.length) return sorted.slice(from, to);
    this.#isShared = true;
    return sorted;
  }

  #owned(): StoredObject[] {
    if (this.#isShared) this.#sorted = [...this.#sorted];
    this.#isShared = false;
    return this.#sorted;
  }

  /** The place of the first key that is not less. */
  #find(key: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.key ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

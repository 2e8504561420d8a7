// ChangedKeys: what a list of operations may change, to find a key that would be changed twice.
//
// Which of two puts of one key would win is not for the store to say, so etcd refuses them. With transactions inside
// transactions it is less strict than one would think, and this is its rule to the letter:
//   - a put clashes with a put before it, and with a delete of its list or of a transaction before it;
//   - success and failure of the same inner transaction do not clash, as only one of them happens;
//   - a delete in an inner transaction after a put in another one is fine: it happens after it;
//   - a delete of every key from one on (to '\0') clashes with nothing: etcd's own interval tree takes it for empty.
// Deletes of ranges are kept merged and sorted, so that even a request full of them is checked in no time.
// Upstream: etcd, server/etcdserver/api/v3rpc/key.go: checkIntervals.
import { type Key, StoreError } from './kv.ts';

interface Range {
  readonly start: Key;
  readonly end: Key;
}

export class ChangedKeys {
  readonly #puts = new Set<Key>();
  #deletes: Range[] = [];
  #isMerged = true;

  addPut(key: Key): void {
    if (this.#puts.has(key) || this.#isDeleted(key)) throw duplicateKey();
    this.#puts.add(key);
  }

  addDelete({ key, rangeEnd = '' }: { key: Key; rangeEnd?: Key }): void {
    this.#deletes.push({ start: key, end: rangeEnd === '' ? `${key}\0` : rangeEnd });
    this.#isMerged = false;
  }

  /** Adds an inner transaction: one of the two happens. */
  addEither(success: ChangedKeys, failure: ChangedKeys): void {
    for (const key of success.#puts) this.addPut(key);
    for (const key of failure.#puts) {
      if (success.#puts.has(key)) continue;
      this.addPut(key);
    }
    this.#deletes.push(...success.#deletes, ...failure.#deletes);
    this.#isMerged = false;
  }

  #isDeleted(key: Key): boolean {
    if (!this.#isMerged) this.#merge();
    let low = 0;
    let high = this.#deletes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#deletes[middle] as Range).start <= key) low = middle + 1;
      else high = middle;
    }
    const last = this.#deletes[low - 1];
    return last !== undefined && key < last.end;
  }

  /** Sorts the ranges, and joins those that touch: then the last one that starts before a key decides. */
  #merge(): void {
    const merged: Range[] = [];
    const byStart = ({ start: a }: Range, { start: b }: Range) => (a < b ? -1 : Number(a > b));
    for (const { start, end } of this.#deletes.sort(byStart)) {
      if (start >= end) continue;
      const last = merged.at(-1);
      if (last === undefined || start > last.end) merged.push({ start, end });
      else if (end > last.end) merged[merged.length - 1] = { start: last.start, end };
    }
    this.#deletes = merged;
    this.#isMerged = true;
  }
}

function duplicateKey(): StoreError {
  return new StoreError('invalid', 'etcdserver: duplicate key given in txn request');
}

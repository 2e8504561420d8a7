// OrderedMap: a map whose keys are kept in order, so that a range is one walk.
//
// A list of blocks, each a sorted array of at most BLOCK_ENTRIES_MAX entries; every key of a
// block is smaller than every key of the next one. Finding is two binary searches, over the
// blocks' first keys and then in one block.
//   blocks:  [ a c e ]  [ g h ]  [ m p z ]        insert i: second block, after h
// One sorted array would move up to all entries on each insert (100,000 keys: 400 KB a put). Here
// an insert moves at most one block, and a split moves the list of blocks, which is 256 times shorter.
//
// Invariants (check() verifies them): no block is empty or too long; keys only ever grow.
// Upstream: etcd keeps its tree index in google/btree, for the same reason.
import assert from 'node:assert/strict';

const BLOCK_ENTRIES_MAX = 512;

interface Block<V> {
  readonly keys: string[];
  readonly values: V[];
}

export class OrderedMap<V> {
  readonly #blocks: Block<V>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const block = this.#blocks[this.#blockOf(key)];
    if (block === undefined) return undefined;
    const at = lowerBound(block.keys, key);
    return block.keys[at] === key ? block.values[at] : undefined;
  }

  set(key: string, value: V): void {
    const blockAt = Math.max(0, this.#blockOf(key));
    const block = this.#blocks[blockAt];
    if (block === undefined) {
      this.#blocks.push({ keys: [key], values: [value] });
      this.#size++;
      return;
    }
    const at = lowerBound(block.keys, key);
    if (block.keys[at] === key) {
      block.values[at] = value;
      return;
    }
    block.keys.splice(at, 0, key);
    block.values.splice(at, 0, value);
    this.#size++;
    if (block.keys.length > BLOCK_ENTRIES_MAX) this.#split(blockAt, block, at);
  }

  delete(key: string): boolean {
    const blockAt = this.#blockOf(key);
    const block = this.#blocks[blockAt];
    if (block === undefined) return false;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] !== key) return false;
    block.keys.splice(at, 1);
    block.values.splice(at, 1);
    this.#size--;
    if (block.keys.length === 0) this.#blocks.splice(blockAt, 1);
    return true;
  }

  /** Visits start ≤ key < end in order (no end = to the last), until visit returns false. The map must not change meanwhile. */
  walk(start: string, end: string | undefined, visit: (key: string, value: V) => boolean): void {
    let blockAt = Math.max(0, this.#blockOf(start));
    let at = lowerBound(this.#blocks[blockAt]?.keys ?? [], start);
    for (let block = this.#blocks[blockAt]; block; block = this.#blocks[++blockAt]) {
      const { keys, values } = block;
      for (; at < keys.length; at++) {
        const key = keys[at] as string;
        if (end !== undefined && key >= end) return;
        if (!visit(key, values[at] as V)) return;
      }
      at = 0;
    }
  }

  check(): void {
    let previous: string | undefined;
    let count = 0;
    for (const { keys, values } of this.#blocks) {
      assert(keys.length > 0 && keys.length <= BLOCK_ENTRIES_MAX, 'a block is empty or too long');
      assert.equal(keys.length, values.length);
      for (const key of keys) {
        assert(previous === undefined || previous < key, 'keys are out of order');
        previous = key;
        count++;
      }
    }
    assert.equal(count, this.#size);
  }

  /** The last block whose first key is not above `key`; -1 when there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.keys[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Halves a block; but after an insert at its end only the new entry moves, so that ascending keys leave full blocks. */
  #split(blockAt: number, block: Block<V>, insertedAt: number): void {
    const from = insertedAt === block.keys.length - 1 ? insertedAt : block.keys.length >>> 1;
    const upper = { keys: block.keys.splice(from), values: block.values.splice(from) };
    this.#blocks.splice(blockAt + 1, 0, upper);
  }
}

/** The first position whose key is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

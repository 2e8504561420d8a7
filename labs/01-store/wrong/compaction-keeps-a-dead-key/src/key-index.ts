// KeyIndex: all versions of one key that can still be read, grouped in generations.
//
// A generation is one life of the key, from the put that creates it to the delete that ends it
// (its tombstone). A delete changes nothing that was there before; it only closes the generation.
//
// Example (a test runs it):
//   put at 2, put at 4, delete at 6, put at 7, put at 9
//     generations  { 2, 4, tombstone 6 }  { 7, 9 }
//     get(5) is the version of 4, get(6) nothing, get(8) the version of 7
//   compact(5)    { 4, tombstone 6 }  { 7, 9 }     the newest version ≤ 5 stays: get(5) still answers
//   compact(6)    { 7, 9 }                         a generation that ended by then goes as a whole
//   compact(9)    { 9 }
//   delete at 10, compact(10): nothing is left, and the store forgets the key
//
// Invariants: revisions only grow, but a tombstone may have the revision of the put before it; only the last
// generation may be open (without tombstone).
// Upstream: etcd, server/storage/mvcc/key_index.go. There versions live in a B+tree on disk
// under their revision, and the index holds only numbers; here the index holds the versions.
import assert from 'node:assert/strict';
import type { KeyValue } from './kv.ts';

interface Generation {
  readonly versions: KeyValue[];
  tombstone: number | undefined;
}

export class KeyIndex {
  #generations: Generation[] = [];

  /** True when no revision that can still be read knows the key. */
  get isEmpty(): boolean {
    return this.#generations.length === 0;
  }

  put(version: KeyValue): void {
    const last = this.#generations.at(-1);
    if (last !== undefined && last.tombstone === undefined) {
      last.versions.push(version);
      return;
    }
    const generation = { versions: [version], tombstone: undefined };
    // Most keys have one generation, and an empty array reserves room for seventeen when it is pushed to.
    if (last === undefined) this.#generations = [generation];
    else this.#generations.push(generation);
  }

  tombstone(revision: number): void {
    const last = this.#generations.at(-1);
    assert(last !== undefined && last.tombstone === undefined, 'only a living key can be deleted');
    last.tombstone = revision;
  }

  /** Takes back the last put or tombstone: the write did not reach the disk. */
  undo(): void {
    const last = this.#generations.at(-1);
    assert(last !== undefined, 'nothing to take back');
    if (last.tombstone !== undefined) last.tombstone = undefined;
    else last.versions.pop();
    if (last.versions.length === 0) this.#generations.pop();
  }

  /** The version that a reader at this revision sees, if the key exists then. */
  get(revision: number): KeyValue | undefined {
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const { versions, tombstone } = this.#generations[i] as Generation;
      if ((versions[0] as KeyValue).modRevision > revision) continue;
      if (tombstone !== undefined && tombstone <= revision) return undefined;
      return versions[lastAtOrBefore(versions, revision)];
    }
    return undefined;
  }

  /** Drops what no read at `revision` or later can see, and returns it. */
  compact(revision: number): readonly KeyValue[] {
    const dropped: KeyValue[] = [];
    while ((this.#generations[0]?.tombstone ?? Number.POSITIVE_INFINITY) < revision) {
      dropped.push(...(this.#generations.shift()?.versions ?? []));
    }
    const versions = this.#generations[0]?.versions;
    if (versions === undefined) return dropped;
    const keepFrom = lastAtOrBefore(versions, revision);
    if (keepFrom > 0) dropped.push(...versions.splice(0, keepFrom));
    return dropped;
  }

  /** The revisions of each generation, the tombstone last: for tests and checks. */
  describe(): readonly (readonly number[])[] {
    return this.#generations.map(({ versions, tombstone }) => {
      const revisions = versions.map((version) => version.modRevision);
      return tombstone === undefined ? revisions : [...revisions, tombstone];
    });
  }

  /** Asserts the invariants, and returns all versions. */
  check(): readonly KeyValue[] {
    const versions = this.#generations.flatMap((generation) => generation.versions);
    assert(
      isGrowing(versions.map(({ modRevision }) => modRevision)),
      'the revisions of a key must grow',
    );
    const ends = this.#generations.flatMap(({ tombstone }) => tombstone ?? []);
    assert(isGrowing(ends), 'generations follow one another');
    for (const [i, { versions, tombstone }] of this.#generations.entries()) {
      assert(versions.length > 0, 'a generation has at least one version');
      const newest = (versions.at(-1) as KeyValue).modRevision;
      assert(newest <= (tombstone ?? newest), 'a generation ends after its versions');
      const isLast = i === this.#generations.length - 1;
      assert(isLast || tombstone !== undefined, 'only the last generation may be open');
    }
    return versions;
  }
}

function isGrowing(revisions: readonly number[]): boolean {
  return revisions.every((revision, i) => i === 0 || revision > (revisions[i - 1] as number));
}

/** The position of the newest version not after `revision`, or -1. Most readers want the newest, so it is tried first. */
function lastAtOrBefore(versions: readonly KeyValue[], revision: number): number {
  let high = versions.length - 1;
  if ((versions[high] as KeyValue).modRevision <= revision) return high;
  let low = -1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((versions[middle] as KeyValue).modRevision <= revision) low = middle;
    else high = middle;
  }
  return low;
}

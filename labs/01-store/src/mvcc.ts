// Mvcc: the state of the store in memory, at every revision since the last compaction.
//
// Two views of the same versions, which share the KeyValue objects:
//   index    key → KeyIndex, in the order of keys: answers ranges, now and in the past
//   history  revision → its events, in the order they happened: answers watches
// Rules of use
//   - stage() the changes of a transaction, then commit(): together they are one revision.
//     Nothing here waits, so nobody else comes in between.
//   - `revision` runs ahead of the disk. Readers stay at `durableRevision`: the versions let
//     them look past the writes that are on their way, which therefore can still be undone.
// Invariants (check() verifies them): compactRevision ≤ durableRevision ≤ revision; history has
// every revision from compactRevision on; a key is put at most once in a revision.
// Upstream: etcd, server/storage/mvcc/kvstore.go; a new store starts at revision 1 there too.
import assert from 'node:assert/strict';
import { type Change, NO_BYTES, tombstoneOf } from './change.ts';
import { KeyIndex } from './key-index.ts';
import { type Key, type KeyValue, type RangeRequest, StoreError, type StoreEvent } from './kv.ts';
import { OrderedMap } from './ordered-map.ts';

const FIRST_REVISION = 1;

export interface RangeResult {
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export class Mvcc {
  readonly #index = new OrderedMap<KeyIndex>();
  #staged: StoreEvent[] = [];
  #history: (readonly StoreEvent[])[] = [];
  /** The revision of #history[0]. */
  #historyStart = FIRST_REVISION + 1;
  #revision = FIRST_REVISION;
  #durableRevision = FIRST_REVISION;
  #compactRevision = 0;
  #pins = 0;
  #sizeBytes = 0;

  get revision(): number {
    return this.#revision;
  }

  get durableRevision(): number {
    return this.#durableRevision;
  }

  get compactRevision(): number {
    return this.#compactRevision;
  }

  /** How many keys there are, and of how many revisions the history is kept. */
  get counts(): { keys: number; revisions: number } {
    return { keys: this.#index.size, revisions: this.#history.length };
  }

  /** Bytes of the keys and values of all versions that are kept. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The version that a reader at `revision` sees. One above `revision` sees the staged changes too. */
  get(key: Key, revision: number): KeyValue | undefined {
    return this.#index.get(key)?.get(revision);
  }

  range(request: RangeRequest, revision: number): RangeResult {
    const { limit = 0, keysOnly = false, countOnly = false } = request;
    const kvs: KeyValue[] = [];
    let count = 0;
    this.#walk(request, (index) => {
      const kv = index.get(revision);
      if (kv === undefined) return;
      count++;
      if (countOnly || (limit > 0 && count > limit)) return;
      kvs.push(keysOnly ? { ...kv, value: NO_BYTES } : kv);
    });
    return { kvs, more: !countOnly && kvs.length < count, count };
  }

  /** Applies one change to the coming revision, and returns its event with the version it replaces. */
  stage(change: Change): StoreEvent {
    const revision = this.#revision + 1;
    const previous = this.get(change.key, revision);
    // A delete may follow a put of the same transaction; nothing may follow that.
    const isFirst = previous?.modRevision !== revision;
    assert(isFirst || change.type === 'delete', 'a key is put at most once in a revision');
    const kv =
      change.type === 'put'
        ? nextVersion(change, previous, revision)
        : tombstoneOf(change.key, revision);
    if (change.type === 'put') this.#put(kv);
    else this.#index.get(change.key)?.tombstone(revision);
    const { type } = change;
    const event = previous === undefined ? { type, kv } : { type, kv, prevKv: previous };
    this.#staged.push(event);
    return event;
  }

  /** Makes the staged changes the next revision; no revision passes when there are none. */
  commit(): readonly StoreEvent[] {
    // A copy of just the right size: the next transaction fills the staged ones, and the history keeps these for long.
    const events = this.#staged.slice();
    if (events.length === 0) return events;
    this.#staged = [];
    this.#history.push(events);
    this.#revision++;
    return events;
  }

  /** Takes back the newest revision, which never reached the disk. */
  undo(): void {
    assert(this.#revision > this.#durableRevision, 'a durable revision stays');
    for (const { type, kv } of this.#history.pop() ?? []) {
      const index = this.#index.get(kv.key);
      index?.undo();
      if (type === 'put') this.#sizeBytes -= sizeOf(kv);
      if (index?.isEmpty) this.#index.delete(kv.key);
    }
    this.#revision--;
  }

  markDurable(revision: number): void {
    assert(revision > this.#durableRevision && revision <= this.#revision);
    this.#durableRevision = revision;
  }

  /** The events of a revision that is still in the history. */
  eventsAt(revision: number): readonly StoreEvent[] {
    return this.#history[revision - this.#historyStart] ?? [];
  }

  /** Forgets what only reads before `revision` could see. */
  compact(revision: number): void {
    assert(revision > this.#compactRevision && revision <= this.#durableRevision);
    this.#compactRevision = revision;
    if (this.#pins === 0) this.#sweep();
  }

  /** Keeps everything that is there now, through compactions too, until unpin(): for a snapshot, which copies piece by piece. */
  pin(): { compactRevision: number; revision: number } {
    this.#pins++;
    return { compactRevision: this.#compactRevision, revision: this.#durableRevision };
  }

  unpin(): void {
    this.#pins--;
    if (this.#pins === 0) this.#sweep();
  }

  /** The versions at `revision` of the first keys from `start` on, at most `limit`. */
  versionsFrom(start: Key, limit: number, revision: number): readonly KeyValue[] {
    const kvs: KeyValue[] = [];
    this.#index.walk(start, undefined, (_key, index) => {
      const kv = index.get(revision);
      if (kv !== undefined) kvs.push(kv);
      return kvs.length < limit;
    });
    return kvs;
  }

  /** Fills an empty state with what a compaction left: the versions at that revision, and the revision's own changes. */
  restore(compactRevision: number, versions: Iterable<KeyValue>, last: readonly Change[]): void {
    assert(this.#revision === FIRST_REVISION && this.#index.size === 0);
    for (const kv of versions) this.#put(kv);
    if (compactRevision <= FIRST_REVISION) return;
    this.#compactRevision = compactRevision;
    this.#revision = compactRevision;
    this.#durableRevision = compactRevision;
    this.#historyStart = compactRevision;
    const events = last.map(({ type, key }) => {
      const kv = type === 'put' ? this.get(key, compactRevision) : undefined;
      return { type, kv: kv ?? tombstoneOf(key, compactRevision) };
    });
    this.#history = [this.#withoutPast(events)];
  }

  check(): void {
    assert(this.#compactRevision <= this.#durableRevision);
    assert(this.#durableRevision <= this.#revision);
    assert.equal(this.#staged.length, 0);
    assert.equal(this.#historyStart + this.#history.length - 1, this.#revision);
    assert(this.#historyStart <= Math.max(FIRST_REVISION + 1, this.#compactRevision));
    this.#index.check();
    let bytes = 0;
    this.#index.walk('', undefined, (_key, index) => {
      assert(!index.isEmpty, 'a key without versions must be forgotten');
      bytes += index.check().reduce((sum, kv) => sum + sizeOf(kv), 0);
      return true;
    });
    assert.equal(bytes, this.#sizeBytes);
  }

  #walk({ key, rangeEnd }: RangeRequest, visit: (index: KeyIndex) => void): void {
    if (!rangeEnd) {
      const index = this.#index.get(key);
      if (index !== undefined) visit(index);
      return;
    }
    this.#index.walk(key, rangeEnd === '\0' ? undefined : rangeEnd, (_key, index) => {
      visit(index);
      return true;
    });
  }

  #put(kv: KeyValue): void {
    let index = this.#index.get(kv.key);
    if (index === undefined) {
      index = new KeyIndex();
      this.#index.set(kv.key, index);
    }
    index.put(kv);
    this.#sizeBytes += sizeOf(kv);
  }

  /** The work of a compaction. It visits the keys that changed since the last one, not all keys. */
  #sweep(): void {
    const revision = this.#compactRevision;
    const dropped = revision - this.#historyStart;
    if (dropped < 0) return;
    const changed = new Set<Key>();
    for (const events of this.#history.slice(0, dropped + 1)) {
      for (const { kv } of events) changed.add(kv.key);
    }
    for (const key of changed) this.#compactKey(key, revision);
    // The events of `revision` itself stay, as a watch may start there; what they replaced is gone.
    this.#history = this.#history.slice(dropped);
    this.#history[0] = this.#withoutPast(this.#history[0] ?? []);
    this.#historyStart = revision;
  }

  /** The events of the compacted revision, but not what they replaced, nor a put that a delete of that revision hides. */
  #withoutPast(events: readonly StoreEvent[]): readonly StoreEvent[] {
    const revision = this.#compactRevision;
    return events
      .filter(({ type, kv }) => type === 'delete' || this.get(kv.key, revision) === kv)
      .map(({ type, kv }) => ({ type, kv }));
  }

  #compactKey(key: Key, revision: number): void {
    const index = this.#index.get(key);
    if (index === undefined) return;
    for (const dropped of index.compact(revision)) this.#sizeBytes -= sizeOf(dropped);
    if (index.isEmpty) this.#index.delete(key);
  }
}

/** A revision below the last compaction cannot be read any more, and one above the newest not yet. */
export function assertReadable(mvcc: Mvcc, revision: number): void {
  if (revision < mvcc.compactRevision) throw compacted(mvcc.compactRevision);
  if (revision > mvcc.durableRevision) {
    throw new StoreError(
      'future-revision',
      'etcdserver: mvcc: required revision is a future revision',
    );
  }
}

export function compacted(compactRevision: number): StoreError {
  const text = 'etcdserver: mvcc: required revision has been compacted';
  return new StoreError('compacted', text, { compactRevision });
}

function nextVersion(
  { key, value, lease }: Change & { type: 'put' },
  previous: KeyValue | undefined,
  modRevision: number,
): KeyValue {
  const createRevision = previous?.createRevision ?? modRevision;
  return { key, value, createRevision, modRevision, version: (previous?.version ?? 0) + 1, lease };
}

function sizeOf(kv: KeyValue): number {
  return kv.key.length + kv.value.length;
}

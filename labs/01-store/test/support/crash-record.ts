// CrashRecord: what a killed writer said was acknowledged, and the proof that a recovered store has it.
//
// Checked after each kill: every acknowledged revision that compaction left is read at that revision, and seen by a watch
// from there on; no revision holds a part of a transaction; what nobody was told of is at most one operation a worker.
import assert from 'node:assert/strict';
import { prefixEnd } from '#src/key-range.ts';
import type { KeyValueStore, StoreEvent } from '#src/kv.ts';
import { text } from './store-helpers.ts';

/** So many workers of the writer change keys; each may have one operation on its way when it dies. */
const WORKERS_MAX = 5;
const LEASED = 'leased/';

export class CrashRecord {
  /** revision → its events as lines. */
  readonly #revisions = new Map<number, readonly string[]>();
  #compactRevision = 0;
  /** Leases that must be alive, and those that must never be again. */
  #granted = new Set<string>();
  readonly #revoked = new Set<string>();
  /** The highest that was acknowledged, or found when the store was checked last. */
  #lastRevision = 1;
  #checkedRevision = 1;
  /** The highest number that a worker said: the next writer starts above. */
  lastNumber = 0;
  lines = 0;

  /** Takes one line of the writer. */
  add(line: string): void {
    const [worker = '', operation = '', number, revisionText, id = ''] = line.split(' ');
    const [n, revision] = [Number(number), Number(revisionText)];
    this.lines++;
    this.lastNumber = Math.max(this.lastNumber, n);
    if (operation === 'compact') this.#compactRevision = Math.max(this.#compactRevision, revision);
    else if (operation === 'grant') this.#granted.add(id);
    else if (operation === 'revoke') this.#revoked.add(id);
    else this.#addRevision(revision, eventsOf(worker, operation, n));
  }

  /** Throws unless the store has all that was acknowledged; forgets what this round can no longer ask. */
  async check(store: KeyValueStore): Promise<void> {
    const { revision, compactRevision } = await store.status();
    assert(compactRevision >= this.#compactRevision, 'a compaction is lost');
    assert(revision >= this.#lastRevision, `revision ${this.#lastRevision} is lost`);
    await this.#checkHistory(store, Math.max(compactRevision, 2), revision);
    await this.#checkPast(store, compactRevision);
    await this.#checkLeases(store);
    this.#lastRevision = revision;
    this.#checkedRevision = revision;
    this.#revisions.clear();
  }

  #addRevision(revision: number, events: readonly string[]): void {
    assert(!this.#revisions.has(revision), `revision ${revision} was acknowledged twice`);
    this.#revisions.set(revision, events);
    this.#lastRevision = Math.max(this.#lastRevision, revision);
  }

  /** A watch sees every revision, whole: those that were acknowledged, and between them few that were not. */
  async #checkHistory(store: KeyValueStore, first: number, last: number): Promise<void> {
    if (last < first) return;
    const request = { key: '\0', rangeEnd: '\0', startRevision: first };
    let expected = first;
    let strangers = 0;
    for await (const batch of store.watch(request, AbortSignal.timeout(20_000))) {
      assert.equal(batch.revision, expected++, 'a revision is missing');
      const lines = batch.events.map(lineOf);
      const said = this.#revisions.get(batch.revision);
      if (said !== undefined) assert.deepEqual(lines, said);
      else assertWhole(lines);
      // What a revoked lease deletes has no line of its own.
      const mayBeUnsaid = batch.revision <= this.#checkedRevision || isDeleteOfLeased(lines);
      if (said === undefined && !mayBeUnsaid) strangers++;
      if (batch.revision >= last) break;
    }
    assert(strangers <= WORKERS_MAX, `${strangers} revisions that nobody was told of`);
  }

  async #checkPast(store: KeyValueStore, compactRevision: number): Promise<void> {
    for (const [revision, lines] of this.#revisions) {
      if (revision < compactRevision) continue;
      for (const line of lines) {
        const [key = '', value] = line.split('=');
        const { kvs } = await store.range({ key, revision });
        const found = kvs.map((kv) => `${text(kv.value)} at ${kv.modRevision}`);
        assert.deepEqual(found, value === undefined ? [] : [`${value} at ${revision}`], line);
      }
    }
  }

  async #checkLeases(store: KeyValueStore): Promise<void> {
    const alive = new Set(await store.leases());
    for (const id of this.#revoked) assert(!alive.has(id), `lease ${id} was revoked`);
    const lost = [...this.#granted].filter((id) => !this.#revoked.has(id) && !alive.has(id));
    // The last one may have been revoked without its line.
    assert(lost.length <= 1, `leases ${lost.join(', ')} are lost`);
    const { kvs } = await store.range({ key: LEASED, rangeEnd: prefixEnd(LEASED) });
    for (const { key, lease } of kvs) assert(alive.has(lease), `${key} outlived its lease`);
    for (const id of alive) {
      const { keys } = await store.leaseTimeToLive(id);
      const attached = kvs.filter(({ lease }) => lease === id).map(({ key }) => key);
      assert.deepEqual(keys, attached, `the keys of lease ${id}`);
    }
    this.#granted = alive;
  }
}

function eventsOf(worker: string, operation: string, n: number): readonly string[] {
  if (operation === 'delete') return [worker];
  if (worker === 'lease') return [`${LEASED}${n % 10}=${n}`];
  if (worker === 'toggle') return [`toggle=${n}`];
  const i = worker.slice('pair/'.length);
  return [`left/${i}=${n}`, `right/${i}=${n}`];
}

function isDeleteOfLeased([line = '']: readonly string[]): boolean {
  return line.startsWith(LEASED) && !line.includes('=');
}

function lineOf({ type, kv }: StoreEvent): string {
  return type === 'put' ? `${kv.key}=${text(kv.value)}` : kv.key;
}

/** One event, or both halves of a pair. */
function assertWhole(lines: readonly string[]): void {
  const [first = ''] = lines;
  if (first.startsWith('left/')) assert.deepEqual(lines, [first, first.replace('left', 'right')]);
  else assert(lines.length === 1 && !first.startsWith('right/'), `half a transaction: ${lines}`);
}

// WatchCache: one watch on the store for each resource, shared by every list and watch that clients open.
//
// It lists the resource once, follows the store from that revision, and keeps the current state and a ring of the most
// recent events. A watcher that starts at an older revision gets the ring's events first; one that is older than the ring
// hears Expired ("too old resource version") and lists again. The store sees one watcher a resource, however many clients
// there are, and an object is parsed once.
//
// reach() makes it good for reads that must see everything written before them: it waits until the cache is as far as the store was.
//
// Invariants:
//   1. revision never goes back, and everything up to it has been delivered to the subscribers, in the order of the store.
//   2. the ring holds every event after `#ringStart`.
//   3. when continuity is lost (compaction), all subscribers are ended: nobody misses an event without being told.
//
// Same idea upstream: apiserver, storage/cacher (cacher.go, watch_cache.go). Left out: the states of the past.

import type { KeyValue, KeyValueStore, Logger, Watch, WatchBatch } from '@kube-labs/store';
import { prefixEnd, StoreError } from '@kube-labs/store';
import { expired } from '../api-error.ts';
import { type Clock, realClock, sleep } from '../client/clock.ts';
import type { Transformer } from '../encryption/transformer.ts';
import { OrderedObjects } from './ordered-objects.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { StoredObject } from './stored-object.ts';
import { type Interest, WatchIndex } from './watch-index.ts';
import { ExpectedWrites, type WrittenValue } from './written-value.ts';

export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The new state; of a deletion the last state, under the revision of the deletion. */
  readonly current: StoredObject;
  readonly previous?: StoredObject;
}

/** Called back synchronously; must not throw and must not block. */
export interface CacheSubscriber {
  onEvent(event: CacheEvent): void;
  /** The cache lost track of the store: the watcher ends and its client lists again. */
  onEnd(): void;
}

const RING_LENGTH_MAX = 1000;
const RETRY_DELAY_MS = 500;
const LIST_PAGE_LENGTH = 1000;
const EVERYTHING: Interest = { kind: 'all' };

export interface WatchCacheOptions {
  readonly store: KeyValueStore;
  readonly prefix: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What the values in the store went through. */
  readonly transformer?: Transformer | undefined;
  /** See ResourceDefinition. */
  readonly readStored?: ResourceDefinition['readStored'] | undefined;
}

export class WatchCache {
  readonly #options: WatchCacheOptions;
  readonly #objects = new OrderedObjects();
  readonly #subscribers = new WatchIndex<CacheSubscriber>();
  /** What our own server is writing right now: its event brings the very same bytes. */
  readonly #expected = new ExpectedWrites();
  #watch: AsyncIterable<WatchBatch> | undefined;
  readonly #waiting = new RevisionWaiters();
  #ring: CacheEvent[] = [];
  /** Events after this revision are in the ring. */
  #ringStart = 0;
  #revision = 0;
  #ready = false;
  #ended = false;
  #readyWaiters: (() => void)[] = [];

  constructor(options: WatchCacheOptions) {
    this.#options = options;
  }

  /** Of the keys of all objects. */
  get prefix(): string {
    return this.#options.prefix;
  }
  get revision(): number {
    return this.#revision;
  }
  get isReady(): boolean {
    return this.#ready;
  }
  get size(): number {
    return this.#objects.size;
  }

  /** Follows the store until the signal aborts. Never rejects: whatever the store does, it tries again. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock = realClock, prefix } = this.#options;
    while (!signal.aborted) {
      try {
        if (!this.#ready) await this.#relist();
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) break;
        log.warn('Watch on the store ended', { prefix, error });
        if (StoreError.is(error, 'compacted')) this.#lose();
      }
      await sleep(RETRY_DELAY_MS, signal, clock);
    }
    this.#ended = true;
    this.#lose();
    this.#wake();
  }

  /** Resolves when the cache holds a complete state; throws Expired when it never will, as its resource is gone. */
  async ready(): Promise<void> {
    if (!this.#ready && !this.#ended) {
      await new Promise<void>((resolve) => this.#readyWaiters.push(resolve));
    }
    if (this.#ended) throw expired('The resource is not served any more.');
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** The objects whose keys begin with `prefix`, or all, in the order of their keys. The array is never changed afterwards. */
  list(prefix = this.#options.prefix): readonly StoredObject[] {
    return this.#objects.range(prefix);
  }

  /**
   * True as soon as the cache holds everything up to `revision`; false when that is not to be had in time: the store may have gone on
   * with other resources, and cannot be asked to say so.
   */
  async reach(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#ready && this.#revision >= revision) return true;
    const watch = this.#watch;
    if (!this.#ready || !isAskable(watch)) return false;
    watch.requestProgress();
    return (await this.#waiting.until(revision, timeoutMs)) && this.#ready;
  }

  /** A write is on its way: its event need not be parsed again. Returns what forgets it, for a write that failed. */
  expect(key: string, write: WrittenValue): () => void {
    return this.#ready ? this.#expected.add(key, write) : () => {};
  }

  /**
   * The subscriber gets every event after `fromRevision` that its interest covers, and maybe others: past ones at once, later ones as they
   * happen.
   */
  subscribe(
    fromRevision: number,
    subscriber: CacheSubscriber,
    interest: Interest = EVERYTHING,
  ): () => void {
    // Between two lists there is nothing to go on from: whoever came in then would not hear what the next list skips.
    if (!this.#ready || fromRevision < this.#ringStart) {
      throw expired(`too old resource version: ${fromRevision} (${this.#ringStart})`);
    }
    const filtered: CacheSubscriber = {
      onEvent: (event) => {
        if (event.current.revision > fromRevision) subscriber.onEvent(event);
      },
      onEnd: () => subscriber.onEnd(),
    };
    for (const event of this.#ring) filtered.onEvent(event);
    return this.#subscribers.add(filtered, interest);
  }

  /** Reads the whole resource at one revision, in pages. */
  async #relist(): Promise<void> {
    const { store, prefix } = this.#options;
    const rangeEnd = prefixEnd(prefix);
    this.#objects.clear();
    let key = prefix;
    let revision: number | undefined;
    for (;;) {
      const at = revision === undefined ? {} : { revision };
      const page = await store.range({ key, rangeEnd, limit: LIST_PAGE_LENGTH, ...at });
      revision ??= page.revision;
      for (const kv of page.kvs) this.#objects.set(this.#decode(kv));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) break;
      key = `${last.key}\0`;
    }
    this.#ring = [];
    this.#ringStart = revision;
    this.#revision = revision;
    this.#ready = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#readyWaiters.splice(0)) wake();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, prefix } = this.#options;
    const request = {
      key: prefix,
      rangeEnd: prefixEnd(prefix),
      startRevision: this.#revision + 1,
      progressNotify: true,
    };
    this.#watch = store.watch(request, signal);
    try {
      for await (const batch of this.#watch) this.#apply(batch);
    } finally {
      this.#watch = undefined;
    }
  }

  #apply(batch: WatchBatch): void {
    for (const { type, kv } of batch.events) {
      const previous = this.#objects.get(kv.key);
      const event =
        type === 'put'
          ? putEvent(this.#decode(kv), previous)
          : deleteEvent(previous, kv.modRevision);
      if (event === undefined) continue; // A deletion of what we never had.
      if (type === 'put') this.#objects.set(event.current);
      else this.#objects.delete(kv.key);
      this.#remember(event);
      for (const subscriber of this.#subscribers.concerned(event)) subscriber.onEvent(event);
    }
    if (batch.revision > this.#revision) this.#revision = batch.revision;
    this.#waiting.reached(this.#revision);
  }

  #decode(kv: KeyValue): StoredObject {
    const { transformer, readStored } = this.#options;
    const expected = this.#expected.take(kv);
    if (expected !== undefined) return expected;
    return StoredObject.decode(kv, transformer).seenBy(readStored);
  }

  #remember(event: CacheEvent): void {
    this.#ring.push(event);
    if (this.#ring.length <= RING_LENGTH_MAX * 2) return;
    // Cutting half at a time keeps this cheap; the last event that goes tells where the ring begins now.
    const dropped = this.#ring.splice(0, this.#ring.length - RING_LENGTH_MAX);
    this.#ringStart = dropped.at(-1)?.current.revision ?? this.#ringStart;
  }

  #lose(): void {
    this.#ready = false;
    this.#expected.clear();
    this.#waiting.release();
    for (const subscriber of this.#subscribers.takeAll()) subscriber.onEnd();
  }
}

/** The store in this process can say at any time how far it is; a watch on etcd tells it only now and then. */
function isAskable(watch: AsyncIterable<WatchBatch> | undefined): watch is Watch {
  return watch !== undefined && 'requestProgress' in watch;
}

function putEvent(current: StoredObject, previous: StoredObject | undefined): CacheEvent {
  return previous === undefined
    ? { type: 'ADDED', current }
    : { type: 'MODIFIED', current, previous };
}

function deleteEvent(previous: StoredObject | undefined, revision: number): CacheEvent | undefined {
  return previous === undefined
    ? undefined
    : { type: 'DELETED', current: previous.atRevision(revision), previous };
}

// CachedStore: a watch cache over a real store in memory, and between the two a connection that the test looks at, and cuts.
//
//   write('a=red', '-b')    one revision, as another server would write it: a widget with that color, a deletion
//   cut(), retry()          the connection breaks; the cache tries again when half a second has gone by on the clock
// Waiting is turns of the event loop, not for ever; what the cache stumbles over that is no error of the store ends it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type KeyValueStore,
  type LogFields,
  type Op,
  openMemoryStore,
  prefixEnd,
  type RangeRequest,
  StoreError,
  silentLogger,
  type Watch,
  type WatchBatch,
  type WatchRequest,
} from '@kube-labs/store';
import { ApiError } from '#src/api-error.ts';
import { FakeClock } from '#src/client/clock.ts';
import type { ObjectFilter } from '#src/registry/object-filter.ts';
import { objectKey } from '#src/registry/resource-definition.ts';
import { encodeForStorage, StoredObject } from '#src/registry/stored-object.ts';
import { type CacheEvent, type CacheSubscriber, WatchCache } from '#src/registry/watch-cache.ts';
import { refOf, WIDGETS, type Widget, widget } from './widgets.ts';

const TURNS_MAX = 2000;
const RETRY_MS = 500;

export class CachedStore implements AsyncDisposable {
  readonly cache: WatchCache;
  readonly store: KeyValueStore;
  /** The start revisions of the watches that the cache asked for. */
  readonly watches: number[] = [];
  readonly #clock = new FakeClock();
  readonly #stop = new AbortController();
  #connection = new AbortController();
  #written = 0;
  #pages = 0;
  #failure: unknown;
  #running: Promise<void> = Promise.resolve();
  /** What every watch begins with from now on, as a store that is behind may say. */
  greeting: WatchBatch[] = [];
  /** Does something before the cache gets its page: 1, 2, … */
  beforePage: (page: number) => Promise<unknown> = () => Promise.resolve();

  static async open(): Promise<CachedStore> {
    return new CachedStore(await openMemoryStore());
  }

  private constructor(store: KeyValueStore) {
    this.store = store;
    const warn = (_: string, { error }: LogFields = {}) => {
      if (!StoreError.is(error)) this.#failure ??= error;
    };
    this.cache = new WatchCache({
      store: this.#connected(),
      prefix: WIDGETS.storagePrefix,
      log: { ...silentLogger, warn },
      clock: this.#clock,
    });
  }

  /** The cache begins to follow the store, and is ready. */
  async start(): Promise<void> {
    this.#running = this.cache.run(this.#stop.signal);
    await this.settled();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(unlessNotWritten); // A test of the beginning needs nothing that only the end calls.
    await this.store[Symbol.asyncDispose]();
  }

  async write(...changes: string[]): Promise<number> {
    const request = { compare: [], success: changes.map(opOf), failure: [] };
    this.#written = (await this.store.txn(request)).revision;
    return this.#written;
  }

  /** The cache is ready, and holds everything that was written. */
  async settled(): Promise<void> {
    const { cache } = this;
    await this.until(
      () => cache.isReady && cache.revision >= this.#written,
      () => `the cache holds revision ${this.#written}; it is at ${cache.revision}`,
    );
    await nextTurn();
  }

  /** Waits until it is so. */
  async until(isSo: () => boolean, what: () => string): Promise<void> {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      if (this.#failure !== undefined) throw this.#failure;
      if (isSo()) return;
      await nextTurn();
    }
    throw new Error(`waited in vain until ${what()}`);
  }

  cut(): void {
    this.#connection.abort();
    this.#connection = new AbortController();
  }

  /** The cache has found out that something is wrong, waits for half a second, and tries again. */
  async retry(): Promise<void> {
    await this.until(
      () => this.#clock.pendingTimers > 0,
      () => 'the cache waits before it tries again',
    );
    this.#clock.advance(RETRY_MS);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
  }

  /** What lies in the store now and matches, as lines. */
  async inStore(filter?: ObjectFilter): Promise<string[]> {
    const { kvs } = await this.store.range({
      key: WIDGETS.storagePrefix,
      rangeEnd: prefixEnd(WIDGETS.storagePrefix),
    });
    const all = kvs.map((kv) => StoredObject.decode(kv));
    return all.filter((stored) => filter?.matches(stored) ?? true).map(lineOf);
  }

  /** The store as the cache sees it. */
  #connected(): KeyValueStore {
    const { store } = this;
    const range = async (request: RangeRequest) => {
      this.#pages += 1;
      await this.beforePage(this.#pages);
      return store.range(request);
    };
    const watch = (request: WatchRequest, signal: AbortSignal) => {
      this.watches.push(request.startRevision ?? 0);
      return cuttable(store, request, [signal, this.#connection.signal], this.greeting);
    };
    return new Proxy(store, {
      get(target, name) {
        if (name === 'range') return range;
        if (name === 'watch') return watch;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}

function unlessNotWritten(error: { readonly code?: unknown }): void {
  if (error.code !== 'NOT_WRITTEN_YET') throw error;
}

/** A watch that ends with an error when the connection is cut. */
function cuttable(
  store: KeyValueStore,
  request: WatchRequest,
  [signal, connection]: readonly [AbortSignal, AbortSignal],
  greeting: readonly WatchBatch[],
): Watch {
  const inner = store.watch(request, AbortSignal.any([signal, connection])) as Watch;
  return {
    requestProgress: () => inner.requestProgress(),
    async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch> {
      yield* greeting;
      yield* inner;
      if (connection.aborted) throw new StoreError('unavailable', 'the connection broke');
    },
  };
}

function opOf(change: string): Op {
  if (change.startsWith('-')) return { kind: 'delete', key: keyOf(change.slice(1)) };
  const [name = '', color = ''] = change.split('=');
  const value = encodeForStorage(widget(name, { spec: { color } }));
  return { kind: 'put', key: keyOf(name), value };
}

const keyOf = (name: string): string => objectKey(WIDGETS, refOf(name));

/** `a=red`, as far as the default namespace is meant; else `shop/a=red`. */
export function lineOf({ object }: StoredObject): string {
  const { namespace, name } = object.metadata;
  const { spec } = object as Widget;
  return `${namespace === 'default' ? '' : `${namespace}/`}${name}=${spec?.color}`;
}

/** What happened as one line: `MODIFIED a=blue at 7, was a=red`. */
export function eventLine({ type, current, previous }: CacheEvent): string {
  const now = `${type} ${lineOf(current)} at ${current.revision}`;
  return previous === undefined ? now : `${now}, was ${lineOf(previous)} at ${previous.revision}`;
}

/** Keeps what it hears as lines. */
export class Hearer implements CacheSubscriber {
  readonly lines: string[] = [];
  onEvent(event: CacheEvent): void {
    this.lines.push(eventLine(event));
  }
  onEnd(): void {
    this.lines.push('the end');
  }
}

/** Subscribes; the reason and the words, where it is refused. */
export function refusalOf(subscribe: () => unknown): string {
  try {
    subscribe();
    return 'not refused';
  } catch (error) {
    if (!ApiError.is(error)) throw error;
    return `${error.reason}: ${error.message}`;
  }
}

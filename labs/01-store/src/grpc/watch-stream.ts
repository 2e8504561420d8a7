// WatchStream: many watches of etcd's service Watch on one stream.
//
//   create  → created (id) → events … progress …      each watch has an id, chosen by the client or counted here
//   cancel  → canceled                                no event of that id comes after it
//   progress request → one answer with id -1          when every watch of the stream has delivered all up to its revision
// A watch that cannot be, or cannot go on, is told so by a response of its own; the stream and its other watches live on.
// Invariant: `created` comes before the first event of a watch, and its header has the revision before the first that is delivered.
// Upstream: etcd, etcdserver/api/v3rpc/watch.go and mvcc/watcher.go; the order of progress is the one of 3.5.
import {
  type KeyValueStore,
  StoreError,
  type Watch,
  type WatchBatch,
  type WatchRequest,
} from '../kv.ts';
import type { ServerCall } from './call.ts';
import type { ResponseContext } from './kv-responses.ts';
import { decimalOf, type Int64Like } from './messages.ts';
import { ProgressRound } from './watch-progress.ts';
import {
  refusalOf,
  storeRequestOf,
  type WatchCreateRequestMessage,
  type WatchRange,
  type WatchRequestMessage,
  wireId,
} from './watch-requests.ts';
import { eventResponses } from './watch-responses.ts';

/** A store whose watches say how far they are when they are asked. */
export interface WatchableStore extends KeyValueStore {
  watch(request: WatchRequest, signal: AbortSignal): Watch;
}

/** What there is to count. */
export interface WatchCounts {
  streams: number;
  watchers: number;
  events: number;
}

export interface WatchStreamOptions extends ResponseContext {
  /** A response of a watch that allows fragments is not longer. */
  readonly responseBytesMax: number;
  /** Throws when the caller may not read the range. */
  readonly permit?: (call: ServerCall, range: WatchRange) => void;
  readonly counts: WatchCounts;
}

interface Watcher {
  /** As the messages have it. */
  readonly watchId: Int64Like;
  readonly stop: AbortController;
  readonly watch: Watch;
  readonly isFragmented: boolean;
}

const NO_WATCH = -1;

export class WatchStream {
  readonly #store: WatchableStore;
  readonly #call: ServerCall;
  readonly #options: WatchStreamOptions;
  readonly #watchers = new Map<string, Watcher>();
  readonly #running = new Set<Promise<void>>();
  readonly #progress = new ProgressRound<Watcher>((revision) =>
    this.#send({ header: this.#options.headerOf(revision), watchId: NO_WATCH }),
  );
  #nextId = 0;

  constructor(store: WatchableStore, call: ServerCall, options: WatchStreamOptions) {
    this.#store = store;
    this.#call = call;
    this.#options = options;
  }

  async handle({ createRequest, cancelRequest, progressRequest }: WatchRequestMessage) {
    if (createRequest) await this.#create(createRequest);
    else if (cancelRequest) await this.#cancel(decimalOf(cancelRequest.watchId));
    else if (progressRequest) await this.#requestProgress();
    // A request of a kind that we do not know is passed over, as in etcd.
  }

  /** Resolves when no watch is left. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  cancelAll(): void {
    for (const { stop } of this.#watchers.values()) stop.abort();
  }

  async #create(message: WatchCreateRequestMessage): Promise<void> {
    const { revision } = await this.#store.status();
    const header = this.#options.headerOf(revision);
    const refusal = refusalOf(
      message,
      (range) => this.#options.permit?.(this.#call, range),
      (id) => this.#watchers.has(id),
    );
    if (refusal !== undefined) {
      await this.#send({
        header,
        watchId: NO_WATCH,
        created: true,
        canceled: true,
        cancelReason: refusal,
      });
      return;
    }
    const id = this.#chooseId(message);
    const stop = new AbortController();
    const watch = this.#store.watch(storeRequestOf(message, revision), stop.signal);
    const watcher = { watchId: wireId(id), stop, watch, isFragmented: message.fragment };
    this.#watchers.set(id, watcher);
    // Registered before the client hears of it: what it does then is in the watch.
    const batches = watch[Symbol.asyncIterator]();
    const first = batches.next();
    first.catch(() => undefined);
    await this.#send({ header, watchId: watcher.watchId, created: true });
    this.#start(id, watcher, this.#deliver(watcher, batches, first));
  }

  #start(id: string, watcher: Watcher, delivering: Promise<void>): void {
    this.#options.counts.watchers++;
    const running = delivering
      .catch((error: unknown) => this.#onError(watcher, error))
      .finally(() => {
        this.#running.delete(running);
        if (this.#watchers.get(id) === watcher) this.#watchers.delete(id);
        this.#options.counts.watchers--;
        this.#progress.leave(watcher);
      });
    this.#running.add(running);
  }

  /** One batch after another, each sent before the next is asked for. */
  async #deliver(
    watcher: Watcher,
    batches: AsyncIterator<WatchBatch>,
    first: Promise<IteratorResult<WatchBatch>>,
  ): Promise<void> {
    const { responseBytesMax, headerOf, counts } = this.#options;
    let next = await first;
    while (!next.done && !watcher.stop.signal.aborted) {
      const { revision, events } = next.value;
      const isRequested = events.length === 0 && this.#progress.reached(watcher, revision);
      if (!isRequested) {
        counts.events += events.length;
        const base = { header: headerOf(revision), watchId: watcher.watchId };
        const bytesMax = watcher.isFragmented ? responseBytesMax : Number.POSITIVE_INFINITY;
        for (const response of eventResponses(base, events, bytesMax)) {
          if (watcher.stop.signal.aborted) break;
          await this.#send(response);
        }
      }
      next = await batches.next();
    }
    await batches.return?.();
  }

  async #onError({ watchId }: Watcher, error: unknown): Promise<void> {
    if (!StoreError.is(error, 'compacted')) {
      this.#call.fail(error);
      return;
    }
    const { compactRevision } = await this.#store.status();
    await this.#send({
      // Not at any revision: etcd gives none.
      header: { ...this.#options.headerOf(0), revision: undefined },
      watchId,
      canceled: true,
      compactRevision: error.compactRevision ?? compactRevision,
    });
  }

  async #cancel(id: string): Promise<void> {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return;
    this.#watchers.delete(id);
    watcher.stop.abort();
    const { revision } = await this.#store.status();
    const header = this.#options.headerOf(revision);
    await this.#send({ header, watchId: watcher.watchId, canceled: true });
  }

  async #requestProgress(): Promise<void> {
    const { revision } = await this.#store.status();
    this.#progress.start(this.#watchers.values(), revision);
    for (const { watch } of this.#watchers.values()) watch.requestProgress();
  }

  #chooseId({ watchId }: WatchCreateRequestMessage): string {
    const wish = decimalOf(watchId);
    if (wish !== '0') return wish;
    while (this.#watchers.has(String(this.#nextId))) this.#nextId++;
    return String(this.#nextId++);
  }

  #send(response: object): Promise<void> {
    return this.#call.send(response);
  }
}

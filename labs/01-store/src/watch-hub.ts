// WatchHub: every watcher gets every durable revision that touches its range, in order, once, whole.
//
// A watcher is in one of three states:
//   catching-up   it started in the past, or fell behind: each read takes its next revision from the history
//   live          it has seen all that is durable: publish() puts new revisions into its queue
//   ended         it was aborted, or what it needs was compacted: the next read returns or throws
//
//   past ──→ catching-up ──nothing left──→ live ──queue full──→ catching-up …      compacted ──→ ended
// Rules of use
//   - publish() is called once for each revision, in order, after it became durable. It never waits.
//   - A queue has a maximum. When it overflows it is thrown away, as the history has all that was in it: a reader
//     that is slow costs the store neither memory nor time. Only a compaction beyond it ends its watch.
// Upstream: etcd, server/storage/mvcc/watchable_store.go (unsynced, synced, victims).
// Left out: the event of a key that one transaction puts and then deletes has that put as its prevKv; etcd looks
// at the revision before.
import { checkRange } from './check.ts';
import type { Clock } from './clock.ts';
import { inRange } from './key-range.ts';
import type { StoreError, StoreEvent, Watch, WatchBatch, WatchRequest } from './kv.ts';
import { assertReadable, compacted, type Mvcc } from './mvcc.ts';
import { WatchGroup } from './watch-group.ts';

export interface WatchHubOptions {
  readonly clock: Clock;
  /** How many revisions wait for one watcher at most. */
  readonly queueLengthMax: number;
  /** A watcher with progressNotify that got nothing for so long hears how far the store is. */
  readonly progressIntervalMs: number;
}

type State =
  | { readonly state: 'catching-up'; readonly nextRevision: number }
  | { readonly state: 'live'; readonly queue: WatchBatch[] }
  | { readonly state: 'ended'; readonly error: StoreError | undefined };

interface Watcher {
  readonly request: WatchRequest;
  startRevision: number;
  state: State;
  /** It shall hear how far it is, as soon as there is nothing else to hear. */
  isProgressDue: boolean;
  /** Ends the wait of a reader. */
  wake: () => void;
  lastDeliveryMs: number;
}

export class WatchHub {
  readonly #mvcc: Mvcc;
  readonly #options: WatchHubOptions;
  readonly #watchers = new WatchGroup<Watcher>();
  #progressTimer: unknown;
  #closed: StoreError | undefined;

  constructor(mvcc: Mvcc, options: WatchHubOptions) {
    this.#mvcc = mvcc;
    this.#options = options;
  }

  /** Registers the watcher when the first batch is asked for, and forgets it when the iteration ends. */
  watch(
    request: WatchRequest,
    signal: AbortSignal,
  ): Watch & AsyncGenerator<WatchBatch, void, void> {
    const watcher: Watcher = {
      request,
      startRevision: 0,
      state: { state: 'live', queue: [] },
      isProgressDue: false,
      wake: () => undefined,
      lastDeliveryMs: 0,
    };
    const requestProgress = () => {
      watcher.isProgressDue = true;
      watcher.wake();
    };
    return Object.assign(this.#read(watcher, signal), { requestProgress });
  }

  publish(revision: number, events: readonly StoreEvent[]): void {
    for (const [watcher, mayConcern] of this.#watchers.concernedBy(events)) {
      // One that catches up will find this revision in the history.
      if (watcher.state.state !== 'live' || revision < watcher.startRevision) continue;
      const batch = batchFor(watcher.request, revision, mayConcern);
      if (batch !== undefined) this.#enqueue(watcher, watcher.state.queue, batch);
    }
  }

  /** Ends every watch with this error, now and later: the store closes. */
  close(error: StoreError): void {
    this.#closed = error;
    for (const watcher of this.#watchers.all()) end(watcher, error);
    this.#stopProgress();
  }

  async *#read(watcher: Watcher, signal: AbortSignal): AsyncGenerator<WatchBatch, void, void> {
    if (signal.aborted) return;
    this.#register(watcher);
    const onAbort = () => end(watcher, undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        const batch = await this.#next(watcher);
        if (batch === undefined) return;
        yield batch;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#watchers.delete(watcher);
      if (this.#watchers.isEmpty) this.#stopProgress();
    }
  }

  #register(watcher: Watcher): void {
    if (this.#closed !== undefined) throw this.#closed;
    const { request } = watcher;
    checkRange(request);
    const now = this.#mvcc.durableRevision;
    const startRevision = request.startRevision || now + 1;
    if (startRevision <= now) assertReadable(this.#mvcc, startRevision);
    watcher.startRevision = startRevision;
    watcher.lastDeliveryMs = this.#options.clock.now();
    // Without a past there is nothing to catch up with, and no revision may slip by until the first read.
    if (startRevision <= now) {
      watcher.state = { state: 'catching-up', nextRevision: startRevision };
    }
    this.#watchers.add(watcher);
    if (request.progressNotify) this.#startProgress();
  }

  /** Waits for the next batch; undefined = the watch was aborted. */
  async #next(watcher: Watcher): Promise<WatchBatch | undefined> {
    for (;;) {
      const batch = this.#take(watcher);
      if (batch !== undefined) {
        watcher.lastDeliveryMs = this.#options.clock.now();
        return batch;
      }
      if (watcher.state.state === 'ended') {
        if (watcher.state.error !== undefined) throw watcher.state.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        watcher.wake = resolve;
      });
    }
  }

  #take(watcher: Watcher): WatchBatch | undefined {
    if (watcher.state.state === 'catching-up') {
      const batch = this.#catchUp(watcher, watcher.state);
      if (batch !== undefined) return batch;
    }
    if (watcher.state.state !== 'live') return undefined;
    const batch = watcher.state.queue.shift();
    if (batch !== undefined || !watcher.isProgressDue) return batch;
    // Everything that is durable was published, and everything that was published was taken.
    watcher.isProgressDue = false;
    return { revision: this.#mvcc.durableRevision, events: [] };
  }

  #catchUp(watcher: Watcher, { nextRevision }: { nextRevision: number }): WatchBatch | undefined {
    const { durableRevision, compactRevision } = this.#mvcc;
    if (nextRevision < compactRevision) {
      watcher.state = { state: 'ended', error: compacted(compactRevision) };
      return undefined;
    }
    for (let revision = nextRevision; revision <= durableRevision; revision++) {
      const batch = batchFor(watcher.request, revision, this.#mvcc.eventsAt(revision));
      if (batch === undefined) continue;
      watcher.state = { state: 'catching-up', nextRevision: revision + 1 };
      return batch;
    }
    watcher.state = { state: 'live', queue: [] };
    return undefined;
  }

  #enqueue(watcher: Watcher, queue: WatchBatch[], batch: WatchBatch): void {
    queue.push(batch);
    if (queue.length > this.#options.queueLengthMax) {
      const nextRevision = queue[0]?.revision ?? batch.revision;
      watcher.state = { state: 'catching-up', nextRevision };
    }
    watcher.wake();
  }

  #startProgress(): void {
    const { clock, progressIntervalMs } = this.#options;
    this.#progressTimer ??= clock.setTimeout(() => {
      this.#progressTimer = undefined;
      this.#reportProgress(clock.now() - progressIntervalMs);
      if (!this.#watchers.isEmpty) this.#startProgress();
    }, progressIntervalMs);
  }

  #stopProgress(): void {
    if (this.#progressTimer !== undefined) this.#options.clock.clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
  }

  #reportProgress(idleSinceMs: number): void {
    const revision = this.#mvcc.durableRevision;
    for (const watcher of this.#watchers.all()) {
      const { request, state, lastDeliveryMs, startRevision } = watcher;
      if (!request.progressNotify || state.state !== 'live' || state.queue.length > 0) continue;
      if (lastDeliveryMs > idleSinceMs || revision < startRevision - 1) continue;
      watcher.isProgressDue = true;
      watcher.wake();
    }
  }
}

function end(watcher: Watcher, error: StoreError | undefined): void {
  if (watcher.state.state !== 'ended') watcher.state = { state: 'ended', error };
  watcher.wake();
}

/** What of a revision concerns the watcher; undefined = nothing. */
function batchFor(
  request: WatchRequest,
  revision: number,
  events: readonly StoreEvent[],
): WatchBatch | undefined {
  const wanted = events.filter(({ type, kv }) => {
    const isFiltered = type === 'put' ? request.noPut : request.noDelete;
    return !isFiltered && inRange(kv.key, request);
  });
  if (wanted.length === 0) return undefined;
  if (request.prevKv) return { revision, events: wanted };
  return { revision, events: wanted.map(({ type, kv }) => ({ type, kv })) };
}

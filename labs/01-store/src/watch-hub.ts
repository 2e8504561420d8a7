// WatchHub: every watcher gets every durable revision that touches its range, in order, once, whole.
//
// A watcher is in one of three states:
//   catching-up   it started in the past: each read takes its next revision from the history
//   live          it has seen all that is durable: publish() puts new revisions into its queue
//   ended         it was too slow, or what it needs was compacted: the next read throws
// Rules of use
//   - publish() is called once for each revision, in order, after it became durable. It never waits.
//   - A queue has a maximum. A reader that lets it overflow is cut off ('slow-consumer') and
//     must list again: one bad watcher may cost the store neither memory nor time.
// Upstream: etcd, server/storage/mvcc/watchable_store.go (unsynced, synced, victims). There a slow
// watcher goes back to catching up; here it is told.
import type { Clock } from './clock.ts';
import { inRange, StoreError, type StoreEvent, type WatchBatch, type WatchRequest } from './kv.ts';
import { assertReadable, type Mvcc } from './mvcc.ts';

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
  readonly startRevision: number;
  state: State;
  /** Ends the wait of a reader. */
  wake: () => void;
  lastDeliveryMs: number;
}

export class WatchHub {
  readonly #mvcc: Mvcc;
  readonly #options: WatchHubOptions;
  readonly #watchers = new Set<Watcher>();
  #progressTimer: unknown;

  constructor(mvcc: Mvcc, options: WatchHubOptions) {
    this.#mvcc = mvcc;
    this.#options = options;
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchBatch, void, void> {
    if (signal.aborted) return;
    const watcher = this.#register(request);
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
      if (this.#watchers.size === 0) this.#stopProgress();
    }
  }

  publish(revision: number, events: readonly StoreEvent[]): void {
    for (const watcher of this.#watchers) {
      // One that catches up will find this revision in the history.
      if (watcher.state.state !== 'live' || revision < watcher.startRevision) continue;
      const batch = batchFor(watcher.request, revision, events);
      if (batch !== undefined) this.#enqueue(watcher, watcher.state.queue, batch);
    }
  }

  /** Ends every watch with this error: the store closes. */
  close(error: StoreError): void {
    for (const watcher of this.#watchers) end(watcher, error);
    this.#stopProgress();
  }

  #register(request: WatchRequest): Watcher {
    const now = this.#mvcc.durableRevision;
    const startRevision = request.startRevision || now + 1;
    if (startRevision <= now) assertReadable(this.#mvcc, startRevision);
    const watcher: Watcher = {
      request,
      startRevision,
      state: { state: 'catching-up', nextRevision: Math.max(startRevision, 2) },
      wake: () => undefined,
      lastDeliveryMs: this.#options.clock.now(),
    };
    // Without a past there is nothing to catch up with, and no revision may slip by until the first read.
    if (startRevision > now) watcher.state = { state: 'live', queue: [] };
    this.#watchers.add(watcher);
    if (request.progressNotify) this.#startProgress();
    return watcher;
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
    if (watcher.state.state === 'catching-up') return this.#catchUp(watcher, watcher.state);
    return watcher.state.state === 'live' ? watcher.state.queue.shift() : undefined;
  }

  #catchUp(watcher: Watcher, { nextRevision }: { nextRevision: number }): WatchBatch | undefined {
    const { durableRevision, compactRevision } = this.#mvcc;
    if (nextRevision < compactRevision) {
      watcher.state = { state: 'ended', error: compactedWatch(compactRevision) };
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
    if (queue.length < this.#options.queueLengthMax) {
      queue.push(batch);
      watcher.wake();
      return;
    }
    const text = `the watcher of ${JSON.stringify(watcher.request.key)} is ${queue.length} revisions behind`;
    end(watcher, new StoreError('slow-consumer', text));
  }

  #startProgress(): void {
    const { clock, progressIntervalMs } = this.#options;
    this.#progressTimer ??= clock.setTimeout(() => {
      this.#progressTimer = undefined;
      this.#reportProgress(clock.now() - progressIntervalMs);
      if (this.#watchers.size > 0) this.#startProgress();
    }, progressIntervalMs);
  }

  #stopProgress(): void {
    if (this.#progressTimer !== undefined) this.#options.clock.clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
  }

  #reportProgress(idleSinceMs: number): void {
    const revision = this.#mvcc.durableRevision;
    for (const { request, state, lastDeliveryMs, startRevision, wake } of this.#watchers) {
      if (!request.progressNotify || state.state !== 'live' || state.queue.length > 0) continue;
      if (lastDeliveryMs > idleSinceMs || revision < startRevision - 1) continue;
      state.queue.push({ revision, events: [] });
      wake();
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
  const wanted = events.filter(({ kv }) => inRange(kv.key, request));
  if (wanted.length === 0) return undefined;
  if (request.prevKv) return { revision, events: wanted };
  return { revision, events: wanted.map(({ type, kv }) => ({ type, kv })) };
}

function compactedWatch(compactRevision: number): StoreError {
  return new StoreError(
    'compacted',
    `etcdserver: mvcc: required revision has been compacted (at ${compactRevision})`,
  );
}

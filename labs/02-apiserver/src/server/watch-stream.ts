// WatchStream: one client's watch: what the cache tells, written as a stream of frames.
//
// Events are written as they happen, from bytes that all watchers share. A client that reads too slowly is cut off once too much is
// waiting for it (it lists again); it never holds up the others, nor fills the memory. The state at the beginning may be longer than
// that: it is written as fast as the client takes it, and what happens meanwhile waits, also within bounds. A bookmark now and then lets a
// client whose objects do not change keep its place.
//
// Invariants: events come in the order of the store; nothing comes after the end; the subscription ends with the connection.
// Same idea upstream: apiserver, endpoints/handlers/watch.go and storage/cacher/cache_watcher.go.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expired } from '../api-error.ts';
import type { ObjectFilter } from '../registry/object-filter.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { WatchCache } from '../registry/watch-cache.ts';
import { WatchFlusher } from './watch-flusher.ts';
import type { WatchFrames } from './watch-frames.ts';

export interface WatchStreamOptions {
  readonly cache: WatchCache;
  readonly filter: ObjectFilter;
  /** Changes after this one are told. */
  readonly fromRevision: number;
  /** The state at `fromRevision`, told before as ADDED events. */
  readonly initial: readonly StoredObject[];
  /** A bookmark behind the initial events says that they are complete. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  readonly frames: WatchFrames;
  readonly signal: AbortSignal;
}

const BOOKMARK_INTERVAL_MS = 30_000;
/** What may wait for a client: behind that it is too slow. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** Of the initial state, which is not the client's fault, so much is handed to the connection at once. */
const INITIAL_BYTES_MAX = 512 * 1024;
/** One for all, so that a rush of events is one round for everybody. */
const flusher = new WatchFlusher();

/** Serves a watch until it times out, the client leaves or is too slow, the server stops, or the cache loses track. */
export async function serveWatch(
  response: ServerResponse,
  options: WatchStreamOptions,
): Promise<void> {
  const { cache, filter, fromRevision, signal } = options;
  const stream = new WatchStream(response, options);
  // Throws Expired before a header is written, so that the client gets a Status with 410.
  const unsubscribe = cache.subscribe(
    fromRevision,
    {
      onEvent: (event) => {
        const change = filter.changeOf(event);
        if (change !== undefined) stream.event(change.type, change.stored);
      },
      onEnd: () => stream.fail(),
    },
    filter.interest,
  );
  try {
    await stream.run(signal);
  } finally {
    unsubscribe();
    stream.close();
  }
}

class WatchStream {
  readonly #response: ServerResponse;
  readonly #options: WatchStreamOptions;
  /** Events that arrive before the initial ones are written wait here. */
  #held: Buffer[] | undefined = [];
  #heldBytes = 0;
  /** The time is up, the client is gone, or the server stops. */
  #isOver = false;

  constructor(response: ServerResponse, options: WatchStreamOptions) {
    this.#response = response;
    this.#options = options;
  }

  /** Resolves when there is nothing more to say. */
  async run(signal: AbortSignal): Promise<void> {
    const { bookmarks, frames } = this.#options;
    this.#response.writeHead(200, {
      'content-type': frames.contentType,
      'cache-control': 'no-cache, private',
    });
    this.#response.flushHeaders();
    const over = this.#over(signal);
    // Half a state is no state: nothing may come behind it that looks as if it went on from there.
    if (!(await this.#tellInitial(over))) return;
    this.#release();
    const ticking = bookmarks
      ? setInterval(() => this.#bookmark(), BOOKMARK_INTERVAL_MS)
      : undefined;
    await over;
    clearInterval(ticking);
    if (bookmarks) this.#bookmark();
  }

  event(type: string, stored: StoredObject): void {
    const frame = this.#options.frames.change(type, stored);
    if (this.#held === undefined) {
      this.#write(frame);
      return;
    }
    this.#held.push(frame);
    this.#heldBytes += frame.length;
    if (this.#heldBytes > WAITING_BYTES_MAX) this.#response.destroy();
  }

  /** The cache lost its place: the client must list again. */
  fail(): void {
    const status = expired('The resourceVersion for the provided watch is too old.').toStatus();
    this.#write(this.#options.frames.error(status));
    this.close();
  }

  close(): void {
    flusher.flush(this.#response);
    if (!this.#response.writableEnded) this.#response.end();
  }

  /** Resolves when the time is up, the connection is gone, or the server stops. */
  #over(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(() => done(), this.#options.timeoutMs);
      const done = () => {
        this.#isOver = true;
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#response.once('close', done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted || this.#response.destroyed) done();
    });
  }

  /** False when the end came before all of it was told. */
  async #tellInitial(over: Promise<void>): Promise<boolean> {
    const { initial, marksInitialEnd, frames, fromRevision } = this.#options;
    const response = this.#response;
    for (const stored of initial) {
      if (this.#isOver || isGone(response)) return false;
      response.write(frames.change('ADDED', stored));
      if (response.writableLength > INITIAL_BYTES_MAX) await this.#drained(over);
    }
    if (this.#isOver || isGone(response)) return false;
    // Events that are held come behind it, so it is only as far as the state was.
    const end = { 'k8s.io/initial-events-end': 'true' };
    if (marksInitialEnd) response.write(frames.bookmark(fromRevision, end));
    return true;
  }

  /** Waits until the client has taken all that was written, or the end. */
  async #drained(over: Promise<void>): Promise<void> {
    const stop = new AbortController();
    const drained = once(this.#response, 'drain', { signal: stop.signal }).catch(() => undefined);
    await Promise.race([drained, over]);
    stop.abort();
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const frame of held) this.#write(frame);
  }

  #bookmark(): void {
    const { cache, frames, fromRevision } = this.#options;
    // The client may be ahead of this cache, by another server's answer: it is never sent back.
    this.#write(frames.bookmark(Math.max(cache.revision, fromRevision)));
  }

  #write(frame: Buffer): void {
    const response = this.#response;
    if (isGone(response)) return;
    flusher.write(response, frame);
    if (response.writableLength > WAITING_BYTES_MAX) response.destroy();
  }
}

/** Nothing can be written any more: the connection was cut, or the answer has ended. */
function isGone({ destroyed, writableEnded }: ServerResponse): boolean {
  return destroyed || writableEnded;
}

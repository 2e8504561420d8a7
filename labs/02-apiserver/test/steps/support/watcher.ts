// Watcher: a client of a watch, without a network: it reads when the test wants, and keeps what it was told as lines.
//
//   ADDED a 3                          what happened, the object's name, and its version
//   BOOKMARK 7 k8s.io/initial-events-end=true      a place, and what is noted on it
//   ERROR Expired 410                  the watch is over, for this reason
// A widget of size N makes a frame of N bytes, so that a test can fill a connection with small objects.
//
// Timers are false here: nothing of a watch waits for the test, and settle() lets all happen that can happen by itself.
import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
// Bound before the false timers come.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { vi } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { ObjectFilter, type SelectorOptions } from '#src/registry/object-filter.ts';
import type { CacheSubscriber } from '#src/registry/watch-cache.ts';
import type { WatchFrames } from '#src/server/watch-frames.ts';
import { serveWatch, type WatchStreamOptions } from '#src/server/watch-stream.ts';
import { openWorkshop, WIDGETS, type Widget, type Workshop, widget } from './widgets.ts';

/** `stopped` reads nothing; `slowly` takes one frame in a turn of the event loop. */
type Reading = 'at once' | 'slowly' | 'stopped';

export class Watcher extends Writable {
  readonly lines: string[] = [];
  /** Of the head of the answer; 0 before it came. */
  status = 0;
  /** The most that ever waited for it. */
  waitingBytesMax = 0;
  /** How many times frames were gathered for it, and left together. */
  rounds = 0;
  #reading: Reading;
  #taken: (() => void) | undefined;

  constructor(reading: Reading = 'at once') {
    super();
    this.#reading = reading;
  }

  read(reading: Reading): void {
    this.#reading = reading;
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  writeHead(status: number): this {
    this.status = status;
    return this;
  }
  flushHeaders(): void {
    // There is no network to flush them to.
  }

  override uncork(): void {
    this.rounds += 1;
    super.uncork();
  }

  override _write(frame: Buffer, _encoding: string, done: () => void): void {
    this.waitingBytesMax = Math.max(this.waitingBytesMax, this.writableLength);
    const take = () => {
      this.lines.push(frame.toString('latin1', 0, LINE_LENGTH_MAX).trimEnd());
      done();
    };
    if (this.#reading === 'at once') take();
    else if (this.#reading === 'slowly') setImmediate(take);
    else this.#taken = take;
  }
}

const LINE_LENGTH_MAX = 200;

/** Each frame is one of the lines above. */
export const frames: WatchFrames = {
  contentType: 'text/plain',
  change(type, { object, revision }) {
    const line = `${type} ${object.metadata.name} ${revision}`;
    return Buffer.from(line.padEnd((object as Widget).spec?.size ?? 0));
  },
  bookmark(revision, annotations = {}) {
    const notes = Object.entries(annotations).map(([key, value]) => ` ${key}=${value}`);
    return Buffer.from(`BOOKMARK ${revision}${notes.join('')}`);
  },
  error: (status) => {
    const { reason, code } = status as { reason: string; code: number };
    return Buffer.from(`ERROR ${reason} ${code}`);
  },
};

export interface WatchSettings extends Partial<WatchStreamOptions> {
  readonly selectors?: SelectorOptions;
}

export interface Served {
  /** `it returned`, or the reason of the error that it threw. */
  readonly end: Promise<string>;
  /** Ends the watch as a server does that stops. */
  stop(): void;
  /** How many still listen to the signal of the server. */
  listeners(): number;
}

export interface WatchBench extends AsyncDisposable {
  readonly workshop: Workshop;
  /** How many the cache tells of changes at the moment. */
  readonly subscribed: number;
  /** Which events each of them asked for, all that ever subscribed. */
  readonly interests: readonly string[];
  /** Makes or changes a widget; gives its version. */
  put(name: string, spec?: Widget['spec']): Promise<number>;
  remove(name: string): Promise<void>;
  serve(watcher: Watcher, settings?: WatchSettings): Served;
  /** The cache loses its place in the store, and says so to everybody who watches. */
  loseTrack(): void;
}

/** A watch cache at work, and the function under test in front of it. Everything a watch needs has a default: now, all, an hour. */
export async function openWatchBench(): Promise<WatchBench> {
  const workshop = await openWorkshop({ follow: true });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const { cache, store } = workshop;
  const subscribers = new Set<CacheSubscriber>();
  const interests: string[] = [];
  const subscribe = cache.subscribe.bind(cache);
  cache.subscribe = (from, subscriber, interest) => {
    const unsubscribe = subscribe(from, subscriber, interest);
    subscribers.add(subscriber);
    interests.push(interest?.kind ?? '(not said)');
    return () => {
      subscribers.delete(subscriber);
      unsubscribe();
    };
  };
  const stops: (() => void)[] = [];
  /** What a watcher throws is for the cache a store that failed: it warns, and would try again. */
  const told = async (): Promise<void> => {
    await settle();
    const [warning] = workshop.warnings;
    if (warning !== undefined) throw new Error(warning);
  };
  return {
    workshop,
    get subscribed() {
      return subscribers.size;
    },
    interests,
    async put(name, spec = {}) {
      const value = Buffer.from(JSON.stringify(widget(name, { spec })));
      const { revision } = await store.put({ key: workshop.keyOf(name), value });
      await told();
      return revision;
    },
    async remove(name) {
      await store.deleteRange({ key: workshop.keyOf(name) });
      await told();
    },
    serve(watcher, { selectors = {}, ...settings } = {}) {
      const stop = new AbortController();
      stops.push(() => stop.abort());
      const served = serveWatch(watcher as unknown as ServerResponse, {
        cache,
        filter: new ObjectFilter(WIDGETS, selectors),
        fromRevision: cache.revision,
        initial: [],
        marksInitialEnd: false,
        bookmarks: false,
        timeoutMs: 3_600_000,
        frames,
        signal: stop.signal,
        ...settings,
      });
      const end = served.then(
        () => 'it returned',
        (error: unknown) => {
          if (!ApiError.is(error)) throw error;
          return `${error.reason}: ${error.message}`;
        },
      );
      return {
        end,
        stop: () => stop.abort(),
        listeners: () => getEventListeners(stop.signal, 'abort').length,
      };
    },
    loseTrack() {
      for (const subscriber of subscribers) subscriber.onEnd();
    },
    async [Symbol.asyncDispose]() {
      for (const stop of stops) stop();
      await settle();
      vi.useRealTimers();
      await workshop[Symbol.asyncDispose]();
    },
  };
}

/** Lets everything happen that needs no more than a moment; for the false timers that is some milliseconds. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    await nextTurn();
    vi.advanceTimersByTime(2);
  }
}

/** Moves the false timers on. */
export async function pass(ms: number): Promise<void> {
  await settle();
  vi.advanceTimersByTime(ms);
  await settle();
}

/** Waits as long as something goes on in the background, for a slow reader. */
export async function until(condition: () => boolean, turnsMax = 5_000): Promise<void> {
  for (let i = 0; i < turnsMax && !condition(); i += 1) {
    await nextTurn();
    vi.advanceTimersByTime(1);
  }
}

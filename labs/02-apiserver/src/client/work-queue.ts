// WorkQueue: keys to work on; never the same key twice at once, and never a forgotten change.
//
// Invariants (assertConsistent() checks them):
//   1. a key waits at most once;  2. every waiting key is dirty;  3. no waiting key is being processed;
//   4. a dirty key waits, or is being processed and waits again when done() is called.
// Keys carry no data: whoever gets one looks at the current state, so ten changes in a row cost one piece of work.
// addRateLimited() puts a key back after baseDelay · 2^n, n being how often that was done since forget(), or later, when
// very many keys come back: a server that is down is not helped by ten thousand failures a second.
// Same idea upstream: k8s.io/client-go/util/workqueue. Left out: priorities, metrics.

import assert from 'node:assert/strict';
import type { Logger } from '@kube-labs/store';
import { ApiError } from '../api-error.ts';
import { type Clock, realClock } from './clock.ts';
import { type RateLimit, RateLimiter } from './rate-limiter.ts';

export interface WorkQueueOptions {
  readonly name?: string;
  readonly clock?: Clock;
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** For all keys together. Default: 100 at once, then 10 a second, as upstream. */
  readonly overallLimit?: RateLimit;
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<void>;

const BASE_DELAY_MS = 5;
const MAX_DELAY_MS = 1_000_000;
const OVERALL_LIMIT = { burst: 100, perSecond: 10 };

export class WorkQueue {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #overall: RateLimiter;
  /** A Set keeps the order of insertion, and invariant 1 by itself. */
  readonly #waiting = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #delayed = new Map<string, { readonly dueAt: number; readonly timer: unknown }>();
  readonly #requeues = new Map<string, number>();
  /** Those who stand in get(), first come first served. */
  readonly #takers = new Set<() => void>();

  constructor(options: WorkQueueOptions = {}) {
    this.#name = options.name ?? '';
    this.#clock = options.clock ?? realClock;
    this.#baseDelayMs = options.baseDelayMs ?? BASE_DELAY_MS;
    this.#maxDelayMs = options.maxDelayMs ?? MAX_DELAY_MS;
    this.#overall = new RateLimiter(options.overallLimit ?? OVERALL_LIMIT, this.#clock);
  }

  /** Keys that wait; those in work or delayed are not counted. */
  get length(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    this.#dirty.add(key);
    if (this.#processing.has(key)) return; // done() will bring it back.
    this.#waiting.add(key);
    this.#wakeOne();
  }

  /** Of several delays for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (!(delayMs > 0)) {
      this.add(key);
      return;
    }
    const dueAt = this.#clock.now() + delayMs;
    const known = this.#delayed.get(key);
    if (known !== undefined) {
      if (known.dueAt <= dueAt) return;
      this.#clock.clearTimeout(known.timer);
    }
    const timer = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, delayMs);
    this.#delayed.set(key, { dueAt, timer });
  }

  addRateLimited(key: string): void {
    const requeues = this.numRequeues(key);
    this.#requeues.set(key, requeues + 1);
    const own = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** Math.min(requeues, 60));
    this.addAfter(key, Math.max(own, this.#overall.reserve()));
  }

  /** The key is fine again: its next failure starts at the base delay. */
  forget(key: string): void {
    this.#requeues.delete(key);
  }

  numRequeues(key: string): number {
    return this.#requeues.get(key) ?? 0;
  }

  /** The next key, which is then being processed until done(key). Undefined when the signal aborts. */
  async get(signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      for (const key of this.#waiting) {
        this.#waiting.delete(key);
        this.#dirty.delete(key);
        this.#processing.add(key);
        return key;
      }
      await this.#untilWoken(signal);
    }
    this.#wakeOne(); // We may have been woken for a key that we no longer take.
    return undefined;
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (!this.#dirty.has(key)) return;
    this.#waiting.add(key);
    this.#wakeOne();
  }

  /**
   * Runs `workers` loops of get, reconcile, done until the signal aborts, and returns when the last one has finished. A
   * throw is logged and the key comes back rate limited; a Conflict only means that the cache was behind.
   */
  async run(
    options: { readonly workers: number; readonly log: Logger },
    reconcile: Reconcile,
    signal: AbortSignal,
  ): Promise<void> {
    const worker = async (): Promise<void> => {
      for (;;) {
        const key = await this.get(signal);
        if (key === undefined) return;
        await this.#process(key, options.log, reconcile, signal);
      }
    };
    await Promise.all(Array.from({ length: options.workers }, worker));
    for (const { timer } of this.#delayed.values()) this.#clock.clearTimeout(timer);
    this.#delayed.clear();
  }

  /** Throws when an invariant is broken. */
  assertConsistent(): void {
    for (const key of this.#waiting) {
      assert(this.#dirty.has(key), `waiting key ${key} is not dirty`);
      assert(!this.#processing.has(key), `waiting key ${key} is being processed`);
    }
    for (const key of this.#dirty) {
      const kept = this.#waiting.has(key) || this.#processing.has(key);
      assert(kept, `dirty key ${key} is forgotten`);
    }
  }

  async #process(
    key: string,
    log: Logger,
    reconcile: Reconcile,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await reconcile(key, signal);
      this.forget(key);
    } catch (error) {
      if (signal.aborted) return;
      const write = ApiError.is(error, 'Conflict') ? log.debug : log.error;
      write('Reconcile failed, will try again', {
        queue: this.#name || undefined,
        key,
        err: error,
      });
      this.addRateLimited(key);
    } finally {
      this.done(key);
    }
  }

  #untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#takers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#takers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #wakeOne(): void {
    if (this.#waiting.size === 0) return;
    for (const wake of this.#takers) {
      wake();
      return;
    }
  }
}

// Reflector: list, then watch, for ever: keeps a target equal to what the server has of a resource.
//
//   list → replace(all) → watch → put, remove, put … → the connection ends → watch from the last version seen → …
//   1. After an ordinary end or a broken connection the watch goes on from the last version seen: nothing is missed, nothing comes twice.
//   2. Only when the server no longer has that version (Expired, Gone), or turned the watch down, everything is listed again.
//   3. Failures are spaced out, doubling, with some chance in it, so that many clients do not come back at one moment.
//
// Same idea upstream: k8s.io/client-go/tools/cache/reflector.go.
// Left out: paging of the first list, watch-list streaming.

import { type Logger, messageOf, silentLogger } from '@kube-labs/store';
import { ApiError } from '../api-error.ts';
import type { Client, WatchEvent } from './client.ts';
import { type Clock, realClock, sleep } from './clock.ts';
import { type KubernetesObject, keyOf, type ResourceType } from './resources.ts';

export interface ReflectorOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Only the metadata of the objects is read and kept. */
  readonly metadataOnly?: boolean;
  /** Waits between failures: baseMs doubled each time up to maxMs, plus up to as much again at random. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: Logger;
}

/** What is kept equal. Called in order, synchronously, and must not throw. */
export interface ReflectorTarget<T> {
  /** A complete list: whatever is not in it is gone. */
  replace(objects: readonly T[]): void;
  put(object: T): void;
  remove(key: string, last: T): void;
}

const BACKOFF = { baseMs: 250, maxMs: 5_000 };
const WATCH_SECONDS_MIN = 300;
const WATCH_SECONDS_MAX = 600;
/** A watch that ends sooner and brought nothing counts as failed, or we would ask in a tight loop. */
const SHORT_WATCH_MS = 1_000;
/** Refusals that say nothing about our version: the server is busy, or does not know us at the moment. */
const PASSING = new Set(['TooManyRequests', 'ServiceUnavailable', 'Unauthorized', 'Forbidden']);

export class Reflector<T extends KubernetesObject> {
  readonly #client: Client;
  readonly #type: ResourceType<T>;
  readonly #options: ReflectorOptions;
  readonly #target: ReflectorTarget<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;
  /** The version the watch goes on from; undefined = list first. */
  #resourceVersion: string | undefined;
  #failures = 0;
  /** Our version was too old, and no watch has worked since. */
  #expired = false;

  constructor(
    client: Client,
    type: ResourceType<T>,
    target: ReflectorTarget<T>,
    options: ReflectorOptions = {},
  ) {
    this.#client = client;
    this.#type = type;
    this.#target = target;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLogger;
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const listed = await this.#client.list(this.#type, this.#selection(), signal);
    this.#target.replace(listed.items);
    this.#resourceVersion = listed.resourceVersion;
  }

  /** One watch from the version we hold. Throws when it broke, or ended so soon that to ask again would be a tight loop. */
  async #watch(signal: AbortSignal): Promise<void> {
    const startedAt = this.#clock.now();
    let count = 0;
    const worked = (): boolean => count > 0 || this.#clock.now() - startedAt >= SHORT_WATCH_MS;
    try {
      for await (const event of this.#open(signal)) {
        this.#apply(event);
        count++;
      }
    } finally {
      if (worked()) {
        this.#failures = 0;
        this.#expired = false;
      }
    }
    if (!worked() && !signal.aborted) {
      throw new Error('very short watch: the connection ended before any event came');
    }
  }

  #open(signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    const spread = Math.floor(this.#random() * (WATCH_SECONDS_MAX - WATCH_SECONDS_MIN));
    const options = {
      ...this.#selection(),
      resourceVersion: this.#resourceVersion ?? '',
      allowWatchBookmarks: true,
      timeoutSeconds: WATCH_SECONDS_MIN + spread,
    };
    return this.#client.watch(this.#type, options, signal);
  }

  #selection() {
    const { namespace, labelSelector, fieldSelector, metadataOnly = false } = this.#options;
    return { namespace, labelSelector, fieldSelector, metadataOnly };
  }

  #apply(event: WatchEvent<T>): void {
    const { object } = event;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#target.put(object);
        break;
      case 'DELETED':
        this.#target.remove(keyOf(object), object);
        break;
      case 'BOOKMARK':
        break;
      default:
        event.type satisfies never;
        return; // A type of event that we do not know says nothing about the version either.
    }
    this.#resourceVersion = object.metadata?.resourceVersion ?? this.#resourceVersion;
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { list, expected } = decideAfter(error);
    const isOrdinary = expected && !this.#expired;
    this.#logFailure(error, { list, isOrdinary });
    if (list) this.#resourceVersion = undefined;
    if (isOrdinary) {
      this.#expired = true;
      return; // List at once; but if that does not help, there is no hurry.
    }
    this.#failures++;
    const { baseMs, maxMs } = this.#options.backoff ?? BACKOFF;
    const delayMs = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures - 1, 30));
    await sleep(delayMs * (1 + this.#random()), signal, this.#clock);
  }

  #logFailure(error: unknown, { list, isOrdinary }: { list: boolean; isOrdinary: boolean }): void {
    const fields = { kind: this.#type.kind, err: messageOf(error), listAgain: list };
    if (isOrdinary) this.#log.debug('Watch is too far behind', fields);
    else this.#log.warn('Watch failed', fields);
  }
}

/** What a failure means: whether the version we hold is still good, and whether it belongs to ordinary life. */
function decideAfter(error: unknown): { readonly list: boolean; readonly expected: boolean } {
  if (!ApiError.is(error)) return { list: false, expected: false };
  const expected = error.reason === 'Expired' || error.reason === 'Gone';
  return { list: expected || !PASSING.has(error.reason), expected };
}

// Informer: list, then watch, for ever; a local copy of a resource that tells its handlers what changed.
//
//   1. Handlers see each object's changes in order: onAdd once, onUpdate any number of times, onDelete once. What was
//      missed while there was no connection is worked out from the next list and delivered the same way; several
//      changes may then arrive as one. An object that was deleted and made again (another uid) is a delete and an add.
//   2. The copy is changed before the handlers are called. Handlers are synchronous and should only put a key in a queue.
//   3. After an ordinary end or a broken connection the watch goes on from the last version seen; only when the
//      server no longer has that version (Expired, Gone) everything is listed again.
//   4. Objects that come out are shared: nobody may change them.
//
// Same idea upstream: k8s.io/client-go/tools/cache (Reflector, DeltaFIFO, SharedInformer), there in three parts.
// Left out: paging of the first list, watch-list streaming, transforms.

import { type Logger, messageOf, silentLogger } from '@kube-labs/store';
import { ApiError } from '../api-error.ts';
import type { Client, WatchEvent } from './client.ts';
import { type Clock, realClock, sleep } from './clock.ts';
import { type Indexers, ObjectCache } from './object-cache.ts';
import { type KubernetesObject, keyOf, type ResourceType } from './resources.ts';

export interface InformerOptions<T> {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly indexers?: Indexers<T>;
  /** Every so often onUpdate(object, object) for all, to correct what a handler got wrong. Default: never. */
  readonly resyncMs?: number;
  /** Waits between failures: baseMs doubled each time up to maxMs, plus up to as much again at random. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: Logger;
}

export interface InformerHandler<T> {
  onAdd?(object: T): void;
  onUpdate?(previous: T, object: T): void;
  onDelete?(object: T): void;
}

const BACKOFF = { baseMs: 250, maxMs: 5_000 };
const WATCH_SECONDS_MIN = 300;
const WATCH_SECONDS_MAX = 600;
/** A watch that ends sooner and brought nothing counts as failed, or we would ask in a tight loop. */
const SHORT_WATCH_MS = 1_000;

export class Informer<T extends KubernetesObject> {
  readonly #client: Client;
  readonly #type: ResourceType<T>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;
  readonly #cache: ObjectCache<T>;
  readonly #handlers: InformerHandler<T>[] = [];
  readonly #syncWaiters = new Set<() => void>();
  #hasSynced = false;
  /** The version the watch goes on from; undefined = list first. */
  #resourceVersion: string | undefined;
  #failures = 0;
  /** Our version was too old, and no watch has worked since. */
  #expired = false;

  constructor(client: Client, type: ResourceType<T>, options: InformerOptions<T> = {}) {
    this.#client = client;
    this.#type = type;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLogger;
    this.#cache = new ObjectCache(options.indexers);
  }

  /** A handler that comes late is told of everything that is already there. */
  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#cache.list()) this.#call(() => handler.onAdd?.(object));
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stopResync = this.#startResync();
    try {
      while (!signal.aborted) {
        try {
          if (this.#resourceVersion === undefined) await this.#list(signal);
          await this.#watch(signal);
        } catch (error) {
          if (!signal.aborted) await this.#recover(error, signal);
        }
      }
    } finally {
      stopResync();
    }
  }

  /** Resolves after the first complete list was delivered; rejects when the signal aborts first. */
  synced(signal?: AbortSignal): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#syncWaiters.delete(settle);
        signal?.removeEventListener('abort', settle);
        if (this.#hasSynced) resolve();
        else reject(signal?.reason);
      };
      this.#syncWaiters.add(settle);
      if (signal?.aborted === true) settle();
      else signal?.addEventListener('abort', settle);
    });
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const selection = { namespace, labelSelector, fieldSelector };
    const listed = await this.#client.list(this.#type, selection, signal);
    this.#replace(listed.items);
    this.#resourceVersion = listed.resourceVersion;
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    for (const settle of this.#syncWaiters) settle();
  }

  /** Makes the copy equal to `objects` and tells the difference. */
  #replace(objects: readonly T[]): void {
    const present = new Set(objects.map(keyOf));
    for (const key of [...this.#cache.keys()]) {
      if (!present.has(key)) this.#remove(key);
    }
    for (const object of objects) this.#put(object);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const startedAt = this.#clock.now();
    const spread = Math.floor(this.#random() * (WATCH_SECONDS_MAX - WATCH_SECONDS_MIN));
    const events = this.#client.watch(
      this.#type,
      {
        namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: this.#resourceVersion ?? '',
        allowWatchBookmarks: true,
        timeoutSeconds: WATCH_SECONDS_MIN + spread,
      },
      signal,
    );
    const lasted = (): boolean => this.#clock.now() - startedAt >= SHORT_WATCH_MS;
    let count = 0;
    try {
      for await (const event of events) {
        this.#apply(event);
        count++;
      }
    } finally {
      if (count > 0 || lasted()) {
        this.#failures = 0;
        this.#expired = false;
      }
    }
    if (count === 0 && !lasted() && !signal.aborted) {
      throw new Error('very short watch: the connection ended before any event came');
    }
  }

  #apply(event: WatchEvent<T>): void {
    const { object } = event;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#put(object);
        break;
      case 'DELETED':
        this.#remove(keyOf(object), object);
        break;
      case 'BOOKMARK':
        break;
      default: {
        event.type satisfies never;
        return; // A type of event that we do not know says nothing about the version either.
      }
    }
    this.#resourceVersion = object.metadata?.resourceVersion ?? this.#resourceVersion;
  }

  #put(object: T): void {
    const key = keyOf(object);
    const known = this.#cache.get(key);
    if (known !== undefined && known.metadata?.uid !== object.metadata?.uid) this.#remove(key);
    const previous = this.#cache.set(object);
    if (previous === undefined) {
      this.#tell((handler) => handler.onAdd?.(object));
    } else if (isNewer(previous, object)) {
      this.#tell((handler) => handler.onUpdate?.(previous, object));
    }
  }

  #remove(key: string, last?: T): void {
    const previous = this.#cache.delete(key);
    if (previous === undefined) return;
    this.#tell((handler) => handler.onDelete?.(last ?? previous));
  }

  #tell(call: (handler: InformerHandler<T>) => void): void {
    for (const handler of this.#handlers) this.#call(() => call(handler));
  }

  /** One handler's fault must not cost the others their events. */
  #call(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log.error('Informer handler failed', { kind: this.#type.kind, err: error });
    }
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const decision = decideAfter(error);
    if (decision.list) this.#resourceVersion = undefined;
    const isOrdinary = decision.expected && !this.#expired;
    const fields = { kind: this.#type.kind, err: messageOf(error), listAgain: decision.list };
    if (isOrdinary) {
      this.#expired = true;
      this.#log.debug('Watch is too far behind', fields);
      return; // List at once; but if that does not help, there is no hurry.
    }
    this.#failures++;
    this.#log.warn('Watch failed', fields);
    const { baseMs, maxMs } = this.#options.backoff ?? BACKOFF;
    const delayMs = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures - 1, 30));
    await sleep(delayMs * (1 + this.#random()), signal, this.#clock);
  }

  #startResync(): () => void {
    const { resyncMs } = this.#options;
    if (resyncMs === undefined) return () => {};
    let handle: unknown;
    const schedule = (): void => {
      handle = this.#clock.setTimeout(() => {
        for (const object of this.#cache.list()) {
          this.#tell((handler) => handler.onUpdate?.(object, object));
        }
        schedule();
      }, resyncMs);
    };
    schedule();
    return () => this.#clock.clearTimeout(handle);
  }
}

/** What a failure means: whether the version we hold is still good, and whether it belongs to ordinary life. */
function decideAfter(error: unknown): { readonly list: boolean; readonly expected: boolean } {
  if (!ApiError.is(error)) return { list: false, expected: false };
  switch (error.reason) {
    case 'Expired':
    case 'Gone':
      return { list: true, expected: true };
    case 'TooManyRequests':
    case 'ServiceUnavailable':
    case 'Unauthorized':
    case 'Forbidden':
      return { list: false, expected: false };
    default:
      return { list: true, expected: false };
  }
}

/** A list brings back what we already know; that is no update. */
function isNewer(previous: KubernetesObject, object: KubernetesObject): boolean {
  const version = object.metadata?.resourceVersion;
  return version === undefined || version !== previous.metadata?.resourceVersion;
}

// Informer: a local copy of a resource that tells its handlers what changed.
//
//   API server → Reflector (list, watch) → ObjectCache → handlers, which put keys into a WorkQueue
//   1. Handlers see each object's changes in order, also what was missed while there was no connection (deltas.ts).
//   2. The copy is changed before the handlers are called. Handlers are synchronous and should only put a key in a queue.
//   3. Objects that come out are shared: nobody may change them.
//
// Same idea upstream: k8s.io/client-go/tools/cache (DeltaFIFO, SharedInformer).

import { type Logger, silentLogger } from '@kube-labs/store';
import type { Client } from './client.ts';
import { type Clock, realClock } from './clock.ts';
import { Deltas, type InformerHandler } from './deltas.ts';
import { Lister } from './lister.ts';
import { type Indexers, ObjectCache } from './object-cache.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import type { KubernetesObject, ResourceType } from './resources.ts';

export interface InformerOptions<T> extends ReflectorOptions {
  readonly indexers?: Indexers<T>;
  /** What is kept of an object, to save memory. Its name, namespace, uid and resourceVersion must stay. */
  readonly transform?: (object: T) => T;
  /** Every so often onUpdate(object, object) for all, to correct what a handler got wrong. Default: never. */
  readonly resyncMs?: number;
}

export class Informer<T extends KubernetesObject> {
  readonly #type: ResourceType<T>;
  readonly #resyncMs: number | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cache: ObjectCache<T>;
  readonly #reflector: Reflector<T>;
  readonly #handlers: InformerHandler<T>[] = [];
  readonly #syncWaiters = new Set<() => void>();
  #hasSynced = false;

  constructor(client: Client, type: ResourceType<T>, options: InformerOptions<T> = {}) {
    this.#type = type;
    this.#resyncMs = options.resyncMs;
    this.#clock = options.clock ?? realClock;
    this.#log = options.log ?? silentLogger;
    this.#cache = new ObjectCache(options.indexers);
    const { transform = (object: T) => object } = options;
    const deltas = new Deltas(this.#cache, (call) => this.#tell(call));
    const target = {
      replace: (objects: readonly T[]) => {
        deltas.replace(objects.map(transform));
        this.#markSynced();
      },
      put: (object: T) => deltas.put(transform(object)),
      remove: (key: string, last: T) => deltas.remove(key, last),
    };
    this.#reflector = new Reflector(client, type, target, options);
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
      await this.#reflector.run(signal);
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

  /** The same copy, asked by name, namespace and labels. */
  lister(): Lister<T> {
    return new Lister(this.#cache, this.#type);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  #markSynced(): void {
    this.#hasSynced = true;
    for (const settle of this.#syncWaiters) settle();
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

  #startResync(): () => void {
    const resyncMs = this.#resyncMs;
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

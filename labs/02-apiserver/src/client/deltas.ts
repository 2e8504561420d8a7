// Deltas: what handlers must hear so that they know what the copy knows.
//
//   1. Handlers see each object's changes in order: onAdd once, onUpdate any number of times, onDelete once. What was
//      missed while there was no connection is worked out from the next list and delivered the same way; several
//      changes may then arrive as one. An object that was deleted and made again (another uid) is a delete and an add.
//   2. The copy is changed before the handlers are told.
//
// Same idea upstream: k8s.io/client-go/tools/cache (DeltaFIFO).

import type { ObjectCache } from './object-cache.ts';
import type { ReflectorTarget } from './reflector.ts';
import { type KubernetesObject, keyOf } from './resources.ts';

export interface InformerHandler<T> {
  onAdd?(object: T): void;
  onUpdate?(previous: T, object: T): void;
  onDelete?(object: T): void;
}

export class Deltas<T extends KubernetesObject> implements ReflectorTarget<T> {
  readonly #cache: ObjectCache<T>;
  readonly #tell: (call: (handler: InformerHandler<T>) => void) => void;

  /** `tell` calls every handler; it must not throw. */
  constructor(cache: ObjectCache<T>, tell: (call: (handler: InformerHandler<T>) => void) => void) {
    this.#cache = cache;
    this.#tell = tell;
  }

  /** Makes the copy equal to `objects` and tells the difference. */
  replace(objects: readonly T[]): void {
    const present = new Set(objects.map(keyOf));
    for (const key of [...this.#cache.keys()]) {
      if (!present.has(key)) this.remove(key);
    }
    for (const object of objects) this.put(object);
  }

  put(object: T): void {
    const key = keyOf(object);
    const known = this.#cache.get(key);
    if (known !== undefined && known.metadata?.uid !== object.metadata?.uid) this.remove(key);
    const previous = this.#cache.set(object);
    if (previous === undefined) {
      this.#tell((handler) => handler.onAdd?.(object));
    } else if (isNewer(previous, object)) {
      this.#tell((handler) => handler.onUpdate?.(previous, object));
    }
  }

  remove(key: string, last?: T): void {
    const previous = this.#cache.delete(key);
    if (previous === undefined) return;
    this.#tell((handler) => handler.onDelete?.(last ?? previous));
  }
}

/** A list brings back what we already know; that is no update. */
function isNewer(previous: KubernetesObject, object: KubernetesObject): boolean {
  const version = object.metadata?.resourceVersion;
  return version === undefined || version !== previous.metadata?.resourceVersion;
}

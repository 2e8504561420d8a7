// Lister: reading from an informer's copy as one reads from the server, without asking it.
//
// What it gives may be a moment old, and is shared: nobody may change it. An object that is not there is a NotFound as the server's.
// Same idea upstream: k8s.io/client-go/listers.

import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { notFound } from '../api-error.ts';
import type { ObjectCache } from './object-cache.ts';
import { type KubernetesObject, keyOf, type ObjectName, type ResourceType } from './resources.ts';
import { matchesSelector } from './selectors.ts';

export interface ListerSelection {
  /** Absent = all. */
  readonly namespace?: string | undefined;
  /** Absent = all. */
  readonly labels?: LabelSelector | undefined;
}

export class Lister<T extends KubernetesObject> {
  readonly #cache: Pick<ObjectCache<T>, 'get' | 'list'>;
  readonly #type: ResourceType<T>;

  constructor(cache: Pick<ObjectCache<T>, 'get' | 'list'>, type: ResourceType<T>) {
    this.#cache = cache;
    this.#type = type;
  }

  list({ namespace, labels }: ListerSelection = {}): readonly T[] {
    const objects = this.#cache.list(namespace);
    if (labels === undefined) return objects;
    return objects.filter((object) => matchesSelector(labels, object.metadata?.labels));
  }

  /** Throws NotFound. */
  get(ref: ObjectName): T {
    const { name, namespace } = ref;
    const object = this.#cache.get(
      keyOf({ metadata: { name, ...(namespace ? { namespace } : {}) } }),
    );
    if (object === undefined) throw notFound(this.#type, name);
    return object;
  }
}

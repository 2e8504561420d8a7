// OwnerLookup: whether the owners that an object names are there, on their way out, or gone.
//
// What the cache shows is there. What it does not show is asked for: it may be younger than the cache. A uid that was
// found to be gone is remembered, as a uid never comes back; a thousand orphans of one owner cost one question.
//
// Upstream: kubernetes, pkg/controller/garbagecollector (attemptToDeleteItem, absentOwnerCache).

import {
  ApiError,
  apiVersionOf,
  type Client,
  type KubernetesObject,
  type ResourceType,
} from '@kube-labs/apiserver';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { FOREGROUND, type OwnerState } from './garbage-plan.ts';
import { isBeingDeleted, meta } from './meta.ts';

const ABSENT_MAX = 500;

export interface OwnerVerdict {
  readonly uid: string;
  readonly state: OwnerState;
}

export class OwnerLookup {
  readonly #client: Client;
  readonly #types: readonly ResourceType<KubernetesObject>[];
  readonly #cached: (uid: string) => KubernetesObject | undefined;
  /** Oldest first. */
  readonly #absent = new Set<string>();

  constructor(
    client: Client,
    types: readonly ResourceType<KubernetesObject>[],
    cached: (uid: string) => KubernetesObject | undefined,
  ) {
    this.#client = client;
    this.#types = types;
    this.#cached = cached;
  }

  async statesOf(object: KubernetesObject, signal: AbortSignal): Promise<readonly OwnerVerdict[]> {
    const { ownerReferences = [], namespace } = meta(object);
    const verdicts: OwnerVerdict[] = [];
    for (const reference of ownerReferences) {
      verdicts.push({
        uid: reference.uid,
        state: await this.#stateOf(reference, namespace, signal),
      });
    }
    return verdicts;
  }

  async #stateOf(
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<OwnerState> {
    const { uid } = reference;
    const cached = this.#cached(uid);
    if (cached !== undefined) return stateOf(cached);
    if (this.#absent.has(uid)) return 'absent';
    const type = this.#types.find(
      (each) => each.kind === reference.kind && apiVersionOf(each) === reference.apiVersion,
    );
    // A kind that we do not serve cannot be judged: better to keep too much.
    if (type === undefined) return 'solid';
    if (type.namespaced && namespace === '') return 'solid';
    const ref = { name: reference.name, ...(type.namespaced ? { namespace } : {}) };
    try {
      const live = await this.#client.get(type, ref, signal);
      if (meta(live).uid === uid) return stateOf(live);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    this.#rememberAbsent(uid);
    return 'absent';
  }

  #rememberAbsent(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size <= ABSENT_MAX) return;
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest);
      return;
    }
  }
}

function stateOf(owner: KubernetesObject): OwnerState {
  const foreground = owner.metadata?.finalizers?.includes(FOREGROUND) === true;
  return isBeingDeleted(owner) && foreground ? 'waiting' : 'solid';
}

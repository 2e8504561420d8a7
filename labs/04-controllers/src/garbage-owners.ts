// OwnerLookup: whether the owners that an object names are there, on their way out, or gone.
//
// What the cache shows under the same name, kind and namespace is there. All else is asked for: it may be younger than the cache, or the
// reference may be wrong. Who was found to be gone is remembered, as a uid never comes back; a thousand orphans of one owner
// cost one question. What is remembered are the coordinates and not the uid alone: one object with a wrong reference to a
// living owner must not cost that owner's other dependents their life.
//
//   unknown kind      is not judged: better to keep too much; it may be served later
//   other namespace   an owner stands in the namespace of its dependent or in none; anywhere else it counts as absent
//
// Upstream: kubernetes, pkg/controller/garbagecollector (isDangling, absentOwnerCache, reportInvalidNamespaceOwnerRef).

import {
  ApiError,
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
  /** What is wrong with the reference itself. */
  readonly fault?: 'UnknownKind' | 'InvalidNamespace';
  /** It is there, but no cache shows it: should it go before one does, nobody would hear of it. */
  readonly unseen?: true;
}

export interface OwnerLookupDeps {
  readonly client: Client;
  typeOf(apiVersion: string, kind: string): ResourceType<KubernetesObject> | undefined;
  cached(uid: string): KubernetesObject | undefined;
}

export class OwnerLookup {
  readonly #deps: OwnerLookupDeps;
  /** Coordinates, oldest first. */
  readonly #absent = new Set<string>();

  constructor(deps: OwnerLookupDeps) {
    this.#deps = deps;
  }

  async statesOf(object: KubernetesObject, signal: AbortSignal): Promise<readonly OwnerVerdict[]> {
    const { ownerReferences = [], namespace } = meta(object);
    const verdicts: OwnerVerdict[] = [];
    for (const reference of ownerReferences) {
      verdicts.push(await this.#verdictOn(reference, namespace, signal));
    }
    return verdicts;
  }

  /** An owner was seen to go. Its kind may go as well, and then nobody could be asked any more. */
  sawDeletion(owner: KubernetesObject): void {
    const { apiVersion = '', kind = '' } = owner;
    const { name, namespace, uid } = meta(owner);
    this.#rememberAbsent(coordinates({ apiVersion, kind, name, uid }, namespace));
  }

  async #verdictOn(
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<OwnerVerdict> {
    const { uid } = reference;
    const cached = this.#deps.cached(uid);
    const place = cached === undefined ? '' : meta(cached).namespace;
    const fault = place === '' || place === namespace ? undefined : 'InvalidNamespace';
    if (cached !== undefined && fault === undefined && isSameObject(reference, cached)) {
      return { uid, state: stateOf(cached) };
    }
    const verdict = await this.#ask(reference, namespace, signal);
    return fault === undefined ? verdict : { ...verdict, fault };
  }

  async #ask(
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<OwnerVerdict> {
    const { apiVersion, kind, name, uid } = reference;
    const places = [coordinates(reference, ''), coordinates(reference, namespace)];
    if (places.some((place) => this.#absent.has(place))) return { uid, state: 'absent' };
    const type = this.#deps.typeOf(apiVersion, kind);
    if (type === undefined) return { uid, state: 'solid', fault: 'UnknownKind' };
    // No object outside namespaces can have an owner in one: there is nothing to look for, and nothing to delete.
    if (type.namespaced && namespace === '') return { uid, state: 'solid' };
    const ref = { name, ...(type.namespaced ? { namespace } : {}) };
    try {
      const live = await this.#deps.client.get(type, ref, signal);
      if (meta(live).uid === uid) return { uid, state: stateOf(live), unseen: true };
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    this.#rememberAbsent(coordinates(reference, type.namespaced ? namespace : ''));
    return { uid, state: 'absent' };
  }

  #rememberAbsent(place: string): void {
    this.#absent.add(place);
    if (this.#absent.size <= ABSENT_MAX) return;
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest);
      return;
    }
  }
}

/** In the form in which upstream writes them: `[v1/ConfigMap, namespace: default, name: x, uid: …]`. */
export function coordinates(
  { apiVersion, kind, name, uid }: OwnerReference,
  namespace: string,
): string {
  return `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
}

function isSameObject(reference: OwnerReference, object: KubernetesObject): boolean {
  const { apiVersion, kind, name } = reference;
  return object.apiVersion === apiVersion && object.kind === kind && object.metadata?.name === name;
}

function stateOf(owner: KubernetesObject): OwnerState {
  const foreground = owner.metadata?.finalizers?.includes(FOREGROUND) === true;
  return isBeingDeleted(owner) && foreground ? 'waiting' : 'solid';
}

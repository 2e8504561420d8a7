// PodChanges: creates and deletes Pods for one owner in one turn, and remembers what the cache has to show afterwards.
//
// Rules of use: nothing may be changed for a key while mayManage(key) is false. Expectations are set before the first
// request and taken back for every request that failed, so that the next turn starts from what is true.
//
// Upstream: kubernetes, pkg/controller/replicaset (manageReplicas) and pkg/controller/daemon (syncNodes), which share this by copy.

import type { Clock, Informer, KubernetesObject, WorkQueue } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { controllerOf } from './controller-ref.ts';
import { Expectations } from './expectations.ts';
import { isBeingDeleted, joinKey, meta } from './meta.ts';
import { isNamespaceTerminating, type PodControl, textOf } from './pod-control.ts';
import { slowStart } from './slow-start.ts';

export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
  readonly error: unknown;
}

export interface Changes {
  readonly create: readonly Pod[];
  readonly delete: readonly Pod[];
}

export class PodChanges {
  readonly #control: PodControl;
  readonly #expectations: Expectations;

  constructor(control: PodControl, clock: Clock) {
    this.#control = control;
    this.#expectations = new Expectations(clock);
  }

  /** Whether the cache shows all that was done for this owner. */
  mayManage(key: string): boolean {
    return this.#expectations.satisfied(key);
  }

  /** Returns what went wrong first, so that a status can tell before the error is thrown. */
  async apply(
    { key, object }: { readonly key: string; readonly object: KubernetesObject },
    changes: Changes,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const creations = changes.create.length;
    const deletions = changes.delete.map((pod) => meta(pod).uid);
    if (creations + deletions.length === 0) return undefined;
    this.#expectations.expect(key, { creations, deletions });
    const deleted = this.#deleteAll(key, object, changes.delete, signal);
    const created = await slowStart(creations, async (index) => {
      const pod = changes.create[index];
      if (pod !== undefined) await this.#control.create(object, pod, signal);
    });
    for (let missed = creations - created.succeeded; missed > 0; missed--) {
      this.#expectations.creationObserved(key);
    }
    const deleteError = await deleted;
    const { error } = created;
    if (error !== undefined && !isNamespaceTerminating(error)) {
      return { reason: 'FailedCreate', message: textOf(error), error };
    }
    if (deleteError === undefined) return undefined;
    return { reason: 'FailedDelete', message: textOf(deleteError), error: deleteError };
  }

  /** Queues the owner of every Pod that changes, and settles what was expected. `orphaned` hears of Pods without an owner. */
  watch<T extends KubernetesObject>(
    pods: Informer<Pod>,
    owners: { readonly kind: string; readonly informer: Informer<T>; readonly queue: WorkQueue },
    orphaned: (pod: Pod) => void,
  ): void {
    const { kind, informer, queue } = owners;
    const ownerKey = (pod: Pod): string | undefined => {
      const owner = controllerOf(pod);
      return owner?.kind === kind ? joinKey(meta(pod).namespace, owner.name) : undefined;
    };
    const changed = (pod: Pod): void => {
      const key = ownerKey(pod);
      if (key !== undefined) queue.add(key);
      else if (controllerOf(pod) === undefined) orphaned(pod);
    };
    const gone = (pod: Pod): void => {
      const key = ownerKey(pod);
      if (key === undefined) return;
      this.#expectations.deletionObserved(key, meta(pod).uid);
      queue.add(key);
    };
    pods.addHandler({
      onAdd: (pod) => {
        const key = ownerKey(pod);
        if (key !== undefined) this.#expectations.creationObserved(key);
        if (isBeingDeleted(pod)) gone(pod);
        else changed(pod);
      },
      onUpdate(previous, pod) {
        if (isBeingDeleted(pod)) gone(pod);
        if (ownerKey(previous) !== ownerKey(pod)) changed(previous);
        changed(pod);
      },
      onDelete: gone,
    });
    // A new object of this name starts with a clean slate.
    informer.addHandler({
      onDelete: ({ metadata }) =>
        this.#expectations.forget(joinKey(metadata?.namespace, metadata?.name ?? '')),
    });
  }

  async #deleteAll(
    key: string,
    owner: KubernetesObject,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const results = await Promise.allSettled(
      pods.map((pod) => this.#control.delete(owner, pod, signal)),
    );
    let error: unknown;
    for (const [index, pod] of pods.entries()) {
      const result = results[index];
      if (result?.status !== 'rejected') continue;
      this.#expectations.deletionObserved(key, meta(pod).uid);
      error ??= result.reason;
    }
    return error;
  }
}

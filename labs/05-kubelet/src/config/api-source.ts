// ApiSource: the pods that the API server wants on this node.
//
// Nothing is told before the first list is complete, and then the oldest first: a kubelet that starts again must not give a
// new pod the room of one that runs.
//
// Same idea upstream: kubernetes, pkg/kubelet/config/apiserver.go.

import type { Informer } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { oldestFirst, type PodManager, type PodSource } from './pod-manager.ts';
import { asApiPod } from './static-pod.ts';

export class ApiSource implements PodSource {
  readonly #informer: Informer<Pod>;
  readonly #manager: PodManager;
  #hasSynced = false;

  /** @param informer of this node's pods; whoever made it runs it. */
  constructor(informer: Informer<Pod>, manager: PodManager) {
    this.#informer = informer;
    this.#manager = manager;
    manager.addSource(this);
    informer.addHandler({
      onAdd: (pod) => this.#set(pod),
      onUpdate: (before, pod) => {
        // Deleted and made again under its name, while nobody looked.
        if (before.metadata?.uid !== pod.metadata?.uid) this.#remove(before);
        this.#set(pod);
      },
      onDelete: (pod) => this.#remove(pod),
    });
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the first list has been told of, or the signal aborts. */
  async synced(signal: AbortSignal): Promise<void> {
    await this.#informer.synced(signal).catch(() => {});
    if (signal.aborted || this.#hasSynced) return;
    this.#hasSynced = true;
    for (const pod of oldestFirst(this.#informer.list())) this.#set(pod);
  }

  #set(pod: Pod): void {
    if (this.#hasSynced) this.#manager.set(asApiPod(pod));
  }

  #remove(pod: Pod): void {
    if (this.#hasSynced) this.#manager.remove(pod);
  }
}

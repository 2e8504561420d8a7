// PodManager: the pods that this node should run, as their sources have them now.
//
// Nothing of a pod is taken for abandoned before every source is complete: a kubelet that starts, or an API server that
// is away, must not cost a single container.
//
// Same idea upstream: kubernetes, pkg/kubelet/pod/pod_manager.go, and pkg/kubelet/config (SourcesReady).
// Left out here: static pods and their mirrors.

import type { Pod } from 'kubernetes-types/core/v1';

/** Where pods come from. */
export interface PodSource {
  /** It has told of all that it had when it was first asked. */
  readonly hasSynced: boolean;
}

export interface PodHandler {
  /** @param before absent for a pod that is new here. */
  set(pod: Pod, before: Pod | undefined): void;
  gone(pod: Pod): void;
}

export class PodManager {
  readonly #byUid = new Map<string, Pod>();
  readonly #byName = new Map<string, Pod>();
  readonly #sources: PodSource[] = [];
  readonly #handlers: PodHandler[] = [];

  addSource(source: PodSource): void {
    this.#sources.push(source);
  }

  sourcesReady(): boolean {
    return this.#sources.every(({ hasSynced }) => hasSynced);
  }

  pods(): readonly Pod[] {
    return [...this.#byUid.values()];
  }

  byUid(uid: string): Pod | undefined {
    return this.#byUid.get(uid);
  }

  byName(namespace: string, name: string): Pod | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** From now on; first of all that is known already, the oldest first: what runs goes before what is new. */
  onChange(handler: PodHandler): void {
    this.#handlers.push(handler);
    const age = ({ metadata }: Pod) => Date.parse(metadata?.creationTimestamp ?? '') || 0;
    const known = [...this.pods()].sort((a, b) => age(a) - age(b));
    for (const pod of known) handler.set(pod, undefined);
  }

  /** A source has it, new or changed. */
  set(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const before = this.#byUid.get(uid);
    this.#byUid.set(uid, pod);
    this.#byName.set(nameOf(pod), pod);
    for (const handler of this.#handlers) handler.set(pod, before);
  }

  /** Its source no longer has it. */
  remove(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    if (!this.#byUid.delete(uid)) return;
    // Another one may have its name by now.
    if (this.#byName.get(nameOf(pod))?.metadata?.uid === uid) this.#byName.delete(nameOf(pod));
    for (const handler of this.#handlers) handler.gone(pod);
  }
}

function nameOf(pod: Pod): string {
  return `${pod.metadata?.namespace}/${pod.metadata?.name}`;
}

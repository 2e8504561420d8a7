// PodManager: the pods that this node should run, as their sources have them now.
//
// Nothing of a pod is taken for abandoned before every source is complete: a kubelet that starts, or an API server that
// is away, must not cost a single container. A mirror is no pod: it shows a static pod in the API, under the same name, and is
// kept apart, so that whoever asks by that name finds what really runs.
//
// Same idea upstream: kubernetes, pkg/kubelet/pod/pod_manager.go, and pkg/kubelet/config (SourcesReady).

import type { Pod } from 'kubernetes-types/core/v1';
import { isMirror, isMirrorOf } from './static-pod.ts';

/** Where pods come from. */
export interface PodSource {
  /** It has told of all that it had when it was first asked. */
  readonly hasSynced: boolean;
}

export interface PodHandler {
  /** @param before absent for a pod that is new here. */
  set(pod: Pod, before: Pod | undefined): void;
  gone(pod: Pod): void;
  /** @param name of a mirror (namespace/name) that came, changed or went. */
  mirror?(name: string): void;
}

export class PodManager {
  readonly #byUid = new Map<string, Pod>();
  readonly #byName = new Map<string, Pod>();
  readonly #mirrors = new Map<string, Pod>();
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

  /** A static pod has its mirror's name. */
  byName(namespace: string, name: string): Pod | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** What the API has under this name (namespace/name), whether it still shows what runs or not. */
  mirror(name: string): Pod | undefined {
    return this.#mirrors.get(name);
  }

  mirrors(): readonly Pod[] {
    return [...this.#mirrors.values()];
  }

  /** The one that shows this static pod. */
  mirrorOf(pod: Pod): Pod | undefined {
    const mirror = this.#mirrors.get(nameOf(pod));
    return mirror !== undefined && isMirrorOf(mirror, pod) ? mirror : undefined;
  }

  /** From now on; first of all that is known already, the oldest first: what runs goes before what is new. */
  onChange(handler: PodHandler): void {
    this.#handlers.push(handler);
    for (const pod of oldestFirst(this.pods())) handler.set(pod, undefined);
    for (const name of this.#mirrors.keys()) handler.mirror?.(name);
  }

  /** A source has it, new or changed. */
  set(pod: Pod): void {
    // Once a mirror, always one: whoever takes its mark away does not make a pod of it.
    if (isMirror(pod) || this.#isKnownMirror(pod)) {
      this.#mirrors.set(nameOf(pod), pod);
      this.#tellMirror(pod);
      return;
    }
    const uid = pod.metadata?.uid ?? '';
    const before = this.#byUid.get(uid);
    this.#byUid.set(uid, pod);
    this.#byName.set(nameOf(pod), pod);
    for (const handler of this.#handlers) handler.set(pod, before);
  }

  /** Its source no longer has it. */
  remove(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const name = nameOf(pod);
    if (this.#isKnownMirror(pod)) {
      this.#mirrors.delete(name);
      this.#tellMirror(pod);
    }
    if (!this.#byUid.delete(uid)) return;
    // Another one may have its name by now.
    if (this.#byName.get(name)?.metadata?.uid === uid) this.#byName.delete(name);
    for (const handler of this.#handlers) handler.gone(pod);
  }

  #isKnownMirror(pod: Pod): boolean {
    const known = this.#mirrors.get(nameOf(pod));
    return known !== undefined && known.metadata?.uid === pod.metadata?.uid;
  }

  #tellMirror(pod: Pod): void {
    for (const handler of this.#handlers) handler.mirror?.(nameOf(pod));
  }
}

export function oldestFirst(pods: readonly Pod[]): readonly Pod[] {
  const age = ({ metadata }: Pod) => Date.parse(metadata?.creationTimestamp ?? '') || 0;
  return [...pods].sort((a, b) => age(a) - age(b));
}

export function nameOf({ metadata }: Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

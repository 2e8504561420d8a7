// WaitingReasons: why containers wait that were to be started, until they are, or their pod goes.
//
// Same idea upstream: the reason cache, kubernetes, pkg/kubelet/reason_cache.go.

import type { WaitingReason } from './container-status.ts';

export class WaitingReasons {
  readonly #byPod = new Map<string, Map<string, WaitingReason>>();

  /** By container name. */
  of(podUid: string): ReadonlyMap<string, WaitingReason> {
    return this.#byPod.get(podUid) ?? new Map();
  }

  set(podUid: string, container: string, reason: WaitingReason): void {
    const known = this.#byPod.get(podUid) ?? new Map<string, WaitingReason>();
    known.set(container, reason);
    this.#byPod.set(podUid, known);
  }

  /** It runs. */
  clear(podUid: string, container: string): void {
    this.#byPod.get(podUid)?.delete(container);
  }

  forget(podUid: string): void {
    this.#byPod.delete(podUid);
  }
}

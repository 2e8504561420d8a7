// SyncLoopHealth: does the kubelet still look at what its pods do?
//
// A beat is a look at all that the engine has that came to its end. So a loop that hangs is found, and an engine that does not answer
// is too. Until the first beat nothing is wrong: a kubelet may start before its engine does.
//
// Same rule upstream: syncLoopHealthCheck in kubernetes, pkg/kubelet/kubelet.go.

import type { Clock } from '@kube-labs/apiserver';

export class SyncLoopHealth {
  readonly #clock: Clock;
  readonly #silenceMsMax: number;
  #lastMs: number | undefined;

  constructor(clock: Clock, silenceMsMax: number) {
    this.#clock = clock;
    this.#silenceMsMax = silenceMsMax;
  }

  beat(): void {
    this.#lastMs = this.#clock.now();
  }

  /** Throws when the last beat is too long ago. */
  check(): void {
    const silentMs = this.#clock.now() - (this.#lastMs ?? this.#clock.now());
    if (silentMs > this.#silenceMsMax) {
      throw new Error(`sync Loop took longer than expected: ${silentMs / 1_000} s without a look`);
    }
  }
}

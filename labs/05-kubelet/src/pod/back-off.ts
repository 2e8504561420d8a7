// BackOff: how long to wait before something that keeps failing is tried again.
//
// The first failure costs nothing; from then on the wait is 10 s, doubled with each further one, up to 5 minutes.
// Whatever has been quiet for twice the maximum starts from the beginning. One object serves container restarts,
// another one image pulls; keys start with the pod's uid, so a pod's entries go with it.
//
// Same idea upstream: k8s.io/client-go/util/flowcontrol/backoff.go, and how
// kubernetes, pkg/kubelet/kuberuntime (doBackOff) uses it.
// Left out here: per-node maxima (KubeletCrashLoopBackOffMax).

import type { Clock } from '@kube-labs/apiserver';
import type { Container } from 'kubernetes-types/core/v1';
import { containerHash } from './kill-action.ts';

export interface BackOffOptions {
  readonly clock: Clock;
  readonly initialMs?: number;
  readonly maxMs?: number;
}

interface Entry {
  readonly delayMs: number;
  readonly updatedAtMs: number;
}

const INITIAL_MS = 10_000;
const MAX_MS = 300_000;

export class BackOff {
  readonly #clock: Clock;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BackOffOptions) {
    this.#clock = options.clock;
    this.#initialMs = options.initialMs ?? INITIAL_MS;
    this.#maxMs = options.maxMs ?? MAX_MS;
  }

  /** How long to wait still, for what last failed at `failedAtMs`; 0 means go ahead, after next(). */
  remainingMs(key: string, failedAtMs: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#isExpired(entry, failedAtMs)) return 0;
    return Math.max(0, failedAtMs + entry.delayMs - this.#clock.now());
  }

  /** Notes one more try. */
  next(key: string, failedAtMs: number): void {
    const entry = this.#entries.get(key);
    const delayMs =
      entry === undefined || this.#isExpired(entry, failedAtMs)
        ? this.#initialMs
        : Math.min(entry.delayMs * 2, this.#maxMs);
    this.#entries.set(key, { delayMs, updatedAtMs: this.#clock.now() });
  }

  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  forget(keyPrefix: string): void {
    for (const key of this.#entries.keys()) {
      if (key.startsWith(keyPrefix)) this.#entries.delete(key);
    }
  }

  #isExpired(entry: Entry, failedAtMs: number): boolean {
    return failedAtMs - entry.updatedAtMs > 2 * this.#maxMs;
  }
}

/** Of a container's restarts: one that is given another image starts from the beginning. */
export function restartKey(podUid: string, spec: Container): string {
  return `${podUid}/${spec.name}/${containerHash(spec)}`;
}

/** As Go writes durations: 345ms, 1.5s, 2m40s. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${ms}ms`;
  const seconds = `${(ms % 60_000) / 1_000}s`;
  return ms < 60_000 ? seconds : `${Math.floor(ms / 60_000)}m${seconds}`;
}

// ReviewCache: answers of the API server that are good for a while.
//
// Who asks the kubelet once asks often, and each question would be one to the API server. Questions that are asked at the
// same time share one answer; a question that failed is forgotten at once. Bounded: the oldest answer goes first.
//
// Same idea upstream: k8s.io/apiserver, pkg/authentication/token/cache, plugin/pkg/authorizer/webhook.

import type { Clock } from '@kube-labs/apiserver';

const ANSWERS_MAX = 1_000;
/** An API server that does not answer must not hold everybody who asks. */
export const REVIEW_TIMEOUT_MS = 10_000;

interface Kept<T> {
  readonly answer: Promise<T>;
  expiresAtMs: number;
}

export class ReviewCache<T> {
  readonly #clock: Clock;
  readonly #ttlMs: (answer: T) => number;
  readonly #kept = new Map<string, Kept<T>>();

  constructor(clock: Clock, ttlMs: (answer: T) => number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#clock.now() < known.expiresAtMs) return known.answer;
    const kept: Kept<T> = { answer: ask(), expiresAtMs: Number.POSITIVE_INFINITY };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > ANSWERS_MAX && oldest !== undefined) this.#kept.delete(oldest);
    try {
      const answer = await kept.answer;
      kept.expiresAtMs = this.#clock.now() + this.#ttlMs(answer);
      return answer;
    } catch (error) {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      throw error;
    }
  }
}

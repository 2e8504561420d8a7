// RateLimiter: a token bucket: so many at once, and then so many a second.
//
//   burst 100, 10 a second:   the first hundred go at once, number 101 waits 100 ms, number 102 waits 200 ms …
// reserve() gives the wait and takes the token, as if it had waited. Same idea upstream: golang.org/x/time/rate, and the
// bucket in k8s.io/client-go/util/workqueue's default rate limiter.

import type { Clock } from './clock.ts';

export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Pick<Clock, 'now'>;
  /** Below zero: so many are promised to those who wait. */
  #tokens: number;
  #atMs: number;

  constructor(limit: RateLimit, clock: Pick<Clock, 'now'>) {
    this.#limit = limit;
    this.#clock = clock;
    this.#tokens = limit.burst;
    this.#atMs = clock.now();
  }

  /** Milliseconds until the token that was taken is there. */
  reserve(): number {
    this.#refill();
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#limit.perSecond) * 1000;
  }

  /** Takes a token when there is one now. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #refill(): void {
    const { perSecond, burst } = this.#limit;
    const nowMs = this.#clock.now();
    const gained = (Math.max(0, nowMs - this.#atMs) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#atMs = nowMs;
  }
}

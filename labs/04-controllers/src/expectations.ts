// Expectations: what a controller has just done and its cache has not shown yet.
//
// A controller that asks for five Pods and looks again before the cache has caught up would ask for five more.
// So it writes down what it expects to see, and leaves the object alone until it has seen it. Each
// expectation ends in one of three ways: the watch shows the change, the request failed and the controller takes the
// expectation back, or it grows old, as a watch may have skipped what came and went.
//
// Invariants: creations still awaited are never below 0; deletions are remembered by uid, so a Pod that is seen
// going twice counts once.
//
// Upstream: kubernetes, pkg/controller/controller_utils.go, UIDTrackingControllerExpectations.

import type { Clock } from '@kube-labs/apiserver';

/** As upstream: long enough for the slowest watch, short enough to heal by itself. */
const EXPIRES_AFTER_MS = 5 * 60 * 1000;

interface Expectation {
  creations: number;
  readonly deletions: Set<string>;
  readonly setAtMs: number;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Expectation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces what was expected of `key`: to be called before the first request goes out. */
  expect(key: string, expected: { creations?: number; deletions?: readonly string[] }): void {
    this.#byKey.set(key, {
      creations: expected.creations ?? 0,
      deletions: new Set(expected.deletions),
      setAtMs: this.#clock.now(),
    });
  }

  creationObserved(key: string): void {
    const expectation = this.#byKey.get(key);
    if (expectation !== undefined) expectation.creations = Math.max(0, expectation.creations - 1);
  }

  deletionObserved(key: string, uid: string): void {
    this.#byKey.get(key)?.deletions.delete(uid);
  }

  /** Whether the cache is known to show all that was done for `key`. True for a key that nothing was done for. */
  satisfied(key: string): boolean {
    const expectation = this.#byKey.get(key);
    if (expectation === undefined) return true;
    if (expectation.creations === 0 && expectation.deletions.size === 0) return true;
    return this.#clock.now() - expectation.setAtMs > EXPIRES_AFTER_MS;
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}

// revision-waiters: readers that wait until the watch cache is as far as the store was when they asked.
//
// Same idea upstream: apiserver, storage/cacher/watch_cache.go (waitUntilFreshAndBlock).

interface Waiter {
  readonly revision: number;
  readonly wake: (isThere: boolean) => void;
}

export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>();

  /** True as soon as reached() says so; false when the time is over, or when nobody knows any more how far it is. */
  until(revision: number, timeoutMs: number): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const wake = (isThere: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(isThere);
      };
      const waiter: Waiter = { revision, wake };
      const timer = setTimeout(() => wake(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  reached(revision: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.wake(true);
    }
  }

  release(): void {
    for (const { wake } of this.#waiters) wake(false);
  }
}

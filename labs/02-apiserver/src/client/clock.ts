// Clock: time as a dependency, so that a test of a timer takes no time.
//
// Everything that waits or looks at the time takes a Clock. `realClock` is the machine's; a FakeClock stands still
// until advance() moves it, and runs the timers on the way in the order in which they are due.
// Same idea upstream: k8s.io/utils/clock and its testing package.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** A time that is over already is no wait: Node would warn of a negative one. */
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The longest wait that setTimeout knows; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, Math.max(0, Math.min(ms, TIMER_MS_MAX))),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

interface FakeTimer {
  readonly dueAt: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<FakeTimer>();

  constructor(startMs = Date.UTC(2015, 10, 9)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer: FakeTimer = { dueAt: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as FakeTimer);
  }

  /** How many timers are waiting: a test looks here before it moves the clock. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on and runs what falls due, each timer at its own moment. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#nextTimer(until); next !== undefined; next = this.#nextTimer(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
    }
    this.#now = until;
  }

  #nextTimer(until: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (first === undefined || timer.dueAt < first.dueAt)) first = timer;
    }
    return first;
  }
}

/** Resolves after `ms`, or as soon as the signal aborts; the caller looks at the signal. Leaves no listener behind. */
export function sleep(ms: number, signal: AbortSignal, clock: Clock = realClock): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clock.clearTimeout(handle);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const handle = clock.setTimeout(finish, ms);
    signal.addEventListener('abort', finish);
  });
}

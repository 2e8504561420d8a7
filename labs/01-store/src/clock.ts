// Clock: the time as the store sees it, so that a test can move it by hand.
//
// Only differences matter (leases, intervals), so the real clock is the monotonic one: setting
// the machine's date must not make leases expire.
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  // A waiting timer alone is no reason to keep the process alive.
  setTimeout: (callback, ms) => setTimeout(callback, ms).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

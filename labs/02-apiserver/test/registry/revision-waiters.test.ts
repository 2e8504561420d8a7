// Who waits for a revision hears of it once it is there, or that the time is over.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RevisionWaiters } from '#src/registry/revision-waiters.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What each of these waits came to so far. */
function watched(waits: Readonly<Record<string, Promise<boolean>>>): () => Promise<object> {
  const seen: Record<string, boolean> = {};
  for (const [name, wait] of Object.entries(waits)) {
    void wait.then((isThere) => {
      seen[name] = isThere;
    });
  }
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return seen;
  };
}

test('a revision that is reached wakes those who wait for it or for an earlier one', async () => {
  const waiters = new RevisionWaiters();
  const seen = watched({
    five: waiters.until(5, 1000),
    six: waiters.until(6, 1000),
    seven: waiters.until(7, 1000),
  });
  waiters.reached(4);
  expect(await seen()).toEqual({});
  waiters.reached(6);
  expect(await seen()).toEqual({ five: true, six: true });
  expect(vi.getTimerCount()).toBe(1);
  waiters.reached(9);
  expect(await seen()).toEqual({ five: true, six: true, seven: true });
  expect(vi.getTimerCount()).toBe(0);
});

test('when the time is over they hear false, and are forgotten', async () => {
  const waiters = new RevisionWaiters();
  const seen = watched({ short: waiters.until(5, 100), long: waiters.until(5, 200) });
  await vi.advanceTimersByTimeAsync(99);
  expect(await seen()).toEqual({});
  await vi.advanceTimersByTimeAsync(1);
  expect(await seen()).toEqual({ short: false });
  waiters.reached(5);
  expect(await seen()).toEqual({ short: false, long: true });
});

test('release() tells all of them that nobody knows any more', async () => {
  const waiters = new RevisionWaiters();
  const seen = watched({ five: waiters.until(5, 100), six: waiters.until(6, 100) });
  waiters.release();
  expect(await seen()).toEqual({ five: false, six: false });
  expect(vi.getTimerCount()).toBe(0);
});

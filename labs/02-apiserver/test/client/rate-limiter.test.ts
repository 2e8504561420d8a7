// Buckets of tokens, and a queue in which very many keys fail at once.
import { expect, test } from 'vitest';
import { FakeClock } from '#src/client/clock.ts';
import { RateLimiter } from '#src/client/rate-limiter.ts';
import { WorkQueue } from '#src/client/work-queue.ts';

test('a burst goes at once, what comes after it waits its turn, and idle time fills the bucket up to the burst', () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ burst: 3, perSecond: 10 }, clock);
  const reserve = (n: number) => Array.from({ length: n }, () => Math.round(limiter.reserve()));
  expect(reserve(5)).toEqual([0, 0, 0, 100, 200]);
  clock.advance(100);
  expect(reserve(1)).toEqual([200]);
  clock.advance(60_000);
  expect(reserve(4)).toEqual([0, 0, 0, 100]);
});

test('tryTake() promises nothing', () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, clock);
  expect([limiter.tryTake(), limiter.tryTake(), limiter.tryTake()]).toEqual([true, false, false]);
  clock.advance(999);
  expect(limiter.tryTake()).toBe(false);
  clock.advance(1);
  expect(limiter.tryTake()).toBe(true);
});

test('a thousand keys that fail at once come back by ten a second after the first hundred', () => {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock });
  for (let i = 0; i < 1000; i++) queue.addRateLimited(`key-${i}`);
  clock.advance(5);
  expect(queue.length).toBe(100);
  clock.advance(995);
  expect(queue.length).toBe(110);
  clock.advance(9_000);
  expect(queue.length).toBe(200);
  queue.assertConsistent();
});

// The compactor on a clock in hand: when it compacts, to which revision, and what it does when that fails.
import { describe, expect, test } from 'vitest';
import { type CompactorOptions, parseRetention, runCompactor } from '#src/compactor.ts';
import { StoreError } from '#src/kv.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { FakeClock } from './support/fake-clock.ts';
import { bytes } from './support/store-helpers.ts';

const MINUTE_MS = 60_000;

/** A store that gets one revision a minute, and the revisions that it was compacted to. */
async function watched(options: Pick<CompactorOptions, 'mode' | 'retention'>) {
  const clock = new FakeClock();
  const store = await openMemoryStore({ clock });
  const compacted: number[] = [];
  const failures: StoreError[] = [];
  const logged: string[] = [];
  const stop = new AbortController();
  const compact = async (revision: number) => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    await store.compact(revision);
    compacted.push(revision);
  };
  const seen = { status: () => store.status(), compact };
  const log = (message: string) => void logged.push(message);
  const running = runCompactor(seen, { ...options, clock, log }, stop.signal);
  const minutes = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await store.put({ key: 'a', value: bytes('') });
      await clock.advance(MINUTE_MS);
    }
  };
  const end = async () => {
    stop.abort();
    await running;
    await store[Symbol.asyncDispose]();
  };
  return { minutes, compacted, failures, logged, clock, end, [Symbol.asyncDispose]: end };
}

describe('mode periodic', () => {
  test('compacts after a whole period to the oldest revision it saw, and once a period from then on', async () => {
    await using at = await watched({ mode: 'periodic', retention: 10 * MINUTE_MS });
    await at.minutes(9);
    expect(at.compacted).toEqual([]);
    await at.minutes(1);
    expect(at.compacted).toEqual([1]);
    await at.minutes(9);
    expect(at.compacted).toEqual([1]);
    await at.minutes(1);
    expect(at.compacted).toEqual([1, 10]);
    await at.minutes(10);
    expect(at.compacted).toEqual([1, 10, 20]);
  });

  test('compacts once an hour when it keeps more than an hour', async () => {
    await using at = await watched({ mode: 'periodic', retention: 120 * MINUTE_MS });
    await at.minutes(119);
    expect(at.compacted).toEqual([]);
    await at.minutes(1);
    expect(at.compacted).toEqual([1]);
    await at.minutes(60);
    expect(at.compacted).toEqual([1, 55]);
  });

  test('tries again a tenth of the period later when it failed', async () => {
    await using at = await watched({ mode: 'periodic', retention: 10 * MINUTE_MS });
    at.failures.push(new StoreError('unavailable', 'not now'));
    await at.minutes(10);
    expect(at.compacted).toEqual([]);
    expect(at.logged).toEqual(['cannot compact to revision 1: not now']);
    await at.minutes(1);
    expect(at.compacted).toEqual([1]);
  });

  test('is content when somebody else compacted further', async () => {
    await using at = await watched({ mode: 'periodic', retention: 10 * MINUTE_MS });
    at.failures.push(new StoreError('compacted', 'somebody did'));
    await at.minutes(19);
    expect([at.compacted, at.logged]).toEqual([[], []]);
    await at.minutes(1);
    expect(at.compacted).toEqual([10]);
  });
});

describe('mode revision', () => {
  test('keeps so many revisions, and looks every five minutes', async () => {
    await using at = await watched({ mode: 'revision', retention: 8 });
    await at.minutes(5);
    expect(at.compacted).toEqual([]);
    await at.minutes(5);
    expect(at.compacted).toEqual([3]);
    await at.minutes(5);
    expect(at.compacted).toEqual([3, 8]);
  });

  test('does nothing while nothing happens', async () => {
    await using at = await watched({ mode: 'revision', retention: 1 });
    await at.minutes(5);
    await at.clock.advance(60 * MINUTE_MS);
    expect(at.compacted).toEqual([5]);
  });
});

test('a compactor that is stopped leaves no timer behind', async () => {
  const at = await watched({ mode: 'revision', retention: 1 });
  expect(at.clock.timers).toBe(1);
  await at.end();
  expect(at.clock.timers).toBe(0);
});

test('a retention of 0 never compacts', async () => {
  await using at = await watched({ mode: 'periodic', retention: 0 });
  await at.minutes(100);
  expect([at.compacted, at.clock.timers]).toEqual([[], 0]);
});

describe('parseRetention()', () => {
  test.each([
    ['periodic', '0', 0],
    ['periodic', '1', 3_600_000],
    ['periodic', '5m', 300_000],
    ['periodic', '1h30m0.5s', 5_400_500],
    ['periodic', '10ms', 10],
    ['revision', '1000', 1000],
  ] as const)('%s %s is %d', (mode, text, want) => {
    expect(parseRetention(mode, text)).toBe(want);
  });

  test.each([
    ['periodic', ''],
    ['periodic', '5'.concat('x')],
    ['periodic', '-1h'],
    ['periodic', '5 m'],
    ['revision', '5m'],
    ['revision', '-1'],
  ] as const)('%s %j is refused', (mode, text) => {
    expect(() => parseRetention(mode, text)).toThrow(/the retention is .*, not "/);
  });
});

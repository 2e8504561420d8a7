// What the contract cannot show on every store: bounds, states, and the time of a watcher.
import { expect, test } from 'vitest';
import { StoreError, type WatchBatch } from '../src/kv.ts';
import { openMemoryStore } from '../src/open-store.ts';
import { FakeClock } from './support/fake-clock.ts';
import { bytes } from './support/store-helpers.ts';

const value = bytes('');

test('a watcher that does not read is cut off, and the others hear everything', async () => {
  await using store = await openMemoryStore({ watchQueueLengthMax: 3 });
  const { signal } = new AbortController();
  const slow = store.watch({ key: 'a' }, signal)[Symbol.asyncIterator]();
  const quick = store.watch({ key: 'a' }, signal)[Symbol.asyncIterator]();
  const [firstOfSlow, firstOfQuick] = [slow.next(), quick.next()];
  await store.put({ key: 'a', value });
  await Promise.all([firstOfSlow, firstOfQuick]);
  for (let i = 0; i < 4; i++) {
    const next = quick.next();
    const { revision } = await store.put({ key: 'a', value });
    expect((await next).value?.revision).toBe(revision);
  }
  const error = await slow.next().catch((e: unknown) => e);
  expect(StoreError.is(error, 'slow-consumer')).toBe(true);
  expect((error as Error).message).toContain('3 revisions behind');
});

test('a watcher that catches up is not slow: history is no queue', async () => {
  await using store = await openMemoryStore({ watchQueueLengthMax: 3 });
  for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
  const watching = store.watch({ key: 'a', startRevision: 2 }, new AbortController().signal);
  const seen: number[] = [];
  for await (const { revision } of watching) {
    seen.push(revision);
    if (revision === 5) for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
    if (revision === 21) break;
  }
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
});

test('a watcher that catches up ends when a compaction overtakes it', async () => {
  await using store = await openMemoryStore();
  for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
  const watching = store
    .watch({ key: 'a', startRevision: 2 }, new AbortController().signal)
    [Symbol.asyncIterator]();
  await watching.next();
  await store.compact(8);
  const error = await watching.next().catch((e: unknown) => e);
  expect(StoreError.is(error, 'compacted')).toBe(true);
});

test('a watcher that is up to date is not disturbed by a compaction', async () => {
  await using store = await openMemoryStore();
  const watching = store.watch({ key: 'a' }, new AbortController().signal)[Symbol.asyncIterator]();
  const next = watching.next();
  await store.put({ key: 'b', value });
  await store.compact(2);
  await store.put({ key: 'a', value });
  expect((await next).value?.revision).toBe(3);
});

test('progress comes after quiet only, and never ahead of an event', async () => {
  const clock = new FakeClock();
  await using store = await openMemoryStore({ clock, progressIntervalMs: 1000 });
  const stop = new AbortController();
  const seen: WatchBatch[] = [];
  const watching = (async () => {
    const request = { key: 'a', progressNotify: true };
    for await (const batch of store.watch(request, stop.signal)) seen.push(batch);
  })();
  await store.put({ key: 'b', value });
  await clock.advance(1000);
  await store.put({ key: 'a', value });
  await clock.advance(500);
  await store.put({ key: 'a', value });
  await clock.advance(999);
  await store.put({ key: 'b', value });
  await clock.advance(2000);
  stop.abort();
  await watching;
  const told = seen.map(
    ({ revision, events }) => `${events.length === 0 ? 'progress' : 'event'} ${revision}`,
  );
  expect(told).toEqual(['progress 2', 'event 3', 'event 4', 'progress 5', 'progress 5']);
  expect(clock.timers).toBe(0);
});

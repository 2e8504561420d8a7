// What the contract cannot show on every store: bounds, states, and the time of a watcher.
import { describe, expect, test } from 'vitest';
import { StoreError, type StoreEvent, type WatchBatch } from '#src/kv.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { WatchGroup } from '#src/watch-group.ts';
import { FakeClock } from './support/fake-clock.ts';
import { bytes } from './support/store-helpers.ts';

const value = bytes('');

test('a watcher that does not read falls back to the history, misses nothing, and holds nobody up', async () => {
  await using store = await openMemoryStore({ watchQueueLengthMax: 3 });
  const { signal } = new AbortController();
  const slow = store.watch({ key: 'a' }, signal)[Symbol.asyncIterator]();
  const quick = store.watch({ key: 'a' }, signal)[Symbol.asyncIterator]();
  const first = [slow.next(), quick.next()];
  const { revision: start } = await store.put({ key: 'a', value });
  await Promise.all(first);
  for (let i = 1; i <= 10; i++) {
    const next = quick.next();
    await store.put({ key: 'a', value });
    expect((await next).value?.revision).toBe(start + i);
  }
  for (let i = 1; i <= 10; i++) expect((await slow.next()).value?.revision).toBe(start + i);
  const next = slow.next();
  await store.put({ key: 'a', value });
  expect((await next).value?.revision).toBe(start + 11);
});

test('a watcher that fell behind ends when a compaction overtakes it, and hears where', async () => {
  await using store = await openMemoryStore({ watchQueueLengthMax: 3 });
  const slow = store.watch({ key: 'a' }, new AbortController().signal)[Symbol.asyncIterator]();
  const first = slow.next();
  for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
  await first;
  await store.compact(8);
  const error = await slow.next().catch((e: unknown) => e);
  expect(StoreError.is(error, 'compacted') && error.compactRevision).toBe(8);
});

test('a watcher whose queue holds all it missed is not hurt by a compaction', async () => {
  await using store = await openMemoryStore();
  const slow = store.watch({ key: 'a' }, new AbortController().signal)[Symbol.asyncIterator]();
  const first = slow.next();
  for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
  await store.compact(11);
  expect((await first).value?.revision).toBe(2);
  for (let i = 3; i <= 11; i++) expect((await slow.next()).value?.revision).toBe(i);
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

test('a watch from 0 starts now; one from a negative revision is older than all history, also before any compaction', async () => {
  await using store = await openMemoryStore();
  await store.put({ key: 'a', value });
  const stop = new AbortController();
  const now = store.watch({ key: 'a', startRevision: 0 }, stop.signal)[Symbol.asyncIterator]();
  const next = now.next();
  await store.put({ key: 'a', value });
  expect((await next).value?.revision).toBe(3);
  const negative = store.watch({ key: 'a', startRevision: -1 }, stop.signal);
  const error = await negative[Symbol.asyncIterator]()
    .next()
    .catch((e: unknown) => e);
  expect(StoreError.is(error, 'compacted')).toBe(true);
  stop.abort();
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

describe('Watch.requestProgress()', () => {
  test('is answered at once by a watch that is up to date', async () => {
    await using store = await openMemoryStore();
    const watch = store.watch({ key: 'a' }, new AbortController().signal);
    const reading = watch[Symbol.asyncIterator]();
    const next = reading.next();
    await store.put({ key: 'b', value });
    watch.requestProgress();
    expect((await next).value).toEqual({ revision: 2, events: [] });
  });

  test('comes after everything that happened before, in the past and in the queue', async () => {
    await using store = await openMemoryStore();
    for (let i = 0; i < 3; i++) await store.put({ key: 'a', value });
    const stop = new AbortController();
    const watch = store.watch({ key: 'a', startRevision: 2 }, stop.signal);
    watch.requestProgress();
    watch.requestProgress();
    const seen: string[] = [];
    for await (const { revision, events } of watch) {
      seen.push(`${events.length === 0 ? 'progress' : 'event'} ${revision}`);
      if (revision === 3) await store.put({ key: 'a', value });
      if (seen.length === 5) {
        watch.requestProgress();
        await store.put({ key: 'a', value });
      }
      if (seen.length === 7) stop.abort();
    }
    expect(seen).toEqual([
      ...['event 2', 'event 3', 'event 4', 'event 5', 'progress 5'],
      ...['event 6', 'progress 6'],
    ]);
  });
});

test('WatchGroup finds the watchers of a key and of its ranges, each once with its events', () => {
  const watcher = (key: string, rangeEnd = '') => ({ request: { key, rangeEnd } });
  const [a, alsoA, b, all] = [watcher('a'), watcher('a'), watcher('b'), watcher('\0', '\0')];
  const group = new WatchGroup<typeof a>();
  for (const each of [a, alsoA, b, all]) group.add(each);
  const event = (key: string): StoreEvent => ({
    type: 'put',
    kv: { key, value, createRevision: 2, modRevision: 2, version: 1, lease: '0' },
  });
  const found = (...keys: string[]) =>
    [...group.concernedBy(keys.map(event))].map(([{ request }, events]) => [
      request.rangeEnd === '' ? request.key : 'all',
      events.map(({ kv }) => kv.key).join(''),
    ]);
  expect(found('a')).toEqual([
    ['all', 'a'],
    ['a', 'a'],
    ['a', 'a'],
  ]);
  expect(found('c', 'b', 'd')).toEqual([
    ['all', 'cbd'],
    ['b', 'b'],
  ]);
  group.delete(a);
  group.delete(all);
  expect(found('a')).toEqual([['a', 'a']]);
  expect([...group.all()]).toEqual([alsoA, b]);
  group.delete(alsoA);
  group.delete(b);
  expect(group.isEmpty).toBe(true);
});

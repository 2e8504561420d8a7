// WatchHub alone, with a clock in hand: who hears of progress, what a full queue is, and what is left behind.
import { expect, test } from 'vitest';
import { StoreError, type WatchBatch, type WatchRequest } from '#src/kv.ts';
import { Mvcc } from '#src/mvcc.ts';
import { WatchHub } from '#src/watch-hub.ts';
import { FakeClock } from './support/fake-clock.ts';

const PROGRESS_MS = 1000;

function opened(queueLengthMax = 100) {
  const clock = new FakeClock();
  const mvcc = new Mvcc();
  const hub = new WatchHub(mvcc, { clock, queueLengthMax, progressIntervalMs: PROGRESS_MS });
  const write = (...keys: readonly string[]) => {
    for (const key of keys) mvcc.stage({ type: 'put', key, value: Buffer.alloc(0), lease: '0' });
    const events = mvcc.commit();
    mvcc.markDurable(mvcc.revision);
    hub.publish(mvcc.revision, events);
  };
  return { clock, mvcc, hub, write };
}

/** Reads a watch into lines: a revision for a batch, with "progress" for an empty one; last, how it ended. */
function follow(hub: WatchHub, request: WatchRequest, stop = new AbortController()) {
  const heard: string[] = [];
  const say = ({ revision, events }: WatchBatch) =>
    events.length === 0 ? `progress ${revision}` : `${revision}`;
  const ended = (async () => {
    try {
      for await (const batch of hub.watch(request, stop.signal)) heard.push(say(batch));
      heard.push('end');
    } catch (error) {
      heard.push(StoreError.is(error) ? error.code : `${error}`);
    }
  })();
  return { heard, ended, stop };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('progress is for those who asked for it, and only one timer runs for all', async () => {
  const { clock, hub, write } = opened();
  const silent = follow(hub, { key: 'a' });
  await settled();
  expect(clock.timers).toBe(0);
  const told = follow(hub, { key: 'a', progressNotify: true });
  const alsoTold = follow(hub, { key: 'b', progressNotify: true });
  await settled();
  expect(clock.timers).toBe(1);
  write('c');
  await clock.advance(PROGRESS_MS);
  for (const { stop } of [silent, told, alsoTold]) stop.abort();
  await Promise.all([silent, told, alsoTold].map(({ ended }) => ended));
  expect([silent.heard, told.heard, alsoTold.heard]).toEqual([
    ['end'],
    ['progress 2', 'end'],
    ['progress 2', 'end'],
  ]);
  expect(clock.timers).toBe(0);
});

test('the timer stops with the last watcher, not with the first that leaves', async () => {
  const { clock, hub } = opened();
  const one = follow(hub, { key: 'a', progressNotify: true });
  const two = follow(hub, { key: 'a', progressNotify: true });
  await settled();
  one.stop.abort();
  await one.ended;
  expect(clock.timers).toBe(1);
  await clock.advance(PROGRESS_MS);
  await settled();
  expect(two.heard).toEqual(['progress 1']);
  two.stop.abort();
  await two.ended;
  expect(clock.timers).toBe(0);
});

test('a watch of a revision to come hears no progress before it could be there', async () => {
  const { clock, hub, write } = opened();
  const watch = follow(hub, { key: 'a', startRevision: 4, progressNotify: true });
  await settled();
  await clock.advance(PROGRESS_MS);
  write('a');
  await clock.advance(PROGRESS_MS);
  write('a');
  await clock.advance(PROGRESS_MS);
  write('a');
  await settled();
  watch.stop.abort();
  await watch.ended;
  expect(watch.heard).toEqual(['progress 3', '4', 'end']);
});

test('a watcher with events that it did not read hears no progress before it has read them', async () => {
  const { clock, hub, write } = opened();
  const stop = new AbortController();
  const request = { key: 'a', progressNotify: true };
  const reading = hub.watch(request, stop.signal)[Symbol.asyncIterator]();
  const first = reading.next();
  write('a');
  write('a');
  write('b');
  await first;
  await clock.advance(2 * PROGRESS_MS);
  const second = await reading.next();
  const third = reading.next();
  await clock.advance(PROGRESS_MS);
  const heard = [second, await third].map(({ value }) => [value?.revision, value?.events.length]);
  expect(heard).toEqual([
    [3, 1],
    [4, 0],
  ]);
  stop.abort();
  await reading.next();
});

test('a queue that is exactly full is kept, and one more sends its watcher to the history', async () => {
  const { mvcc, hub, write } = opened(2);
  const stop = new AbortController();
  const reading = hub.watch({ key: 'a' }, stop.signal)[Symbol.asyncIterator]();
  const first = reading.next();
  write('a');
  await first;
  write('a');
  write('a');
  mvcc.compact(4);
  // Both were in the queue, so nobody needed the history that is gone.
  expect((await reading.next()).value?.revision).toBe(3);
  expect((await reading.next()).value?.revision).toBe(4);
  for (let i = 0; i < 3; i++) write('a');
  mvcc.compact(6);
  await expect(reading.next()).rejects.toMatchObject({ code: 'compacted', compactRevision: 6 });
});

test('events of other keys take no place in a queue', async () => {
  const { hub, write } = opened(1);
  const watch = follow(hub, { key: 'a' });
  await settled();
  for (let i = 0; i < 5; i++) write('b');
  write('b', 'a');
  await settled();
  watch.stop.abort();
  await watch.ended;
  expect(watch.heard).toEqual(['7', 'end']);
});

test('where the history ends a watch may start, and one before it may not', async () => {
  const { mvcc, hub, write } = opened();
  for (let i = 0; i < 4; i++) write('a');
  mvcc.compact(4);
  const whole = follow(hub, { key: 'a', startRevision: 4 });
  const tooEarly = follow(hub, { key: 'a', startRevision: 3 });
  await tooEarly.ended;
  await settled();
  whole.stop.abort();
  await whole.ended;
  expect([tooEarly.heard, whole.heard]).toEqual([['compacted'], ['4', '5', 'end']]);
});

test('close() ends the watches there are, and refuses those to come, with its error', async () => {
  const { clock, hub } = opened();
  const before = follow(hub, { key: 'a', progressNotify: true });
  await settled();
  hub.close(new StoreError('unavailable', 'closed'));
  const after = follow(hub, { key: 'a' });
  await Promise.all([before.ended, after.ended]);
  expect([before.heard, after.heard, clock.timers]).toEqual([['unavailable'], ['unavailable'], 0]);
});

test('an abort after the end changes nothing: the first end counts', async () => {
  const { hub } = opened();
  const watch = follow(hub, { key: 'a' });
  await settled();
  hub.close(new StoreError('unavailable', 'closed'));
  watch.stop.abort();
  await watch.ended;
  expect(watch.heard).toEqual(['unavailable']);
});

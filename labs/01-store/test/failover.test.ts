// The adapter on a cluster of three real members that die, stand still and come back while it is used.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { prefixEnd } from '#src/key-range.ts';
import { type KeyValueStore, StoreError } from '#src/kv.ts';
import { type EtcdCluster, startEtcdCluster } from './support/etcd-cluster.ts';
import { eventually } from './support/eventually.ts';
import { Load } from './support/load.ts';
import { bytes } from './support/store-helpers.ts';

const REQUEST_TIMEOUT_MS = 3000;
/** So many writes must be acknowledged while a member is down, before it is started again. */
const WRITES_WHILE_DOWN = 60;

let cluster: EtcdCluster;

beforeAll(async () => {
  cluster = await startEtcdCluster();
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const open = () =>
  openEtcd3Store({ endpoints: cluster.endpoints, requestTimeoutMs: REQUEST_TIMEOUT_MS });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

/** Stops members for the time of `body`, whatever happens in it. */
async function whilePaused(members: readonly number[], body: () => Promise<void>): Promise<void> {
  const paused = members.map((i) => cluster.members[i]);
  try {
    await Promise.all(paused.map((member) => member?.pause()));
    await body();
  } finally {
    for (const member of paused) member?.resume();
  }
  await cluster.ready();
}

/** A write that may be refused meanwhile, with a value that makes it safe to do again. */
function putUntilItWorks(store: KeyValueStore, key: string): Promise<{ revision: number }> {
  return eventually(() => store.put({ key, value: bytes('same') }));
}

test('members that are killed in turn under load lose nothing, and do nothing twice', async () => {
  await using store = await open();
  const load = await Load.start(store, 'kills/');
  try {
    await load.acknowledged(WRITES_WHILE_DOWN);
    for (const member of cluster.members) {
      await member.kill();
      await load.acknowledged(WRITES_WHILE_DOWN);
      await member.start();
      await cluster.ready();
    }
    await load.acknowledged(WRITES_WHILE_DOWN);
  } finally {
    await load.stop();
  }
  await load.check();
  console.log(`kills: ${load.summary()}`);
  expect(load.reads).toBeGreaterThan(0);
  expect(load.watchesEnded).toBeGreaterThan(0);
});

test('a member that stands still is left: reads go on, writes after one answer of unavailable', async () => {
  await using store = await open();
  await store.put({ key: 'still', value: bytes('before') });
  await whilePaused([0], async () => {
    expect((await store.range({ key: 'still' })).count).toBe(1);
    const { revision } = await putUntilItWorks(store, 'still');
    // From now on nobody asks the one that stands still.
    expect((await store.put({ key: 'still', value: bytes('again') })).revision).toBe(revision + 1);
    expect((await store.range({ key: 'still' })).kvs[0]?.version).toBeGreaterThanOrEqual(3);
  });
});

test('a watch on a member that stands still ends, and goes on from its revision on another', async () => {
  await using store = await open();
  const prefix = 'resumed/';
  const stop = new AbortController();
  const watched: number[] = [];
  const ends: unknown[] = [];
  const { revision } = await store.status();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const startRevision = (watched.at(-1) ?? revision) + 1;
      const request = { key: prefix, rangeEnd: prefixEnd(prefix), startRevision };
      try {
        for await (const batch of store.watch(request, stop.signal)) watched.push(batch.revision);
      } catch (error) {
        ends.push(StoreError.is(error) ? error.code : error);
      }
    }
  })();
  const revisions: number[] = [];
  try {
    const first = await store.put({ key: `${prefix}1`, value: bytes('') });
    await eventually(() => expect(watched).toEqual([first.revision]));
    await whilePaused([0], async () => {
      for (let i = 2; i < 10; i++) await putUntilItWorks(store, `${prefix}${i}`);
      await eventually(() => expect(ends).toEqual(['unavailable']), 30_000);
      const { kvs } = await store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
      revisions.push(...kvs.map(({ modRevision }) => modRevision).sort((a, b) => a - b));
      await eventually(() => expect(watched.at(-1)).toBe(revisions.at(-1)));
    });
  } finally {
    stop.abort();
    await watching;
  }
  // A put that was tried again has a revision more, but none is missing, and none comes twice.
  expect(watched).toEqual(expect.arrayContaining(revisions));
  expect(watched).toEqual([...new Set(watched)].sort((a, b) => a - b));
});

test('a member that has lost its cluster ends its watches and refuses calls, until the others are back', async () => {
  const [endpoint = ''] = cluster.endpoints;
  await using store = await openEtcd3Store({ endpoints: [endpoint], requestTimeoutMs: 2000 });
  const signal = AbortSignal.timeout(60_000);
  const watching = store.watch({ key: 'lonely' }, signal)[Symbol.asyncIterator]();
  const ended = codeOf(watching.next());
  await store.put({ key: 'not lonely', value: bytes('') });
  await whilePaused([1, 2], async () => {
    expect(await codeOf(store.put({ key: 'lonely', value: bytes('') }))).toBe('unavailable');
    expect(await codeOf(store.range({ key: 'lonely' }))).toBe('unavailable');
    // What it has at hand it may still show to somebody who asked for just that.
    expect((await store.range({ key: 'not lonely', serializable: true })).count).toBe(1);
    expect(await ended).toBe('unavailable');
  });
  expect((await store.range({ key: 'not lonely' })).count).toBe(1);
});

test('with all members gone each call says so, and all is there when they are back', async () => {
  await using store = await open();
  const { revision } = await store.put({ key: 'kept', value: bytes('') });
  await Promise.all(cluster.members.map((member) => member.kill()));
  expect(await codeOf(store.range({ key: 'kept' }))).toBe('unavailable');
  expect(await codeOf(store.put({ key: 'kept', value: bytes('') }))).toBe('unavailable');
  await Promise.all(cluster.members.map((member) => member.start()));
  await cluster.ready();
  expect((await store.range({ key: 'kept' })).kvs[0]?.modRevision).toBe(revision);
});

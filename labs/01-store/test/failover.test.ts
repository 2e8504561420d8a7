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
/** Where nothing stands still: a member that is killed is gone at once, but its disk may keep the others from an election for long. */
const PATIENT_MS = 30_000;
const TIMEOUT_MS = 600_000;
/** So many writes must be acknowledged while a member is down, before it is started again. */
const WRITES_WHILE_DOWN = 60;

let cluster: EtcdCluster;

beforeAll(async () => {
  cluster = await startEtcdCluster();
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const open = (requestTimeoutMs = REQUEST_TIMEOUT_MS) =>
  openEtcd3Store({ endpoints: cluster.endpoints, requestTimeoutMs });
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

test('members that are killed in turn under load lose nothing, and do nothing twice', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using store = await open(PATIENT_MS);
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
  await putUntilItWorks(store, 'still');
  await whilePaused([0], async () => {
    expect((await eventually(() => store.range({ key: 'still' }))).count).toBe(1);
    await putUntilItWorks(store, 'still');
    // From now on nobody asks the one that stands still: a write after the other is answered, unless the two others choose a leader.
    await eventually(async () => {
      const { revision } = await store.put({ key: 'still', value: bytes('again') });
      const next = await store.put({ key: 'still', value: bytes('and again') });
      expect(next.revision).toBe(revision + 1);
    });
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
    const first = await putUntilItWorks(store, `${prefix}1`);
    await eventually(() => expect(watched).toContain(first.revision));
    ends.length = 0;
    await whilePaused([0], async () => {
      for (let i = 2; i < 10; i++) await putUntilItWorks(store, `${prefix}${i}`);
      // Once, or more often where a new one cannot begin in time either.
      await eventually(() => expect(new Set(ends)).toEqual(new Set(['unavailable'])), 60_000);
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
  const signal = AbortSignal.timeout(100_000);
  await putUntilItWorks(store, 'not lonely');
  const watching = store.watch({ key: 'lonely' }, signal)[Symbol.asyncIterator]();
  const ended = codeOf(watching.next());
  await putUntilItWorks(store, 'not lonely');
  await whilePaused([1, 2], async () => {
    expect(await codeOf(store.put({ key: 'lonely', value: bytes('') }))).toBe('unavailable');
    expect(await codeOf(store.range({ key: 'lonely' }))).toBe('unavailable');
    // What it has at hand it may still show to somebody who asked for just that.
    const atHand = () => store.range({ key: 'not lonely', serializable: true });
    expect((await eventually(atHand)).count).toBe(1);
    expect(await ended).toBe('unavailable');
  });
  expect((await eventually(() => store.range({ key: 'not lonely' }))).count).toBe(1);
});

test('with all members gone each call says so, and all is there when they are back', async () => {
  await using store = await open();
  const { revision } = await putUntilItWorks(store, 'kept');
  await Promise.all(cluster.members.map((member) => member.kill()));
  expect(await codeOf(store.range({ key: 'kept' }))).toBe('unavailable');
  expect(await codeOf(store.put({ key: 'kept', value: bytes('') }))).toBe('unavailable');
  await Promise.all(cluster.members.map((member) => member.start()));
  await cluster.ready();
  // Its connections wait up to two seconds before they look for the members again.
  const kept = await eventually(() => store.range({ key: 'kept' }));
  expect(kept.kvs[0]?.modRevision).toBe(revision);
});

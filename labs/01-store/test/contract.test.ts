// The contract of KeyValueStore, on all three ways to have one. What a test says about one, it says about all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEtcd3Store } from '../src/etcd3-store.ts';
import { type Compare, type KeyValueStore, prefixEnd, StoreError } from '../src/kv.ts';
import { openMemoryStore, openStore } from '../src/open-store.ts';
import { startEtcd } from './support/etcd.ts';
import { bytes, eventLine, line, take, temporaryDirectory } from './support/store-helpers.ts';

const stores: Record<
  string,
  () => Promise<{ store: KeyValueStore; close: () => PromiseLike<void> }>
> = {
  memory: async () => {
    const store = await openMemoryStore({ progressIntervalMs: 300 });
    return { store, close: async () => undefined };
  },
  durable: async () => {
    const directory = await temporaryDirectory();
    const store = await openStore({
      dataDir: directory.path,
      progressIntervalMs: 300,
      snapshotBytesMin: 10_000,
    });
    return { store, close: () => directory[Symbol.asyncDispose]() };
  },
  etcd: async () => {
    const etcd = await startEtcd();
    const store = await openEtcd3Store({ endpoints: [etcd.endpoint] });
    return { store, close: () => etcd[Symbol.asyncDispose]() };
  },
};

describe.each(Object.keys(stores))('%s store', (name) => {
  let store: KeyValueStore;
  let close: (() => PromiseLike<void>) | undefined;
  /** Each test has keys of its own. */
  let count = 0;
  const space = () => `/${name}/${count++}/`;

  beforeAll(async () => {
    ({ store, close } = await (stores[name] as (typeof stores)['memory'])());
  });

  afterAll(async () => {
    await store?.[Symbol.asyncDispose]();
    await close?.();
  });

  const put = async (key: string, value = key) =>
    (await store.put({ key, value: bytes(value) })).revision;
  const lines = async (prefix: string, revision = 0) =>
    (await store.range({ key: prefix, rangeEnd: prefixEnd(prefix), revision })).kvs.map(line);
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => 'no error',
      (error) => (StoreError.is(error) ? error.code : error),
    );

  test('put() takes one revision and counts versions', async () => {
    const key = `${space()}a`;
    const first = await put(key, '1');
    const second = await put(key, '2');
    expect(second).toBe(first + 1);
    const { kvs, revision, count } = await store.range({ key });
    expect(kvs.map(line)).toEqual([`${key}=2 ${first}/${second}/2`]);
    expect({ revision, count }).toEqual({ revision: second, count: 1 });
  });

  test('put() with prevKv returns what was there', async () => {
    const key = `${space()}a`;
    expect(await store.put({ key, value: bytes('1'), prevKv: true })).not.toHaveProperty('prevKv');
    const { prevKv } = await store.put({ key, value: bytes('2'), prevKv: true });
    expect(prevKv?.value).toEqual(bytes('1'));
  });

  test('put() keeps an empty value and every byte of key and value', async () => {
    const prefix = space();
    const key = `${prefix}\0\x7f\x80\xff`;
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await store.put({ key, value });
    await store.put({ key: `${prefix}\xff`, value: bytes('') });
    const { kvs } = await store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
    expect(kvs.map((kv) => [kv.key, Buffer.from(kv.value)])).toEqual([
      [key, value],
      [`${prefix}\xff`, bytes('')],
    ]);
  });

  test('range() returns a prefix in the order of bytes', async () => {
    const prefix = space();
    for (const tail of ['b', 'a/2', '\x80', 'a', 'a/1', 'Z']) await put(prefix + tail);
    const { kvs } = await store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
    expect(kvs.map(({ key }) => key.slice(prefix.length))).toEqual([
      'Z',
      'a',
      'a/1',
      'a/2',
      'b',
      '\x80',
    ]);
  });

  test('range() of one key finds only that key', async () => {
    const prefix = space();
    await put(`${prefix}ab`);
    expect((await store.range({ key: `${prefix}a` })).count).toBe(0);
    expect((await store.range({ key: `${prefix}a`, rangeEnd: '' })).count).toBe(0);
    expect((await store.range({ key: `${prefix}b`, rangeEnd: `${prefix}a` })).count).toBe(0);
  });

  test("range() to '\\0' goes to the last key", async () => {
    const key = `\xff\xff${space()}`;
    await put(`${key}1`);
    await put(`\xff\xff\xff${key}2`);
    const { kvs } = await store.range({ key, rangeEnd: '\0' });
    expect(kvs.map((kv) => kv.key)).toEqual([`${key}1`, `\xff\xff\xff${key}2`]);
    await store.deleteRange({ key, rangeEnd: '\0' });
  });

  test('range() with a limit says that there is more, and counts all', async () => {
    const prefix = space();
    for (const tail of ['a', 'b', 'c']) await put(prefix + tail);
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const limited = await store.range({ ...range, limit: 2 });
    expect([limited.kvs.length, limited.more, limited.count]).toEqual([2, true, 3]);
    const exact = await store.range({ ...range, limit: 3 });
    expect([exact.kvs.length, exact.more, exact.count]).toEqual([3, false, 3]);
    const counted = await store.range({ ...range, countOnly: true });
    expect([counted.kvs.length, counted.more, counted.count]).toEqual([0, false, 3]);
    const keys = await store.range({ ...range, keysOnly: true });
    expect(keys.kvs.map(({ value }) => value.length)).toEqual([0, 0, 0]);
  });

  test('range() at a revision reads the past', async () => {
    const prefix = space();
    const first = await put(`${prefix}a`, '1');
    const second = await put(`${prefix}a`, '2');
    const third = (await store.deleteRange({ key: `${prefix}a` })).revision;
    const fourth = await put(`${prefix}a`, '3');
    expect(await lines(prefix, first - 1)).toEqual([]);
    expect(await lines(prefix, first)).toEqual([`${prefix}a=1 ${first}/${first}/1`]);
    expect(await lines(prefix, second)).toEqual([`${prefix}a=2 ${first}/${second}/2`]);
    expect(await lines(prefix, third)).toEqual([]);
    expect(await lines(prefix)).toEqual([`${prefix}a=3 ${fourth}/${fourth}/1`]);
    expect((await store.range({ key: prefix, revision: first })).revision).toBe(fourth);
    expect(await failure(store.range({ key: prefix, revision: fourth + 1 }))).toBe(
      'future-revision',
    );
  });

  test('deleteRange() takes one revision for all its keys, none for no keys', async () => {
    const prefix = space();
    await put(`${prefix}a`, '1');
    const last = await put(`${prefix}b`, '2');
    const range = { key: prefix, rangeEnd: prefixEnd(prefix), prevKv: true };
    const { revision, deleted, prevKvs } = await store.deleteRange(range);
    expect([revision, deleted, prevKvs.map((kv) => kv.key)]).toEqual([
      last + 1,
      2,
      [`${prefix}a`, `${prefix}b`],
    ]);
    expect(await store.deleteRange(range)).toEqual({ revision: last + 1, deleted: 0, prevKvs: [] });
  });

  test('txn() does success or failure, all in one revision', async () => {
    const [a, b] = [`${space()}a`, `${space()}b`];
    const create = { key: a, target: 'create', result: '=', value: 0 } as const;
    const request = {
      compare: [create],
      success: [
        { kind: 'put', key: a, value: bytes('1') },
        { kind: 'put', key: b, value: bytes('2') },
        { kind: 'range', key: a },
      ],
      failure: [{ kind: 'range', key: b }],
    } as const;
    const first = await store.txn(request);
    const [, , seen] = first.responses;
    expect(first.succeeded).toBe(true);
    expect(seen?.kind === 'range' && seen.kvs.map(line)).toEqual([
      `${a}=1 ${first.revision}/${first.revision}/1`,
    ]);
    expect(first.responses.map(({ revision }) => revision)).toEqual(Array(3).fill(first.revision));
    const second = await store.txn(request);
    const [found] = second.responses;
    expect([second.succeeded, second.revision]).toEqual([false, first.revision]);
    expect(found?.kind === 'range' && found.kvs.map((kv) => kv.modRevision)).toEqual([
      first.revision,
    ]);
  });

  test('txn() delete returns what it deleted and hides it from later operations', async () => {
    const prefix = space();
    await put(`${prefix}a`, '1');
    const { responses } = await store.txn({
      compare: [],
      success: [
        { kind: 'delete', key: `${prefix}a`, prevKv: true },
        { kind: 'range', key: prefix, rangeEnd: prefixEnd(prefix) },
        { kind: 'delete', key: prefix, rangeEnd: prefixEnd(prefix) },
      ],
      failure: [],
    });
    expect(
      responses.map((r) => (r.kind === 'delete' ? r.deleted : r.kind === 'range' && r.count)),
    ).toEqual([1, 0, 0]);
    expect(responses[0]?.kind === 'delete' && responses[0].prevKvs.length).toBe(1);
  });

  test('txn() compares mod, create, version and value', async () => {
    const key = `${space()}a`;
    const create = await put(key, 'm');
    const mod = await put(key, 'm');
    const absent = `${key}-absent`;
    const cases: [Compare, boolean][] = [
      [{ key, target: 'mod', result: '=', value: mod }, true],
      [{ key, target: 'mod', result: '!=', value: mod }, false],
      [{ key, target: 'mod', result: '<', value: mod }, false],
      [{ key, target: 'mod', result: '>', value: create }, true],
      [{ key, target: 'create', result: '=', value: create }, true],
      [{ key, target: 'version', result: '=', value: 2 }, true],
      [{ key, target: 'value', result: '=', value: bytes('m') }, true],
      [{ key, target: 'value', result: '!=', value: bytes('n') }, true],
      [{ key, target: 'value', result: '<', value: bytes('ma') }, true],
      [{ key, target: 'value', result: '>', value: bytes('l\xff') }, true],
      [{ key: absent, target: 'mod', result: '=', value: 0 }, true],
      [{ key: absent, target: 'version', result: '<', value: 1 }, true],
      [{ key: absent, target: 'value', result: '!=', value: bytes('') }, false],
      [{ key: absent, target: 'value', result: '=', value: bytes('') }, false],
    ];
    for (const [compare, want] of cases) {
      const { succeeded } = await store.txn({ compare: [compare], success: [], failure: [] });
      expect([compare, succeeded]).toEqual([compare, want]);
    }
  });

  test('txn() that is wrong anywhere changes nothing', async () => {
    const key = `${space()}a`;
    const put1 = { kind: 'put', key, value: bytes('1') } as const;
    const txn = (...success: Parameters<typeof store.txn>[0]['success'][number][]) =>
      failure(store.txn({ compare: [], success, failure: [] }));
    const { revision } = await store.status();
    expect(await txn(put1, put1)).toBe('invalid');
    expect(await txn(put1, { kind: 'delete', key, rangeEnd: '\0' })).toBe('invalid');
    expect(await txn(put1, { kind: 'put', key: `${key}2`, value: bytes(''), lease: '4711' })).toBe(
      'lease-not-found',
    );
    expect(await txn(put1, { kind: 'range', key, revision: revision + 100 })).toBe(
      'future-revision',
    );
    expect(await txn(...Array.from({ length: 129 }, () => ({ kind: 'range', key }) as const))).toBe(
      'invalid',
    );
    expect(await txn({ ...put1, value: Buffer.alloc(1.5 * 1024 * 1024) })).toBe('too-large');
    expect(await failure(store.put({ key: '', value: bytes('') }))).toBe('invalid');
    expect(await failure(store.put({ key: 'ł', value: bytes('') }))).toBe('invalid');
    expect((await store.status()).revision).toBe(revision);
  });

  test('watch() from a revision delivers the past, then the present, one batch a revision', async () => {
    const prefix = space();
    const first = await put(`${prefix}a`, '1');
    await put(`${prefix.slice(0, -1)}0`);
    const third = await put(`${prefix}a`, '2');
    const request = {
      key: prefix,
      rangeEnd: prefixEnd(prefix),
      startRevision: first,
      prevKv: true,
    };
    const watching = take(store, request, 6);
    await store.txn({
      compare: [],
      success: [
        { kind: 'put', key: `${prefix}b`, value: bytes('3') },
        { kind: 'put', key: `${prefix.slice(0, -1)}0`, value: bytes('') },
        { kind: 'delete', key: `${prefix}a` },
      ],
      failure: [],
    });
    await store.deleteRange({ key: prefix, rangeEnd: prefixEnd(prefix) });
    await put(`${prefix}c`);
    const batches = await watching;
    expect(batches.map(({ revision, events }) => [revision, events.map(eventLine)])).toEqual([
      [first, [`${prefix}a=1 ${first}/${first}/1`]],
      [third, [`${prefix}a=2 ${first}/${third}/2 was ${prefix}a=1 ${first}/${first}/1`]],
      [
        third + 1,
        [
          `${prefix}b=3 ${third + 1}/${third + 1}/1`,
          `${prefix}a deleted at ${third + 1} was ${prefix}a=2 ${first}/${third}/2`,
        ],
      ],
      [
        third + 2,
        [`${prefix}b deleted at ${third + 2} was ${prefix}b=3 ${third + 1}/${third + 1}/1`],
      ],
      [third + 3, [`${prefix}c=${prefix}c ${third + 3}/${third + 3}/1`]],
    ]);
  });

  test('watch() without prevKv carries none, and a deleted key has only key and modRevision', async () => {
    const key = `${space()}a`;
    const first = await put(key);
    await store.deleteRange({ key });
    const batches = await take(store, { key, startRevision: first }, 2);
    expect(
      batches[1]?.events.map(({ kv, ...rest }) => ({
        ...rest,
        kv: { ...kv, value: kv.value.length },
      })),
    ).toEqual([
      {
        type: 'delete',
        kv: { key, value: 0, createRevision: 0, modRevision: first + 1, version: 0, lease: '0' },
      },
    ]);
  });

  test('watch() from a revision to come skips what happens before', async () => {
    const key = `${space()}a`;
    const now = (await store.status()).revision;
    const watching = take(store, { key, startRevision: now + 2 }, 1);
    await put(key);
    await put(key);
    expect((await watching).map(({ revision }) => revision)).toEqual([now + 2]);
  });

  test('watch() of a thousand revisions is complete and ordered', async () => {
    const prefix = space();
    const first = (await store.status()).revision + 1;
    const watching = take(
      store,
      { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: first },
      1000,
    );
    await Promise.all(Array.from({ length: 1000 }, (_, i) => put(`${prefix}${i % 7}`)));
    const revisions = (await watching).map(({ revision }) => revision);
    expect(revisions).toEqual(Array.from({ length: 1000 }, (_, i) => first + i));
  });

  test('watch() with progressNotify reports how far it is while nothing happens', async () => {
    const key = `${space()}a`;
    const revision = await put(key);
    const stop = new AbortController();
    const other = `${key}-other`;
    for await (const batch of store.watch({ key: other, progressNotify: true }, stop.signal)) {
      expect(batch.events).toEqual([]);
      expect(batch.revision).toBeGreaterThanOrEqual(revision);
      stop.abort();
    }
  });

  test('watch() ends without an error when it is aborted, before or while it waits', async () => {
    const stop = new AbortController();
    const watching = store.watch({ key: space() }, stop.signal)[Symbol.asyncIterator]();
    const next = watching.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    const aborted = store.watch({ key: space() }, AbortSignal.abort());
    expect(await aborted[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test('compact() forgets the past and keeps the present', async () => {
    const prefix = space();
    const first = await put(`${prefix}a`, '1');
    await put(`${prefix}gone`);
    await store.deleteRange({ key: `${prefix}gone` });
    const second = await put(`${prefix}a`, '2');
    const third = await put(`${prefix}a`, '3');
    await store.compact(second);
    expect(await lines(prefix, second)).toEqual([`${prefix}a=2 ${first}/${second}/2`]);
    expect(await lines(prefix)).toEqual([`${prefix}a=3 ${first}/${third}/3`]);
    expect(await failure(store.range({ key: prefix, revision: second - 1 }))).toBe('compacted');
    expect(await failure(take(store, { key: prefix, startRevision: first }, 1))).toBe('compacted');
    expect(
      (await take(store, { key: `${prefix}a`, startRevision: second }, 2)).map((b) => b.revision),
    ).toEqual([second, third]);
    expect(await failure(store.compact(second))).toBe('compacted');
    expect(await failure(store.compact(third + 1))).toBe('future-revision');
    expect((await store.status()).compactRevision).toBe(second);
    await put(`${prefix}a`, '4');
    expect(await lines(prefix, third)).toEqual([`${prefix}a=3 ${first}/${third}/3`]);
  });

  test('grantLease() and the keys of a lease', async () => {
    const prefix = space();
    const { id, ttlSeconds } = await store.grantLease(100);
    expect(ttlSeconds).toBe(100);
    await store.put({ key: `${prefix}b`, value: bytes(''), lease: id });
    await store.put({ key: `${prefix}a`, value: bytes(''), lease: id });
    expect((await store.range({ key: `${prefix}a` })).kvs[0]?.lease).toBe(id);
    const { keys, grantedTtlSeconds } = await store.leaseTimeToLive(id);
    expect([keys, grantedTtlSeconds]).toEqual([[`${prefix}a`, `${prefix}b`], 100]);
    await put(`${prefix}a`);
    await store.deleteRange({ key: `${prefix}b` });
    expect((await store.leaseTimeToLive(id)).keys).toEqual([]);
    await store.revokeLease(id);
    expect((await lines(prefix)).length).toBe(1);
  });

  test('grantLease() with an id gives that id, once', async () => {
    const { id } = await store.grantLease(100, '123456789');
    expect(id).toBe('123456789');
    expect(await failure(store.grantLease(100, '123456789'))).toBe('invalid');
    await store.revokeLease(id);
  });

  test('revokeLease() deletes its keys in one revision', async () => {
    const prefix = space();
    const { id } = await store.grantLease(100);
    for (const tail of ['c', 'a', 'b'])
      await store.put({ key: prefix + tail, value: bytes(''), lease: id });
    const { revision } = await store.status();
    await store.revokeLease(id);
    const [batch] = await take(
      store,
      { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: revision + 1 },
      3,
    );
    expect(batch?.revision).toBe(revision + 1);
    expect(batch?.events.map(({ type, kv }) => [type, kv.key])).toEqual(
      ['a', 'b', 'c'].map((tail) => ['delete', prefix + tail]),
    );
    expect(await failure(store.revokeLease(id))).toBe('lease-not-found');
    expect(await failure(store.keepAliveLease(id))).toBe('lease-not-found');
    expect(await failure(store.put({ key: prefix, value: bytes(''), lease: id }))).toBe(
      'lease-not-found',
    );
    expect(await store.leaseTimeToLive(id)).toEqual({
      ttlSeconds: -1,
      grantedTtlSeconds: 0,
      keys: [],
    });
  });

  test('a lease that nobody keeps alive expires with its keys', async () => {
    const key = `${space()}a`;
    const { id } = await store.grantLease(2);
    const { revision } = await store.put({ key, value: bytes(''), lease: id });
    expect((await store.keepAliveLease(id)).ttlSeconds).toBe(2);
    const [batch] = await take(store, { key, startRevision: revision + 1 }, 1);
    expect(batch?.events.map(eventLine)).toEqual([`${key} deleted at ${batch?.revision}`]);
    expect(await failure(store.keepAliveLease(id))).toBe('lease-not-found');
  });

  test('a watch ends when the store is closed', async () => {
    const { store: other, close } = await (stores[name] as (typeof stores)['memory'])();
    try {
      const watching = other.watch({ key: 'a' }, new AbortController().signal);
      const next = failure(watching[Symbol.asyncIterator]().next());
      await other.put({ key: 'b', value: bytes('') });
      await other[Symbol.asyncDispose]();
      expect(await next).toBe('unavailable');
      expect(await failure(other.put({ key: 'a', value: bytes('') }))).toBe('unavailable');
    } finally {
      await close();
    }
  });
});

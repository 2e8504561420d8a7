// The adapter when etcd is not well: down, stopped, killed, back again. And when nobody has an etcd.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { type KeyValueStore, StoreError } from '#src/kv.ts';
import { type Etcd, PATIENT_MS, startEtcd } from './support/etcd.ts';
import { eventually } from './support/eventually.ts';
import { bytes, take } from './support/store-helpers.ts';

let etcd: Etcd;
let store: KeyValueStore;

beforeAll(async () => {
  etcd = await startEtcd();
  store = await openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: PATIENT_MS });
});

afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

const value = bytes('');
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

test('openEtcd3Store() without an etcd says where it looked', async () => {
  const error = await openEtcd3Store({ endpoints: ['http://127.0.0.1:1'] }).catch(
    (e: unknown) => e,
  );
  expect(StoreError.is(error, 'unavailable')).toBe(true);
  expect((error as Error).message).toContain('cannot reach etcd at http://127.0.0.1:1: ');
});

test('a process that opens no etcd loads nothing of its client', async () => {
  const index = new URL('../src/index.ts', import.meta.url).pathname;
  const script = `
    import { createRequire } from 'node:module';
    const { openEtcd3Store, openMemoryStore } = await import(${JSON.stringify(index)});
    const loaded = () => Object.keys(createRequire('/').cache).some((file) => file.includes('etcd3'));
    await openMemoryStore();
    const before = loaded();
    await openEtcd3Store({ endpoints: ['http://127.0.0.1:1'] }).catch(() => undefined);
    console.log(before, loaded());
    process.exit();
  `;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('false true\n');
});

test('a range of more than 4 MiB arrives', async () => {
  const half = Buffer.alloc(512 * 1024);
  for (let i = 0; i < 10; i++) await store.put({ key: `big/${i}`, value: half });
  const { kvs } = await store.range({ key: 'big/', rangeEnd: 'big0' });
  expect(kvs.length).toBe(10);
  await store.deleteRange({ key: 'big/', rangeEnd: 'big0' });
});

test('ending one watch leaves the others alone', async () => {
  const one = new AbortController();
  const ended = codeOf(store.watch({ key: 'one' }, one.signal)[Symbol.asyncIterator]().next());
  const { revision } = await store.status();
  const other = take(store, { key: 'other', startRevision: revision + 1 }, 1);
  await store.put({ key: 'x', value });
  one.abort();
  expect(await ended).toBe('no error');
  await store.put({ key: 'other', value });
  expect((await other).length).toBe(1);
});

test('a watch that starts too early hears what there still is', async () => {
  const { revision } = await store.put({ key: 'compacted', value });
  await store.put({ key: 'compacted', value });
  await store.compact(revision);
  const watching = take(store, { key: 'compacted', startRevision: revision - 1 }, 1);
  const error = await watching.catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'compacted', compactRevision: revision });
});

test('an etcd that is killed ends watches and calls, and is used again when it is back', async () => {
  await store.put({ key: 'kept', value });
  const { revision } = await store.status();
  const watching = store.watch({ key: 'a', startRevision: revision }, new AbortController().signal);
  const ended = codeOf(watching[Symbol.asyncIterator]().next());
  await store.put({ key: 'b', value });
  await etcd.kill();
  expect(await ended).toBe('unavailable');
  expect(await codeOf(store.put({ key: 'a', value }))).toBe('unavailable');
  expect(await codeOf(store.range({ key: 'a' }))).toBe('unavailable');
  await etcd.start();
  expect((await eventually(() => store.range({ key: 'kept' }))).count).toBe(1);
  expect((await store.put({ key: 'a', value })).revision).toBe(revision + 2);
});

test('an etcd that stands still lets no call and no new watch hang', async () => {
  await using hasty = await eventually(() =>
    openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: 1000 }),
  );
  try {
    await etcd.pause();
    const { signal } = new AbortController();
    const calls = [
      hasty.range({ key: 'a' }),
      hasty.put({ key: 'a', value }),
      hasty.keepAliveLease('1'),
      hasty.watch({ key: 'a' }, signal)[Symbol.asyncIterator]().next(),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'unavailable'));
  } finally {
    etcd.resume();
  }
  await eventually(() => store.range({ key: 'a' }));
});

// What an operator asks of a real etcd through the adapter: hashes, a copy, alarms, room.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { StoreError } from '#src/kv.ts';
import { type Etcd, PATIENT_MS, startEtcd } from './support/etcd.ts';
import { bytes, temporaryDirectory } from './support/store-helpers.ts';

const run = promisify(execFile);
const QUOTA_BYTES = 16 * 1024 * 1024;

let etcd: Etcd;
let store: Awaited<ReturnType<typeof openEtcd3Store>>;

beforeAll(async () => {
  etcd = await startEtcd({ flags: { '--quota-backend-bytes': `${QUOTA_BYTES}` } });
  store = await openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: PATIENT_MS });
});

afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

test('hashKv() of one revision stays, whatever is written later; hash() moves', async () => {
  const { revision } = await store.put({ key: 'a', value: bytes('1') });
  const before = await store.maintenance.hashKv(revision);
  const whole = await store.maintenance.hash();
  await store.put({ key: 'a', value: bytes('2') });
  expect((await store.maintenance.hashKv(revision)).hash).toBe(before.hash);
  expect((await store.maintenance.hashKv()).hash).not.toBe(before.hash);
  expect((await store.maintenance.hash()).hash).not.toBe(whole.hash);
  const future = await store.maintenance.hashKv(revision + 10).catch((error: unknown) => error);
  expect(StoreError.is(future, 'future-revision')).toBe(true);
});

test('snapshot() is a copy that etcd itself takes for whole', async () => {
  await using directory = await temporaryDirectory();
  await store.put({ key: 'b', value: Buffer.alloc(1_000_000) });
  const pieces: Uint8Array[] = [];
  let remaining = Number.POSITIVE_INFINITY;
  for await (const { bytes: piece, remainingBytes } of store.maintenance.snapshot(
    AbortSignal.timeout(PATIENT_MS),
  )) {
    expect(remainingBytes).toBeLessThanOrEqual(remaining);
    remaining = remainingBytes;
    pieces.push(piece);
  }
  expect(remaining).toBe(0);
  const path = join(directory.path, 'snapshot.db');
  await writeFile(path, Buffer.concat(pieces));
  const { stdout } = await run('etcdctl', ['snapshot', 'status', path, '-w', 'json'], {
    env: { ...process.env, ETCDCTL_API: '3' },
  });
  const { revision } = await store.range({ key: 'b' });
  expect(JSON.parse(stdout)).toMatchObject({ revision });
});

test('a snapshot that is given up leaves the watches of the same member alone', async () => {
  const stop = new AbortController();
  const { revision: now } = await store.range({ key: 'c' });
  // Without a revision it would begin when etcd gets to it, which may be after the put below.
  const fromHere = { key: 'c', startRevision: now + 1 };
  const watching = store.watch(fromHere, stop.signal)[Symbol.asyncIterator]();
  const next = watching.next();
  const givenUp = new AbortController();
  for await (const _piece of store.maintenance.snapshot(givenUp.signal)) givenUp.abort();
  const { revision } = await store.put({ key: 'c', value: bytes('1') });
  expect((await next).value?.revision).toBe(revision);
  stop.abort();
});

test('a full etcd raises NOSPACE, and takes writes again after compact, defragment and disarm', async () => {
  const value = Buffer.alloc(1024 * 1024);
  // etcd looks at its size only from time to time, so it may take more than the quota.
  const fill = async () => {
    for (let i = 0; i < 200; i++) await store.put({ key: 'big', value });
  };
  const error = await fill().catch((e: unknown) => e);
  expect(StoreError.is(error, 'no-space')).toBe(true);
  expect(await store.maintenance.alarms()).toEqual(['NOSPACE']);
  const { revision, count } = await store.range({ key: 'big' });
  expect(count).toBe(1);
  await store.compact(revision, { physical: true });
  await store.maintenance.defragment();
  await store.maintenance.disarm('NOSPACE');
  expect(await store.maintenance.alarms()).toEqual([]);
  expect((await store.put({ key: 'small', value: bytes('1') })).revision).toBe(revision + 1);
});

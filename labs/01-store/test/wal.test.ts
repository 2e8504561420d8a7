// The log while it runs: group commit, a full disk, a broken disk, and snapshots that keep it short.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreError } from '#src/kv.ts';
import { openStore } from '#src/open-store.ts';
import { eventually } from './support/eventually.ts';
import { FaultDisk } from './support/fault-disk.ts';
import { bytes, line, take, temporaryDirectory } from './support/store-helpers.ts';

const value = bytes('x'.repeat(100));
const everything = { key: '\0', rangeEnd: '\0' };
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

const segmentsIn = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.startsWith('wal'));

test('all writes of one turn share one write and one sync', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  await using store = await openStore({ dataDir: directory.path, disk });
  const { writes, syncs } = disk;
  await Promise.all(Array.from({ length: 100 }, (_, i) => store.put({ key: `${i}`, value })));
  expect([disk.writes - writes, disk.syncs - syncs]).toEqual([1, 1]);
  expect((await store.status()).revision).toBe(101);
});

test('reads cost no sync, and a transaction that changes nothing costs none either', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  await using store = await openStore({ dataDir: directory.path, disk });
  const { syncs } = disk;
  await store.range(everything);
  await store.txn({ compare: [], success: [{ kind: 'range', ...everything }], failure: [] });
  await store.deleteRange(everything);
  expect(disk.syncs).toBe(syncs);
});

test('a transaction that changes nothing stays so beside one that does', async () => {
  await using directory = await temporaryDirectory();
  await using store = await openStore({ dataDir: directory.path });
  const nothing = () => store.txn({ compare: [], success: [], failure: [] });
  const put = (key: string) => store.put({ key, value });
  const answers = await Promise.all([put('a'), nothing(), put('b'), nothing(), put('c')]);
  expect(answers.map(({ revision }) => revision)).toEqual([2, 2, 3, 3, 4]);
  expect((await store.status()).revision).toBe(4);
});

test('nobody sees or hears of a write before it is durable', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  await using store = await openStore({ dataDir: directory.path, disk });
  let release = () => {};
  disk.gate = { pattern: /wal/, opened: new Promise((resolve) => (release = resolve)) };
  const heard: string[] = [];
  const watching = take(store, { key: 'a' }, 1).then(() => heard.push('event'));
  const putting = store.put({ key: 'a', value }).then(() => heard.push('answer'));
  await eventually(() => expect(disk.writes).toBe(1));
  expect((await store.range({ key: 'a' })).count).toBe(0);
  expect((await store.status()).revision).toBe(1);
  expect(heard).toEqual([]);
  release();
  await Promise.all([putting, watching]);
  expect((await store.range({ key: 'a' })).count).toBe(1);
});

test('a full disk refuses writes whole, keeps reads, and raises an alarm until somebody disarms it', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  const store = await openStore({ dataDir: directory.path, disk });
  const { id } = await store.grantLease(100);
  const { id: second } = await store.grantLease(100);
  await store.put({ key: 'a', value: bytes('before'), lease: id });
  const before = (await store.range(everything)).kvs.map(line);
  const watching = take(store, { key: '\0', rangeEnd: '\0' }, 1);

  disk.freeBytes = 50;
  const refused = [
    store.put({ key: 'a', value, lease: second }),
    store.put({ key: 'a', value }),
    store.put({ key: 'b', value }),
    store.deleteRange({ key: 'a' }),
    store.txn({
      compare: [],
      success: [
        { kind: 'put', key: 'c', value },
        { kind: 'put', key: 'd', value },
      ],
      failure: [],
    }),
    store.put({ key: 'b', value }),
    store.revokeLease(id),
    store.grantLease(100, '42'),
    store.compact(2),
  ];
  expect(await Promise.all(refused.map(codeOf))).toEqual(refused.map(() => 'no-space'));
  store.check();
  expect((await store.range(everything)).kvs.map(line)).toEqual(before);
  expect((await store.leaseTimeToLive(id)).keys).toEqual(['a']);
  expect((await store.leaseTimeToLive(second)).keys).toEqual([]);
  expect((await store.leaseTimeToLive('42')).ttlSeconds).toBe(-1);
  expect((await store.status()).revision).toBe(2);

  expect(await store.maintenance.alarms()).toEqual(['NOSPACE']);

  disk.freeBytes = Number.POSITIVE_INFINITY;
  expect(await codeOf(store.put({ key: 'e', value }))).toBe('no-space');
  await store.maintenance.disarm('NOSPACE');
  expect((await store.put({ key: 'e', value: bytes('after') })).revision).toBe(3);
  expect((await watching).map(({ events }) => events.map(({ kv }) => kv.key))).toEqual([['e']]);
  await store.keepAliveLease(id);
  const after = (await store.range(everything)).kvs.map(line);
  await store[Symbol.asyncDispose]();
  await using again = await openStore({ dataDir: directory.path });
  expect((await again.range(everything)).kvs.map(line)).toEqual(after);
});

test.each([
  { name: 'a sync that fails', break: (disk: FaultDisk) => (disk.syncError = 'EIO') },
  {
    name: 'a full disk that cannot be repaired',
    break: (disk: FaultDisk) => {
      disk.freeBytes = 10;
      disk.truncateError = 'EIO';
    },
  },
])('$name stops all further writes, but not reads', async ({ break: breakDisk }) => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  await using store = await openStore({ dataDir: directory.path, disk });
  await store.put({ key: 'a', value });
  breakDisk(disk);
  expect(await codeOf(store.put({ key: 'b', value }))).toBe('unavailable');
  Object.assign(disk, { syncError: undefined, truncateError: undefined, freeBytes: 1e9 });
  expect(await codeOf(store.put({ key: 'c', value }))).toBe('unavailable');
  expect((await store.range(everything)).kvs.map(({ key }) => key)).toEqual(['a']);
  store.check();
});

test('snapshots keep the log short, and everything comes back', async () => {
  await using directory = await temporaryDirectory();
  const options = { dataDir: directory.path, snapshotBytesMin: 20_000 };
  const store = await openStore(options);
  const { id } = await store.grantLease(1000);
  await store.put({ key: 'leased', value, lease: id });
  for (let i = 0; i < 2000; i++) {
    await store.put({ key: `${i % 10}`, value });
    if (i % 200 !== 199) continue;
    await store.compact((await store.status()).revision - 5);
    // A snapshot takes longer than many puts where the disk is busy, and meanwhile the log grows.
    await eventually(async () => expect(await segmentsIn(directory.path)).toHaveLength(1));
  }
  const { revision, compactRevision } = await store.status();
  const before = (await store.range(everything)).kvs.map(line);
  await store[Symbol.asyncDispose]();
  const names = (await readdir(directory.path)).sort();
  expect(names.map((name) => name.replace(/\d+/, 'N'))).toEqual(['snapshot-N.db', 'wal-N.log']);
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory.path, name))).size),
  );
  expect(Math.max(...sizes)).toBeLessThan(80_000);

  await using again = await openStore(options);
  again.check();
  expect((await again.range(everything)).kvs.map(line)).toEqual(before);
  expect(await again.status()).toMatchObject({ revision, compactRevision });
  expect((await again.leaseTimeToLive(id)).keys).toEqual(['leased']);
  expect((await take(again, { ...everything, startRevision: compactRevision }, 6)).length).toBe(6);
});

test('a snapshot is of one moment, whatever is written and compacted while it is made', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  let release = () => {};
  disk.gate = { pattern: /snapshot/, opened: new Promise((resolve) => (release = resolve)) };
  const store = await openStore({ dataDir: directory.path, disk, snapshotBytesMin: 5000 });
  const fill = async () => {
    for (let i = 0; i < 100; i++) await store.put({ key: `${i % 30}`, value: bytes(`${i}`) });
  };
  await store.put({ key: 'big', value: bytes('y'.repeat(5000)) });
  await fill();
  await store.deleteRange({ key: '1', rangeEnd: '2' });
  await store.compact((await store.status()).revision - 1);
  await fill();
  release();
  const before = await store.range(everything);
  const { compactRevision } = await store.status();
  await store[Symbol.asyncDispose]();
  expect(await readdir(directory.path)).toContain('snapshot-2.db');
  await using again = await openStore({ dataDir: directory.path });
  again.check();
  expect((await again.range(everything)).kvs.map(line)).toEqual(before.kvs.map(line));
  expect((await again.status()).compactRevision).toBe(compactRevision);
  expect(await codeOf(again.range({ key: 'a', revision: compactRevision - 1 }))).toBe('compacted');
});

test('a snapshot that does not fit is given up, and loses nothing', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  const warnings: string[] = [];
  const store = await openStore({
    dataDir: directory.path,
    disk,
    snapshotBytesMin: 5000,
    warn: (w) => warnings.push(w),
  });
  const open = disk.open.bind(disk);
  disk.open = async (path) => {
    if (path.endsWith('.tmp')) throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' });
    return open(path);
  };
  for (let i = 0; i < 200; i++) await store.put({ key: `${i}`, value });
  await store[Symbol.asyncDispose]();
  expect(warnings[0]).toBe('cannot write a snapshot: ENOSPC: full');
  expect((await segmentsIn(directory.path)).length).toBeGreaterThan(2);
  await using again = await openStore({ dataDir: directory.path });
  expect((await again.range({ ...everything, countOnly: true })).count).toBe(200);
});

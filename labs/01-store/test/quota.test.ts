// Quota and alarms: what a full store refuses, what it still does, and how a person gets it going again.
import { describe, expect, test } from 'vitest';
import { type KeyValueStore, StoreError } from '#src/kv.ts';
import { openMemoryStore, openStore } from '#src/open-store.ts';
import { txnCost } from '#src/quota.ts';
import { FaultDisk } from './support/fault-disk.ts';
import { bytes, temporaryDirectory } from './support/store-helpers.ts';

const big = bytes('x'.repeat(1000));
const everything = { key: '\0', rangeEnd: '\0' };
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? `${error.code}: ${error.message}` : error),
  );
const NO_SPACE = 'no-space: etcdserver: mvcc: database space exceeded';

/** Puts until the quota says no; the number of puts that were taken. */
async function fill(store: KeyValueStore): Promise<number> {
  for (let i = 0; i < 1000; i++) {
    const answer = await codeOf(store.put({ key: `k${i}`, value: big }));
    if (answer === 'no error') continue;
    expect(answer).toBe(NO_SPACE);
    return i;
  }
  throw new Error('the quota never said no');
}

test('a store that is full refuses what adds, and does everything else', async () => {
  await using store = await openMemoryStore({ quotaBackendBytes: 50_000 });
  const { id } = await store.grantLease(100);
  const taken = await fill(store);
  expect(taken).toBeGreaterThan(20);
  expect(await store.maintenance.alarms()).toEqual(['NOSPACE']);
  const put = { kind: 'put', key: 'a', value: bytes('') } as const;
  const nested = { kind: 'txn', compare: [], success: [], failure: [put] } as const;
  expect(await codeOf(store.put(put))).toBe(NO_SPACE);
  expect(await codeOf(store.txn({ compare: [], success: [], failure: [put] }))).toBe(NO_SPACE);
  expect(await codeOf(store.txn({ compare: [], success: [nested], failure: [] }))).toBe(NO_SPACE);
  expect(await codeOf(store.grantLease(100))).toBe(NO_SPACE);

  const read = { kind: 'range', ...everything } as const;
  const remove = { kind: 'delete', key: 'k0' } as const;
  await store.txn({ compare: [], success: [read, remove], failure: [] });
  expect((await store.deleteRange({ key: 'k1' })).deleted).toBe(1);
  await store.keepAliveLease(id);
  await store.revokeLease(id);
  const { revision } = await store.status();
  await store.compact(revision);
  expect((await store.range({ ...everything, countOnly: true })).count).toBe(taken - 2);
});

test('room alone does not end the alarm, and disarming without room does not help', async () => {
  await using store = await openMemoryStore({ quotaBackendBytes: 50_000 });
  await fill(store);
  await store.maintenance.disarm('NOSPACE');
  expect(await store.maintenance.alarms()).toEqual([]);
  expect(await codeOf(store.put({ key: 'more', value: big }))).toBe(NO_SPACE);
  expect(await store.maintenance.alarms()).toEqual(['NOSPACE']);

  const before = await store.status();
  const { revision } = await store.deleteRange(everything);
  await store.compact(revision);
  const after = await store.status();
  expect(after.dbSizeInUseBytes).toBe(0);
  expect(after.dbSizeBytes).toBeLessThan(before.dbSizeBytes / 50);
  expect(await codeOf(store.put({ key: 'more', value: big }))).toBe(NO_SPACE);
  await store.maintenance.disarm('NOSPACE');
  expect(await codeOf(store.put({ key: 'more', value: big }))).toBe('no error');
  expect(await store.maintenance.alarms()).toEqual([]);
});

test('an alarm survives restarts, in the log and in a snapshot, until it is disarmed', async () => {
  await using directory = await temporaryDirectory();
  const options = { dataDir: directory.path, quotaBackendBytes: 50_000 };
  const first = await openStore(options);
  await fill(first);
  await first[Symbol.asyncDispose]();
  const second = await openStore({ dataDir: directory.path });
  expect(await second.maintenance.alarms()).toEqual(['NOSPACE']);
  expect(await codeOf(second.put({ key: 'more', value: big }))).toBe(NO_SPACE);
  await second.maintenance.defragment();
  await second[Symbol.asyncDispose]();
  const third = await openStore({ dataDir: directory.path });
  expect(await third.maintenance.alarms()).toEqual(['NOSPACE']);
  await third.maintenance.disarm('NOSPACE');
  await third[Symbol.asyncDispose]();
  await using fourth = await openStore({ dataDir: directory.path });
  expect(await fourth.maintenance.alarms()).toEqual([]);
  expect(await codeOf(fourth.put({ key: 'more', value: big }))).toBe('no error');
});

test.each([
  { name: '0 is the default of 2 GiB', quotaBackendBytes: 0 },
  { name: 'a negative quota is none', quotaBackendBytes: -1 },
])('$name', async ({ quotaBackendBytes }) => {
  await using store = await openMemoryStore({ quotaBackendBytes });
  expect(await codeOf(store.put({ key: 'a', value: big }))).toBe('no error');
});

test('maxTxnOps and maxRequestBytes move the limits of a request', async () => {
  await using store = await openMemoryStore({ maxTxnOps: 2, maxRequestBytes: 100 });
  const read = { kind: 'range', key: 'a' } as const;
  const reads = (count: number) =>
    codeOf(store.txn({ compare: [], success: Array(count).fill(read), failure: [] }));
  expect(await reads(2)).toBe('no error');
  expect(await reads(3)).toBe('invalid: etcdserver: too many operations in txn request');
  expect(await codeOf(store.put({ key: 'a', value: bytes('x'.repeat(99)) }))).toBe('no error');
  expect(await codeOf(store.put({ key: 'a', value: bytes('x'.repeat(100)) }))).toBe(
    'too-large: etcdserver: request is too large',
  );
});

describe('txnCost()', () => {
  const put = (value: string) => ({ kind: 'put', key: 'key', value: bytes(value) }) as const;
  const txn = (success: Parameters<typeof txnCost>[0]['success'], failure = success) => ({
    compare: [],
    success,
    failure,
  });

  test.each([
    { name: 'nothing', request: txn([]), cost: 0 },
    {
      name: 'reads and deletes',
      request: txn([
        { kind: 'range', key: 'a' },
        { kind: 'delete', key: 'a' },
      ]),
      cost: 0,
    },
    { name: 'a put', request: txn([put('value')], []), cost: 256 + 8 },
    { name: 'the dearer list', request: txn([put('')], [put(''), put('')]), cost: 2 * (256 + 3) },
    {
      name: 'what is inside too',
      request: txn([put(''), { kind: 'txn', ...txn([], [put('a')]) }], []),
      cost: 256 + 3 + 256 + 4,
    },
  ])('of $name is $cost', ({ request, cost }) => {
    expect(txnCost(request)).toBe(cost);
  });
});

test('Meta: what is set is durable, and comes back from the log and from a snapshot', async () => {
  await using directory = await temporaryDirectory();
  const first = await openStore({ dataDir: directory.path });
  expect(first.meta.get('name')).toBe(undefined);
  await first.meta.set('name', bytes('one'));
  await first.meta.set('other', bytes(''));
  await first.meta.set('name', bytes('\0\xff'));
  await first[Symbol.asyncDispose]();
  const second = await openStore({ dataDir: directory.path });
  expect(second.meta.all()).toEqual([
    ['name', bytes('\0\xff')],
    ['other', bytes('')],
  ]);
  await second.maintenance.defragment();
  await second[Symbol.asyncDispose]();
  await using third = await openStore({ dataDir: directory.path });
  expect(third.meta.get('name')).toEqual(bytes('\0\xff'));
  expect((await third.status()).revision).toBe(1);
});

test('an alarm may be disarmed at once, while its own record is refused by the full disk', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  await using store = await openStore({ dataDir: directory.path, disk });
  disk.freeBytes = 0;
  // That of the put, and that of the alarm.
  disk.refusalsMax = 2;
  expect(await codeOf(store.put({ key: 'a', value: big }))).toBe(NO_SPACE);
  await store.maintenance.disarm('NOSPACE');
  expect(disk.refusals).toBe(2);
  expect(await store.maintenance.alarms()).toEqual([]);
  expect(await codeOf(store.put({ key: 'a', value: big }))).toBe('no error');
});

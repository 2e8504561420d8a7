// Leases on a clock that stands still until it is moved.
import { describe, expect, test } from 'vitest';
import { StoreError } from '#src/kv.ts';
import { due, type Lease, LeaseBook } from '#src/lease.ts';
import { openMemoryStore, openStore } from '#src/open-store.ts';
import { FakeClock } from './support/fake-clock.ts';
import { bytes, take, temporaryDirectory } from './support/store-helpers.ts';

describe('due()', () => {
  const lease = (id: string, expiresAtMs: number, state: Lease['state'] = 'alive'): Lease => ({
    id,
    grantedTtlSeconds: 1,
    keys: new Set(),
    state,
    expiresAtMs,
  });

  test.each([
    { name: 'nothing without leases', leases: [], expired: [], nextMs: Number.POSITIVE_INFINITY },
    { name: 'a lease later', leases: [lease('a', 5000)], expired: [], nextMs: 5000 },
    {
      name: 'a lease at its very moment',
      leases: [lease('a', 1000)],
      expired: ['a'],
      nextMs: 2000,
    },
    {
      name: 'an overdue one, and looks again soon',
      leases: [lease('a', 0), lease('b', 9000)],
      expired: ['a'],
      nextMs: 2000,
    },
    {
      name: 'not one that is being revoked',
      leases: [lease('a', 0, 'revoking')],
      expired: [],
      nextMs: Number.POSITIVE_INFINITY,
    },
  ])('finds $name', ({ leases, expired, nextMs }) => {
    expect(due(leases, 1000)).toEqual({ expired, nextMs });
  });
});

test('a lease expires when its time is over, and keepAliveLease() puts that off', async () => {
  const clock = new FakeClock();
  await using store = await openMemoryStore({ clock });
  const { id } = await store.grantLease(10);
  await store.put({ key: 'a', value: bytes(''), lease: id });
  await clock.advance(9000);
  expect((await store.leaseTimeToLive(id)).ttlSeconds).toBe(1);
  await store.keepAliveLease(id);
  await clock.advance(9999);
  expect((await store.range({ key: 'a' })).count).toBe(1);
  await clock.advance(1);
  expect((await store.range({ key: 'a' })).count).toBe(0);
  expect((await store.leaseTimeToLive(id)).ttlSeconds).toBe(-1);
});

test('a shorter lease granted later expires first', async () => {
  const clock = new FakeClock();
  await using store = await openMemoryStore({ clock });
  const { id: long } = await store.grantLease(100);
  const { id: short } = await store.grantLease(10);
  await clock.advance(10_000);
  expect((await store.leaseTimeToLive(short)).ttlSeconds).toBe(-1);
  expect((await store.leaseTimeToLive(long)).ttlSeconds).toBe(90);
});

test('an expiring lease deletes all its keys in one revision, and no others', async () => {
  const clock = new FakeClock();
  await using store = await openMemoryStore({ clock });
  const { id } = await store.grantLease(5);
  for (const key of ['b', 'a', 'c']) await store.put({ key, value: bytes(''), lease: id });
  const { revision } = await store.put({ key: 'b', value: bytes('now without lease') });
  await clock.advance(5000);
  const batches = await take(store, { key: 'a', rangeEnd: 'z', startRevision: revision + 1 }, 2);
  expect(batches.map((b) => b.events.map(({ type, kv }) => `${type} ${kv.key}`))).toEqual([
    ['delete a', 'delete c'],
  ]);
});

test('a lease survives a restart with its full time', async () => {
  await using directory = await temporaryDirectory();
  const clock = new FakeClock();
  const options = { dataDir: directory.path, clock };
  const before = await openStore(options);
  const { id } = await before.grantLease(10);
  const { id: revoked } = await before.grantLease(10);
  await before.put({ key: 'a', value: bytes(''), lease: id });
  await before.revokeLease(revoked);
  await clock.advance(9000);
  await before[Symbol.asyncDispose]();
  await clock.advance(100_000);
  await using store = await openStore(options);
  expect(await store.leaseTimeToLive(id)).toEqual({
    ttlSeconds: 10,
    grantedTtlSeconds: 10,
    keys: ['a'],
  });
  expect((await store.leaseTimeToLive(revoked)).ttlSeconds).toBe(-1);
  const gone = take(store, { key: 'a' }, 1);
  await clock.advance(10_000);
  expect((await gone)[0]?.events[0]?.type).toBe('delete');
});

test('LeaseBook.start() gives the full time, however long the recovery before took', async () => {
  const clock = new FakeClock();
  const book = new LeaseBook(clock);
  book.grant('1', 10);
  await clock.advance(60_000);
  const expired: string[] = [];
  book.start((id) => expired.push(id));
  await clock.advance(9999);
  expect(expired).toEqual([]);
  await clock.advance(1);
  expect(expired).toEqual(['1']);
  book.stop();
});

test('keepAliveLease() is too late when the time is over, even before the keys are gone', async () => {
  const clock = new FakeClock();
  await using store = await openMemoryStore({ clock });
  const { id } = await store.grantLease(1);
  clock.now = () => 1000; // The timer has not fired yet.
  const error = await store.keepAliveLease(id).catch((e: unknown) => e);
  expect(StoreError.is(error, 'lease-not-found')).toBe(true);
});

test('a closed store leaves no timer behind', async () => {
  const clock = new FakeClock();
  const store = await openMemoryStore({ clock });
  await store.grantLease(10);
  expect(clock.timers).toBe(1);
  await store[Symbol.asyncDispose]();
  expect(clock.timers).toBe(0);
});

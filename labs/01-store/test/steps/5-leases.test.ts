// Step 5, leases: on a clock that moves only when the test says so.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { StoreError, type StoreEvent } from '#src/kv.ts';
import { due, type Lease, LeaseBook } from '#src/lease.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bytes, take } from '../support/store-helpers.ts';
import { openSlowStore } from './support/slow-store.ts';

const DAY_SECONDS = 24 * 60 * 60;
/** What setTimeout can hold; with more, Node waits 1 ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const lease = (id: string, expiresAtMs: number, state: Lease['state'] = 'alive'): Lease => ({
  id,
  grantedTtlSeconds: 1,
  keys: new Set(),
  state,
  expiresAtMs,
});

/** What a call says instead of an answer. */
const refusalOf = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    if (!StoreError.is(error)) throw error;
    return `an error: ${error.message}`;
  }
};

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

const put = (key: string, leaseId: string, before?: string): StoreEvent => {
  const kv = { key, value: bytes(''), createRevision: 2, version: 1 };
  const event: StoreEvent = { type: 'put', kv: { ...kv, modRevision: 3, lease: leaseId } };
  if (before !== undefined) event.prevKv = { ...kv, modRevision: 2, lease: before };
  return event;
};

const remove = (key: string, before: string): StoreEvent => {
  const { kv, prevKv } = put(key, '0', before);
  return { type: 'delete', kv, ...(prevKv === undefined ? {} : { prevKv }) };
};

lesson(
  'due() names the leases whose time is over, and says when to look again',
  {
    invariant: 5,
    byHand: 'etcdctl lease list',
    symbols: ['src/lease.ts#due'],
  },
  ({ event }) => {
    const rows = [
      { about: 'no lease at all', leases: [], expired: [], nextMs: Number.POSITIVE_INFINITY },
      { about: 'one that ends later', leases: [lease('a', 5000)], expired: [], nextMs: 5000 },
      { about: 'one at its very moment', leases: [lease('a', 1000)], expired: ['a'], nextMs: 2000 },
      {
        about: 'an overdue one and a later one: look again in a second, in case it is still there',
        leases: [lease('a', 0), lease('b', 9000)],
        expired: ['a'],
        nextMs: 2000,
      },
      {
        about: 'two overdue ones, in the order in which they come',
        leases: [lease('b', 900), lease('a', 500)],
        expired: ['b', 'a'],
        nextMs: 2000,
      },
      {
        about: 'one that is being revoked already',
        leases: [lease('a', 0, 'revoking')],
        expired: [],
        nextMs: Number.POSITIVE_INFINITY,
      },
    ];
    for (const { about, leases, expired, nextMs } of rows) {
      event(`due() at 1000 ms, of ${about}`);
      // The about stands in the comparison, so that a failure says which row it is.
      expect({ about, ...due(leases, 1000) }).toEqual({ about, expired, nextMs });
    }
  },
);

lesson(
  'The keys of a lease follow the versions: the newest put of a key says to which lease it belongs',
  {
    invariant: 3,
    byHand: 'etcdctl lease timetolive --keys ID',
    symbols: ['src/lease.ts#LeaseBook.follow'],
  },
  ({ event }) => {
    const book = new LeaseBook(new FakeClock());
    const keysOf = (id: string) => [...(book.find(id)?.keys ?? [])].sort();
    book.grant('1', 10);
    book.grant('2', 10);
    event('follow() the puts of a and b with lease 1');
    book.follow([put('a', '1'), put('b', '1')]);
    expect(keysOf('1')).toEqual(['a', 'b']);
    event('follow() a put of a with lease 2');
    book.follow([put('a', '2', '1')]);
    expect([keysOf('1'), keysOf('2')]).toEqual([['b'], ['a']]);
    event('follow() another put of a with lease 2: it stays there');
    book.follow([put('a', '2', '2')]);
    expect(keysOf('2')).toEqual(['a']);
    event('follow() a put of b without a lease, and the delete of a');
    book.follow([put('b', '0', '1'), remove('a', '2')]);
    expect([keysOf('1'), keysOf('2')]).toEqual([[], []]);
    event('follow() a put with a lease that is gone: nothing happens');
    book.follow([put('c', '77')]);
    expect([keysOf('1'), keysOf('2')]).toEqual([[], []]);
  },
);

lesson(
  'A write that is taken back leaves the keys of every lease as they were before it',
  {
    invariant: 3,
    byHand: 'etcdctl lease timetolive --keys ID',
    symbols: ['src/lease.ts#LeaseBook.unfollow'],
  },
  ({ event }) => {
    const book = new LeaseBook(new FakeClock());
    const keysOf = (id: string) => [...(book.find(id)?.keys ?? [])].sort();
    book.grant('1', 10);
    book.grant('2', 10);
    book.follow([put('a', '1'), put('b', '1')]);
    const rows = [
      { about: 'a moves to lease 2', events: [put('a', '2', '1')] },
      { about: 'a stays with lease 1', events: [put('a', '1', '1')] },
      { about: 'a loses its lease', events: [put('a', '0', '1')] },
      { about: 'a and b are deleted', events: [remove('a', '1'), remove('b', '1')] },
      { about: 'c is new with lease 2', events: [put('c', '2')] },
      {
        about: 'a moves to lease 2 and is then deleted, in one revision',
        events: [put('a', '2', '1'), remove('a', '2')],
      },
    ];
    for (const { about, events } of rows) {
      event(`follow(), then unfollow(): ${about}`);
      book.follow(events);
      book.unfollow(events);
      expect({ about, 1: keysOf('1'), 2: keysOf('2') }).toEqual({ about, 1: ['a', 'b'], 2: [] });
    }
  },
);

lesson(
  'A lease ends when its time is over, and not a millisecond earlier',
  {
    invariant: 2,
    byHand: 'etcdctl lease grant 10; sleep 9; etcdctl lease timetolive ID',
    symbols: ['src/lease.ts#LeaseBook.start', 'src/lease.ts#LeaseBook.#arm'],
  },
  async ({ event }) => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    book.start((id) => {
      expired.push(`${id} at ${clock.now()}`);
      book.remove(id);
    });
    event('grant() lease 1 for 10 seconds, then lease 2 for 60');
    book.grant('1', 10);
    book.grant('2', 60);
    event('9,999 ms pass');
    await clock.advance(9999);
    expect({ expired }).toEqual({ expired: [] });
    event('1 ms passes');
    await clock.advance(1);
    expect({ expired }).toEqual({ expired: ['1 at 10000'] });
    book.stop();
  },
);

lesson(
  'One timer is enough for all leases, and it rings for the first of them',
  {
    invariant: 5,
    byHand: 'etcdctl lease grant 100; etcdctl lease grant 5; sleep 6; etcdctl lease list',
    symbols: ['src/lease.ts#LeaseBook.#arm', 'src/lease.ts#LeaseBook.#onTimer'],
  },
  async ({ event, figure }) => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    let timersMax = 0;
    const watchTimers = () => {
      timersMax = Math.max(timersMax, clock.timers);
    };
    book.start((id) => {
      expired.push(`${id} at ${clock.now()}`);
      book.remove(id);
      watchTimers();
    });
    // The longest first: each new lease is due before all that are there.
    event('grant() leases of 50, 49 … 1 seconds');
    for (let seconds = 50; seconds >= 1; seconds--) {
      book.grant(`${seconds}`, seconds);
      watchTimers();
    }
    event('50 seconds pass');
    await clock.advance(50_000);
    expect(expired).toEqual(Array.from({ length: 50 }, (_, i) => `${i + 1} at ${(i + 1) * 1000}`));
    expect({ 'most timers at once': timersMax }).toEqual({ 'most timers at once': 1 });
    figure('leases', 50);
    book.stop();
  },
);

lesson(
  'A lease longer than Node’s timers can count waits in several pieces',
  {
    invariant: 2,
    byHand: 'etcdctl lease grant 8640000',
    symbols: ['src/lease.ts#LeaseBook.#arm', 'src/lease.ts#LeaseBook.#onTimer'],
  },
  async ({ event }) => {
    const clock = new FakeClock();
    const waits: number[] = [];
    const setTimeout = clock.setTimeout.bind(clock);
    clock.setTimeout = (callback, ms) => {
      waits.push(ms);
      return setTimeout(callback, ms);
    };
    const book = new LeaseBook(clock);
    const expired: number[] = [];
    book.start((id) => {
      expired.push(clock.now());
      book.remove(id);
    });
    event('grant() a lease of 100 days');
    book.grant('1', 100 * DAY_SECONDS);
    event('100 days pass');
    await clock.advance(100 * DAY_SECONDS * 1000);
    expect(expired).toEqual([100 * DAY_SECONDS * 1000]);
    expect({ 'longest wait that was set': Math.max(...waits) }).toEqual({
      'longest wait that was set': TIMER_MS_MAX,
    });
    book.stop();
  },
);

lesson(
  'An expiry that did not succeed is tried again after a second, as long as the lease is there',
  {
    invariant: 6,
    byHand: 'etcdctl lease list',
    symbols: ['src/lease.ts#LeaseBook.#onTimer', 'src/lease.ts#due'],
  },
  async ({ event }) => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const tries: number[] = [];
    book.start((id) => {
      tries.push(clock.now());
      if (tries.length === 3) book.remove(id);
    });
    event('grant() a lease of 5 seconds whose expiry fails twice');
    book.grant('1', 5);
    await clock.advance(20_000);
    expect({ 'tried at': tries }).toEqual({ 'tried at': [5000, 6000, 7000] });
    book.stop();
  },
);

lesson(
  'Before start() time stands still, and start() gives every lease its full time',
  {
    invariant: 2,
    byHand:
      'etcdctl lease grant 100; sleep 50; kill -9 $(pgrep -n etcd); start it again; etcdctl lease timetolive ID',
    symbols: ['src/lease.ts#LeaseBook.start'],
  },
  async ({ event }) => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: number[] = [];
    event(
      'recovery: grant() leases of 10 and 20 seconds, and take a minute for the rest of the log',
    );
    book.grant('1', 10);
    book.grant('2', 20);
    expect({ 'timers before start()': clock.timers }).toEqual({ 'timers before start()': 0 });
    await clock.advance(60_000);
    event('start()');
    book.start((id) => {
      expired.push(clock.now());
      book.remove(id);
    });
    await clock.advance(9999);
    expect({ 'expired at': expired }).toEqual({ 'expired at': [] });
    await clock.advance(1);
    expect({ 'expired at': expired }).toEqual({ 'expired at': [70_000] });
    await clock.advance(10_000);
    expect({ 'expired at': expired }).toEqual({ 'expired at': [70_000, 80_000] });
    event('no lease is left; the second in which an expiry may fail passes');
    await clock.advance(1000);
    expect({ 'timers without a lease': clock.timers }).toEqual({ 'timers without a lease': 0 });
    book.stop();
  },
);

lesson(
  'keepAlive() gives the full time again, but not when the time is over already',
  {
    invariant: 4,
    byHand: 'etcdctl lease keep-alive --once ID',
    symbols: ['src/lease.ts#LeaseBook.keepAlive'],
  },
  async ({ event }) => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: number[] = [];
    book.start((id) => {
      expired.push(clock.now());
      book.remove(id);
    });
    book.grant('1', 10);
    await clock.advance(9000);
    event('keepAlive() one second before the end');
    expect(book.keepAlive('1')).toMatchObject({ id: '1', grantedTtlSeconds: 10 });
    event('20 seconds pass');
    await clock.advance(20_000);
    expect({ 'expired at': expired }).toEqual({ 'expired at': [19_000] });
    book.stop();

    // Its time stands still no longer, but nobody deletes anything: as if that took a while.
    const late = new LeaseBook(clock);
    late.grant('7', 10);
    event('the time of lease 7 is over, and nobody has deleted anything yet: keepAlive()');
    await clock.advance(10_000);
    const notFound = 'an error: etcdserver: requested lease not found';
    expect(refusalOf(() => late.keepAlive('7'))).toBe(notFound);
    event('keepAlive() of a lease that is being revoked');
    late.grant('8', 10);
    late.setState('8', 'revoking');
    expect(refusalOf(() => late.keepAlive('8'))).toBe(notFound);
    event('keepAlive() of a lease that never was');
    expect(refusalOf(() => late.keepAlive('9'))).toBe(notFound);
  },
);

lesson(
  'A lease that ends deletes all its keys in one revision, and no others',
  {
    invariant: 1,
    byHand: 'etcdctl watch --prefix "" & etcdctl lease revoke ID',
    symbols: ['src/store.ts#Store.revokeLease', 'src/store.ts#Store.#commit'],
  },
  async ({ event, figure }) => {
    const clock = new FakeClock();
    await using store = await openMemoryStore({ clock });
    const { id } = await store.grantLease(5);
    for (const key of ['b', 'c', 'a']) await store.put({ key, value: bytes(''), lease: id });
    await store.put({ key: 'other', value: bytes('') });
    const { revision } = await store.put({ key: 'b', value: bytes('now without lease') });
    event('revokeLease() of a lease without keys: it takes no revision');
    const { id: empty } = await store.grantLease(5);
    await store.revokeLease(empty);
    expect(await store.status()).toMatchObject({ revision });
    expect(await store.leases()).toEqual([id]);
    event('the 5 seconds of the other lease pass');
    await clock.advance(5000);
    expect(await store.leases()).toEqual([]);
    expect(await store.status()).toMatchObject({ revision: revision + 1 });
    event('watch everything from the revision after the last put');
    const everything = { key: '\0', rangeEnd: '\0', startRevision: revision + 1 };
    const batches = await take(store, everything, 2);
    expect(batches.map((b) => b.events.map(({ type, kv }) => `${type} ${kv.key}`))).toEqual([
      ['delete a', 'delete c'],
    ]);
    event('revokeLease() when the store is closed');
    await store[Symbol.asyncDispose]();
    expect(await codeOf(store.revokeLease(id))).toBe('unavailable');
    figure('deleted', 2);
  },
);

lesson(
  'While a revocation is on its way to the disk nobody can use the lease; when it fails, all is as before',
  {
    invariant: 4,
    byHand: 'etcdctl lease revoke ID; etcdctl put --lease=ID a 1',
    symbols: ['src/store.ts#Store.revokeLease', 'src/store.ts#Store.#commit'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal, settled } = slow;
    const { id } = await settled(store.grantLease(100));
    await settled(store.put({ key: 'a', value: bytes(''), lease: id }));
    event('revokeLease(), and the disk has not answered yet');
    const revoking = codeOf(store.revokeLease(id));
    const used = [
      store.put({ key: 'b', value: bytes(''), lease: id }),
      store.keepAliveLease(id),
      store.revokeLease(id),
    ].map(codeOf);
    expect(await store.range({ key: 'a' })).toMatchObject({ count: 1 });
    event('the disk refuses');
    journal.refuse();
    expect(await Promise.all(used)).toEqual(Array(3).fill('lease-not-found'));
    expect(await revoking).toBe('no-space');
    expect((await store.leaseTimeToLive(id)).keys).toEqual(['a']);
    expect(await store.keepAliveLease(id)).toEqual({ ttlSeconds: 100 });
    event('revokeLease() again, and this time the disk takes it');
    await settled(store.revokeLease(id));
    expect(journal.entries.filter(({ kind }) => kind === 'lease-revoke')).toEqual([
      { kind: 'lease-revoke', id }, // The one that was refused.
      { kind: 'lease-revoke', id },
    ]);
    expect(await store.range({ key: 'a' })).toMatchObject({ count: 0 });
    expect(await codeOf(store.revokeLease(id))).toBe('lease-not-found');
  },
);

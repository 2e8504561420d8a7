// LeaseBook alone, with a clock in hand: keys that follow events and back, states, and the one timer.
import { describe, expect, test } from 'vitest';
import { checkTtl } from '#src/check.ts';
import type { StoreEvent } from '#src/kv.ts';
import { LeaseBook } from '#src/lease.ts';
import { FakeClock } from './support/fake-clock.ts';

const TTL_MAX = 9_000_000_000;
const DAY_SECONDS = 86_400;

const kv = (key: string, lease: string) => ({
  key,
  value: Buffer.alloc(0),
  createRevision: 2,
  modRevision: 2,
  version: 1,
  lease,
});
const put = (key: string, lease: string, before?: string): StoreEvent => ({
  type: 'put',
  kv: kv(key, lease),
  ...(before !== undefined && { prevKv: kv(key, before) }),
});
const remove = (key: string, before: string): StoreEvent => ({
  type: 'delete',
  kv: kv(key, '0'),
  prevKv: kv(key, before),
});

function bookWith(...ids: readonly string[]): {
  book: LeaseBook;
  clock: FakeClock;
  expired: string[];
} {
  const clock = new FakeClock();
  const book = new LeaseBook(clock);
  const expired: string[] = [];
  for (const id of ids) book.grant(id, 10);
  book.start((id) => expired.push(id));
  return { book, clock, expired };
}

const keysOf = (book: LeaseBook, id: string) => [...(book.find(id)?.keys ?? [])];

describe('LeaseBook: keys', () => {
  test.each([
    { name: 'a first put attaches', events: [put('a', '1')], one: ['a'], two: [] },
    {
      name: 'a put with another lease moves',
      events: [put('a', '1'), put('a', '2', '1')],
      one: [],
      two: ['a'],
    },
    {
      name: 'a put without one detaches',
      events: [put('a', '1'), put('a', '0', '1')],
      one: [],
      two: [],
    },
    {
      name: 'a put with the same one changes nothing',
      events: [put('a', '1'), put('a', '1', '1')],
      one: ['a'],
      two: [],
    },
    { name: 'a delete detaches', events: [put('a', '1'), remove('a', '1')], one: [], two: [] },
    {
      name: 'a lease that is not there is no reason to fail',
      events: [put('a', '9'), put('a', '1', '9')],
      one: ['a'],
      two: [],
    },
  ])('$name, and unfollow() takes it back', ({ events, one, two }) => {
    const { book } = bookWith('1', '2');
    const before = put('b', '1');
    book.follow([before]);
    book.follow(events);
    expect([keysOf(book, '1').sort(), keysOf(book, '2')]).toEqual([[...one, 'b'], two]);
    book.unfollow(events);
    expect([keysOf(book, '1'), keysOf(book, '2')]).toEqual([['b'], []]);
    book.unfollow([before]);
    expect(keysOf(book, '1')).toEqual([]);
  });

  test('unfollow() of a put and a delete of one revision goes back the last one first', () => {
    const { book } = bookWith('1', '2');
    book.follow([put('a', '1')]);
    const events = [put('a', '2', '1'), remove('a', '2')];
    book.follow(events);
    expect([keysOf(book, '1'), keysOf(book, '2')]).toEqual([[], []]);
    book.unfollow(events);
    expect([keysOf(book, '1'), keysOf(book, '2')]).toEqual([['a'], []]);
  });
});

describe('LeaseBook: states', () => {
  const notFound = 'etcdserver: requested lease not found';

  test('a lease that is being revoked can neither be used, kept alive nor expire, but is still there', async () => {
    const { book, clock, expired } = bookWith('1');
    book.setState('1', 'revoking');
    expect(() => book.alive('1')).toThrow(notFound);
    expect(() => book.keepAlive('1')).toThrow(notFound);
    expect(book.all().map(({ id, state }) => [id, state])).toEqual([['1', 'revoking']]);
    await clock.advance(20_000);
    expect(expired).toEqual([]);
    book.setState('1', 'alive');
    expect(book.alive('1').id).toBe('1');
  });

  test('setState() of a lease that is gone does nothing', () => {
    const { book } = bookWith('1');
    book.remove('1');
    book.setState('1', 'revoking');
    expect(book.all()).toEqual([]);
    expect(() => book.alive('1')).toThrow(notFound);
  });

  test('chooseId() takes a wish, refuses a second, and else finds ids that are free and positive', () => {
    const { book } = bookWith('1');
    expect(book.chooseId('42')).toBe('42');
    expect(() => book.chooseId('1')).toThrow('etcdserver: lease already exists');
    const ids = Array.from({ length: 100 }, () => book.chooseId('0'));
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(BigInt(id) > 0n && BigInt(id) < 2n ** 63n).toBe(true);
  });
});

describe('LeaseBook: time', () => {
  test('only one timer runs, due with the first lease', async () => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    book.start((id) => expired.push(id));
    const timers: number[] = [];
    for (const [id, ttlSeconds] of [
      ['1', 10],
      ['2', 20],
      ['3', 5],
    ] as const) {
      book.grant(id, ttlSeconds);
      timers.push(clock.timers);
    }
    expect(timers).toEqual([1, 1, 1]);
    await clock.advance(4999);
    expect(expired).toEqual([]);
    await clock.advance(1);
    expect(expired).toEqual(['3']);
    book.remove('3');
    await clock.advance(5000);
    expect(expired).toEqual(['3', '1']);
  });

  test('a lease whose expiry failed is tried again after a second', async () => {
    const { clock, expired } = bookWith('1');
    await clock.advance(10_000);
    await clock.advance(999);
    expect(expired).toEqual(['1']);
    await clock.advance(1);
    expect(expired).toEqual(['1', '1']);
  });

  test('before start() and after stop() time stands still', async () => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    book.grant('1', 10);
    expect(clock.timers).toBe(0);
    await clock.advance(9000);
    book.start((id) => expired.push(id));
    expect(book.remainingSeconds(book.alive('1'))).toBe(10);
    await clock.advance(9999);
    expect(expired).toEqual([]);
    book.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(60_000);
    expect(expired).toEqual([]);
    book.grant('2', 1);
    expect(clock.timers).toBe(0);
  });

  test('expiry that stops the book tells of no more leases', async () => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    for (const id of ['1', '2']) book.grant(id, 10);
    book.start((id) => {
      expired.push(id);
      book.stop();
    });
    await clock.advance(10_000);
    expect(expired).toEqual(['1']);
  });

  test('a lease longer than a timer can hold expires at its moment', async () => {
    const clock = new FakeClock();
    const book = new LeaseBook(clock);
    const expired: string[] = [];
    book.start((id) => expired.push(id));
    const longSeconds = 60 * DAY_SECONDS;
    book.grant('1', longSeconds);
    await clock.advance(longSeconds * 1000 - 1);
    expect(expired).toEqual([]);
    await clock.advance(1);
    expect(expired).toEqual(['1']);
  });

  test('remainingSeconds() rounds up, and is never negative', async () => {
    const { book, clock } = bookWith('1');
    await clock.advance(1);
    expect(book.remainingSeconds(book.alive('1'))).toBe(10);
    await clock.advance(9998);
    expect(book.remainingSeconds(book.alive('1'))).toBe(1);
    await clock.advance(5000);
    expect(book.remainingSeconds(book.alive('1'))).toBe(0);
  });

  test('keepAlive() works to the last millisecond, and not at the moment itself', async () => {
    const { book, clock } = bookWith('1', '2');
    await clock.advance(9999);
    expect(book.keepAlive('1').grantedTtlSeconds).toBe(10);
    await clock.advance(1);
    expect(() => book.keepAlive('2')).toThrow('etcdserver: requested lease not found');
    expect(book.remainingSeconds(book.alive('1'))).toBe(10);
  });
});

test.each([
  { ttl: 100, granted: 100 },
  { ttl: TTL_MAX, granted: TTL_MAX },
])('checkTtl($ttl) grants $granted', ({ ttl, granted }) => {
  expect(checkTtl(ttl)).toBe(granted);
});

test('checkTtl() refuses what is too long', () => {
  expect(() => checkTtl(TTL_MAX + 1)).toThrow('etcdserver: too large lease TTL');
});

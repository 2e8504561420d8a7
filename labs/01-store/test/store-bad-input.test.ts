// Bad input to the store in process: what no type checker saw arrives here. Each gets its answer, and nothing changes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Op, StoreError } from '#src/kv.ts';
import { openMemoryStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';
import { bytes, line } from './support/store-helpers.ts';

const value = bytes('x');
const NOT_BYTES = 'invalid: a key has one char per byte: encode it, do not pass text';
const NO_KEY = 'invalid: etcdserver: key is not provided';
const DUPLICATE = 'invalid: etcdserver: duplicate key given in txn request';
const TOO_MANY = 'invalid: etcdserver: too many operations in txn request';
const TOO_LARGE = 'too-large: etcdserver: request is too large';
const COMPACTED = 'compacted: etcdserver: mvcc: required revision has been compacted';
const FUTURE = 'future-revision: etcdserver: mvcc: required revision is a future revision';
const NO_LEASE = 'lease-not-found: etcdserver: requested lease not found';

const nested = (depth: number, innermost: Op): Op =>
  depth === 0
    ? innermost
    : { kind: 'txn', compare: [], success: [nested(depth - 1, innermost)], failure: [] };
const read: Op = { kind: 'range', key: 'a' };

interface Row {
  readonly name: string;
  /** What a caller without types may pass. */
  readonly input: unknown;
  readonly want: string;
}

const NO_REQUESTS: readonly Row[] = [
  { name: 'no request', input: undefined, want: 'invalid: a request is an object, not undefined' },
  { name: 'null', input: null, want: 'invalid: a request is an object, not null' },
  { name: 'a string', input: 'a', want: 'invalid: a request is an object, not "a"' },
];

const KEYS: readonly Row[] = [
  { name: 'no key', input: { value }, want: NOT_BYTES },
  { name: 'an empty key', input: { key: '', value }, want: NO_KEY },
  { name: 'a number as key', input: { key: 7, value }, want: NOT_BYTES },
  { name: 'a buffer as key', input: { key: Buffer.from('a'), value }, want: NOT_BYTES },
  { name: 'text beyond latin1', input: { key: '键', value }, want: NOT_BYTES },
  { name: 'half a surrogate pair', input: { key: '\ud83d', value }, want: NOT_BYTES },
  { name: 'text beyond latin1 after a line end', input: { key: 'a\nł', value }, want: NOT_BYTES },
];

/** Where the request becomes an operation of a transaction first. */
const NOTHING = NO_REQUESTS.map((row) => ({ ...row, want: NOT_BYTES }));

const RANGE_ENDS: readonly Row[] = [
  { name: 'a number as range end', input: { key: 'a', rangeEnd: 7 }, want: NOT_BYTES },
  { name: 'null as range end', input: { key: 'a', rangeEnd: null }, want: NOT_BYTES },
  { name: 'a range end beyond latin1', input: { key: 'a', rangeEnd: 'ł' }, want: NOT_BYTES },
];

const number = (name: string, given: unknown, text = String(given)): Row => ({
  name: `${text} as ${name}`,
  input: { key: 'a', [name]: given },
  want: `invalid: ${name} is a whole number, not ${text}`,
});

const RANGES: readonly Row[] = [
  number('limit', Number.NaN),
  number('limit', 1.5),
  number('limit', '10', '"10"'),
  number('limit', Number.POSITIVE_INFINITY),
  number('limit', null),
  number('limit', 5n),
  number('revision', 2 ** 60),
  number('revision', {}, '[object Object]'),
  number('minModRevision', Number.NaN),
  number('maxModRevision', '1', '"1"'),
  number('minCreateRevision', true),
  number('maxCreateRevision', -0.5),
  { name: 'a revision to come', input: { key: 'a', revision: 1000 }, want: FUTURE },
  { name: 'a revision that is gone', input: { key: 'a', revision: 1 }, want: COMPACTED },
  {
    name: 'an unknown target to sort by',
    input: { key: 'a', sort: { target: 'size', order: 'ascend' } },
    want: 'invalid: cannot sort by {"target":"size","order":"ascend"}: name a target and an order of etcd\'s',
  },
  {
    name: 'an unknown order',
    input: { key: 'a', sort: { target: 'key', order: 'none' } },
    want: 'invalid: cannot sort by {"target":"key","order":"none"}: name a target and an order of etcd\'s',
  },
  {
    name: 'null as sort',
    input: { key: 'a', sort: null },
    want: "invalid: cannot sort by null: name a target and an order of etcd's",
  },
];

const PUTS: readonly Row[] = [
  {
    name: 'no value',
    input: { key: 'a' },
    want: 'invalid: a value is a Uint8Array, not undefined',
  },
  {
    name: 'text as value',
    input: { key: 'a', value: 'text' },
    want: 'invalid: a value is a Uint8Array, not "text"',
  },
  {
    name: 'an array as value',
    input: { key: 'a', value: [1, 2] },
    want: 'invalid: a value is a Uint8Array, not 1,2',
  },
  {
    name: 'a value that is too large',
    input: { key: 'a', value: Buffer.alloc(1_572_864) },
    want: TOO_LARGE,
  },
  {
    name: 'a key that is too large',
    input: { key: 'k'.repeat(1_572_865), value: bytes('') },
    want: TOO_LARGE,
  },
  {
    name: 'a lease that is a number',
    input: { key: 'a', value, lease: 7 },
    want: 'invalid: a lease id is a decimal int64, not 7',
  },
  { name: 'a lease that is no number', input: { key: 'a', value, lease: 'seven' }, want: NO_LEASE },
  {
    name: 'a lease that is too large a number',
    input: { key: 'a', value, lease: '9'.repeat(40) },
    want: NO_LEASE,
  },
  { name: 'a lease that nobody granted', input: { key: 'a', value, lease: '7' }, want: NO_LEASE },
  {
    name: 'a value to ignore',
    input: { key: 'a', value, ignoreValue: true },
    want: 'invalid: etcdserver: value is provided',
  },
  {
    name: 'a lease to ignore',
    input: { key: 'a', value, lease: '7', ignoreLease: true },
    want: 'invalid: etcdserver: lease is provided',
  },
  {
    name: 'the value of a key that does not exist',
    input: { key: 'none', value: bytes(''), ignoreValue: true },
    want: 'key-not-found: etcdserver: key not found',
  },
];

const ops = (...success: unknown[]) => ({ compare: [], success, failure: [] });
const compare = (fields: object) => ({
  compare: [{ key: 'a', target: 'mod', result: '=', value: 0, ...fields }],
  success: [],
  failure: [],
});

const TXNS: readonly Row[] = [
  {
    name: 'no lists',
    input: {},
    want: 'invalid: a transaction has three lists: compare, success, failure',
  },
  {
    name: 'text as a list',
    input: { ...ops(), success: 'put' },
    want: 'invalid: a transaction has three lists: compare, success, failure',
  },
  {
    name: 'an operation without a kind',
    input: ops({ key: 'a' }),
    want: 'key-not-found: etcdserver: key not found',
  },
  {
    name: 'an operation of no known kind',
    input: ops({ kind: 'watch', key: 'a' }),
    want: 'key-not-found: etcdserver: key not found',
  },
  { name: '129 operations', input: ops(...Array(129).fill(read)), want: TOO_MANY },
  {
    name: '129 comparisons',
    input: { ...ops(), compare: Array(129).fill({ key: 'a' }) },
    want: TOO_MANY,
  },
  {
    name: 'a hundred transactions in each other, and one that is wrong',
    input: ops(nested(100, { ...read, key: '' })),
    want: NO_KEY,
  },
  { name: '128 transactions in each other', input: ops(nested(128, read)), want: TOO_MANY },
  {
    name: 'ten thousand transactions in each other',
    input: ops(nested(5_000, read)),
    want: TOO_MANY,
  },
  {
    name: 'a key put twice',
    input: ops({ kind: 'put', key: 'a', value }, { kind: 'put', key: 'a', value }),
    want: DUPLICATE,
  },
  {
    name: 'a comparison that is no object',
    input: { ...ops(), compare: [7] },
    want: 'invalid: a request is an object, not 7',
  },
  { name: 'a comparison without a key', input: compare({ key: '' }), want: NO_KEY },
  {
    name: 'an unknown comparison',
    input: compare({ result: '>=' }),
    want: 'invalid: a comparison is one of = != < >, not >=',
  },
  {
    name: 'a comparison of nothing known',
    input: compare({ target: 'size' }),
    want: 'invalid: there is nothing to compare that is called size',
  },
  {
    name: 'NaN to compare with',
    input: compare({ value: Number.NaN }),
    want: 'invalid: mod is a whole number, not NaN',
  },
  {
    name: 'no revision to compare with',
    input: compare({ value: undefined }),
    want: 'invalid: mod is a whole number, not undefined',
  },
  {
    name: 'text to compare a value with',
    input: compare({ target: 'value', value: 'a' }),
    want: 'invalid: a value is a Uint8Array, not "a"',
  },
  {
    name: 'a lease to compare with that is no number',
    input: compare({ target: 'lease', value: 'a' }),
    want: 'invalid: a lease id is a decimal int64, not "a"',
  },
  {
    name: 'many parts that are too large together',
    input: ops(
      ...Array.from({ length: 100 }, (_, i) => ({
        kind: 'put',
        key: `${i}`,
        value: Buffer.alloc(16_000),
      })),
    ),
    want: TOO_LARGE,
  },
];

describe('the store answers bad input, and changes nothing', () => {
  let store: Store;
  let before: unknown;
  const state = async () => ({
    kvs: (await store.range({ key: '\0', rangeEnd: '\0' })).kvs.map(line),
    status: await store.status(),
    leases: await store.leases(),
    alarms: await store.maintenance.alarms(),
  });
  const answer = async (work: (store: never) => Promise<unknown>) => {
    try {
      // The types are what this is not about.
      await work(store as never);
      return 'no error';
    } catch (error) {
      return StoreError.is(error) ? `${error.code}: ${error.message}` : error;
    }
  };
  type Any = Record<string, (...args: unknown[]) => Promise<unknown>>;
  const call = (name: string, ...args: unknown[]) =>
    answer((any: Any) => (any[name] as Any[string]).apply(store, args));

  beforeAll(async () => {
    store = await openMemoryStore();
    await store.put({ key: 'a', value });
    await store.put({ key: 'a', value });
    await store.compact(2);
    before = await state();
  });

  afterAll(async () => {
    store.check();
    expect(await state()).toEqual(before);
    await store[Symbol.asyncDispose]();
  });

  test.each([...NO_REQUESTS, ...KEYS, ...RANGE_ENDS, ...RANGES])(
    'range(): $name',
    async ({ input, want }) => {
      expect(await call('range', input)).toBe(want);
    },
  );

  test.each([...NOTHING, ...KEYS, ...PUTS])('put(): $name', async ({ input, want }) => {
    expect(await call('put', input)).toBe(want);
  });

  test.each([...NOTHING, ...KEYS, ...RANGE_ENDS])(
    'deleteRange(): $name',
    async ({ input, want }) => {
      expect(await call('deleteRange', input)).toBe(want);
    },
  );

  test.each([...TXNS])('txn(): $name', async ({ input, want }) => {
    expect(await call('txn', input)).toBe(want);
  });

  test.each([
    ...NO_REQUESTS,
    ...KEYS,
    ...RANGE_ENDS,
    number('startRevision', Number.NaN),
    number('startRevision', '2', '"2"'),
    { name: 'a revision that is gone', input: { key: 'a', startRevision: 1 }, want: COMPACTED },
    { name: 'a negative revision', input: { key: 'a', startRevision: -1 }, want: COMPACTED },
  ])('watch(): $name', async ({ input, want }) => {
    const watching = store.watch(input as never, new AbortController().signal);
    expect(await answer(() => watching[Symbol.asyncIterator]().next())).toBe(want);
  });

  test.each([
    ['compact', Number.NaN, 'invalid: revision is a whole number, not NaN'],
    ['compact', '2', 'invalid: revision is a whole number, not "2"'],
    ['compact', undefined, 'invalid: revision is a whole number, not undefined'],
    ['compact', 0, COMPACTED],
    ['compact', -1, COMPACTED],
    ['compact', 2, COMPACTED],
    ['compact', 4, FUTURE],
    ['grantLease', Number.NaN, 'invalid: the time of a lease is a whole number, not NaN'],
    ['grantLease', 1.5, 'invalid: the time of a lease is a whole number, not 1.5'],
    ['grantLease', '10', 'invalid: the time of a lease is a whole number, not "10"'],
    ['grantLease', undefined, 'invalid: the time of a lease is a whole number, not undefined'],
    ['grantLease', 9_000_000_001, 'invalid: etcdserver: too large lease TTL'],
    ['revokeLease', '7', NO_LEASE],
    ['revokeLease', 7, NO_LEASE],
    ['revokeLease', undefined, NO_LEASE],
    ['keepAliveLease', '7', NO_LEASE],
    ['keepAliveLease', null, NO_LEASE],
  ] as const)('%s(%j): %s', async (name, argument, want) => {
    expect(await call(name, argument)).toBe(want);
  });

  test.each([
    ['a number', 7, 'invalid: a lease id is a decimal int64, not 7'],
    ['no number', 'seven', 'invalid: a lease id is a decimal int64, not "seven"'],
    [
      'too large',
      '9223372036854775808',
      'invalid: a lease id is a decimal int64, not "9223372036854775808"',
    ],
  ])('grantLease() with an id that is %s', async (_name, id, want) => {
    expect(await call('grantLease', 10, id)).toBe(want);
  });

  test('leaseTimeToLive() of what is no lease says -1, as etcd does', async () => {
    for (const id of ['7', 'seven', 7, undefined, null]) {
      expect(await store.leaseTimeToLive(id as never)).toEqual({
        ttlSeconds: -1,
        grantedTtlSeconds: 0,
        keys: [],
      });
    }
  });
});

test('a transaction full of deletes and inner transactions is checked in no time', async () => {
  await using store = await openMemoryStore();
  const list = (make: (i: number) => Op) => Array.from({ length: 60 }, (_, i) => make(i));
  // 60 × 60 deletes of ranges, then as many puts beside them: compared one by one that would be 13 million comparisons.
  const deletes = list((i) => ({
    kind: 'txn',
    compare: [],
    success: list((j) => ({ kind: 'delete', key: `a${i}/${j}`, rangeEnd: `a${i}/${j}0` })),
    failure: [],
  }));
  const puts = list((i) => ({
    kind: 'txn',
    compare: [],
    success: list((j) => ({ kind: 'put', key: `b${i}/${j}`, value })),
    failure: [],
  }));
  const request = { compare: [], success: [...deletes, ...puts].slice(0, 68), failure: [] };
  const { responses } = await store.txn(request);
  expect(responses.length).toBe(68);
});

test('lists of 128 and a hundred inner transactions are fine', async () => {
  await using store = await openMemoryStore();
  const { responses } = await store.txn({
    compare: [],
    success: [nested(100, read)],
    failure: Array(28).fill(read),
  });
  expect(responses.length).toBe(1);
  expect(
    (await store.txn({ compare: [], success: Array(128).fill(read), failure: [] })).responses
      .length,
  ).toBe(128);
});

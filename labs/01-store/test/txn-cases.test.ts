// Transactions in their corners: every comparison on both sides, what is returned only when asked for, one revision for all answers.
import { describe, expect, test } from 'vitest';
import type { Compare, CompareResult, Op, OpResponse } from '#src/kv.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { bytes, text } from './support/store-helpers.ts';

const put = (key: string, value = '') => ({ kind: 'put', key, value: bytes(value) }) as const;
const txn = (...success: readonly Op[]) => ({ compare: [], success, failure: [] });

/** a was put at 2 and 3 with lease 5; b at 4, without one. */
async function opened() {
  const store = await openMemoryStore();
  const { id } = await store.grantLease(100, '5');
  await store.put({ key: 'a', value: bytes('k') });
  await store.put({ key: 'a', value: bytes('m'), lease: id });
  await store.put({ key: 'b', value: bytes('m') });
  return store;
}

describe('compare', () => {
  /** What each result says of something smaller, equal and larger. */
  const RESULTS: readonly (readonly [CompareResult, readonly boolean[]])[] = [
    ['=', [false, true, false]],
    ['!=', [true, false, true]],
    ['<', [true, false, false]],
    ['>', [false, false, true]],
  ];
  const around: readonly (readonly [string, (delta: number, result: CompareResult) => Compare])[] =
    [
      ['mod', (delta, result) => ({ key: 'a', target: 'mod', result, value: 3 - delta })],
      ['create', (delta, result) => ({ key: 'a', target: 'create', result, value: 2 - delta })],
      ['version', (delta, result) => ({ key: 'a', target: 'version', result, value: 2 - delta })],
      ['lease', (delta, result) => ({ key: 'a', target: 'lease', result, value: `${5 - delta}` })],
      [
        'value',
        (delta, result) => ({
          key: 'a',
          target: 'value',
          result,
          value: bytes('nml'[delta + 1] ?? ''),
        }),
      ],
      [
        'mod of a key that is not there',
        (delta, result) => ({ key: 'x', target: 'mod', result, value: -delta }),
      ],
      [
        'lease of a key that is not there',
        (delta, result) => ({ key: 'x', target: 'lease', result, value: `${-delta}` }),
      ],
    ];

  test.each(around)('%s that is smaller, equal and larger', async (_name, compareTo) => {
    await using store = await opened();
    for (const [result, want] of RESULTS) {
      const found: boolean[] = [];
      for (const delta of [-1, 0, 1]) {
        const compare = [compareTo(delta, result)];
        found.push((await store.txn({ compare, success: [], failure: [] })).succeeded);
      }
      expect([result, found]).toEqual([result, want]);
    }
  });

  test.each([
    {
      name: 'every key of it',
      compare: { target: 'value', result: '=', value: bytes('m') },
      want: true,
    },
    {
      name: 'not only the first',
      compare: { target: 'version', result: '=', value: 2 },
      want: false,
    },
    {
      name: 'not only the last',
      compare: { target: 'version', result: '=', value: 1 },
      want: false,
    },
  ] as const)('over a range means $name', async ({ compare, want }) => {
    await using store = await opened();
    const { succeeded } = await store.txn({
      compare: [{ key: 'a', rangeEnd: 'c', ...compare }],
      success: [],
      failure: [],
    });
    expect(succeeded).toBe(want);
  });

  test('over a range without keys is over one key that is not there', async () => {
    await using store = await opened();
    const none = { key: 'x', rangeEnd: 'z' };
    const holds = async (compare: Compare) =>
      (await store.txn({ compare: [compare], success: [], failure: [] })).succeeded;
    expect(await holds({ ...none, target: 'mod', result: '=', value: 0 })).toBe(true);
    expect(await holds({ ...none, target: 'mod', result: '>', value: 0 })).toBe(false);
    expect(await holds({ ...none, target: 'value', result: '=', value: bytes('') })).toBe(false);
  });
});

describe('answers', () => {
  test('say what was there only to who asked', async () => {
    await using store = await opened();
    expect(await store.put(put('a'))).toEqual({ revision: 5 });
    expect(await store.put({ ...put('a'), prevKv: true })).toMatchObject({
      revision: 6,
      prevKv: { key: 'a', modRevision: 5 },
    });
    expect(await store.put({ ...put('new'), prevKv: true })).toEqual({ revision: 7 });
    expect(await store.deleteRange({ key: 'b' })).toEqual({ revision: 8, deleted: 1, prevKvs: [] });
  });

  test('all have the revision of the transaction, the inner ones too', async () => {
    await using store = await opened();
    const inner = { kind: 'txn', ...txn(put('i'), { kind: 'range', key: 'a' }) } as const;
    const answer = await store.txn(txn(put('o'), { kind: 'txn', ...txn(inner) }));
    const revisions = (responses: readonly OpResponse[]): number[] =>
      responses.flatMap((r) => [r.revision, ...(r.kind === 'txn' ? revisions(r.responses) : [])]);
    expect(revisions(answer.responses)).toEqual([5, 5, 5, 5, 5]);
    expect(answer.revision).toBe(5);
  });

  test('of one that changes nothing have the revision that there was', async () => {
    await using store = await opened();
    const inner = { kind: 'txn', ...txn({ kind: 'range', key: 'a' }) } as const;
    const { responses } = await store.txn(txn(inner));
    expect(responses).toMatchObject([{ revision: 4, responses: [{ revision: 4 }] }]);
  });
});

describe('put', () => {
  test('keeps value or lease when it shall, and takes what it is given else', async () => {
    await using store = await opened();
    await store.grantLease(100, '6');
    const now = async () => {
      const [kv] = (await store.range({ key: 'a' })).kvs;
      return `${text(kv?.value ?? bytes('?'))} ${kv?.lease}`;
    };
    await store.put({ key: 'a', value: bytes(''), ignoreValue: true, lease: '6' });
    expect(await now()).toBe('m 6');
    await store.put({ key: 'a', value: bytes('n'), ignoreLease: true });
    expect(await now()).toBe('n 6');
    await store.put({ key: 'a', value: bytes(''), ignoreValue: true, ignoreLease: true });
    expect(await now()).toBe('n 6');
    await store.put({ key: 'a', value: bytes('o'), lease: '0' });
    expect(await now()).toBe('o 0');
    expect((await store.leaseTimeToLive('6')).keys).toEqual([]);
  });

  test('with a revision that a range inside would need is checked before anything changes', async () => {
    await using store = await opened();
    const late = { kind: 'txn', ...txn({ kind: 'range', key: 'a', revision: 99 }) } as const;
    await expect(store.txn(txn(put('a'), late))).rejects.toMatchObject({ code: 'future-revision' });
    const noLease = { kind: 'txn', ...txn({ ...put('a'), lease: '7' }) } as const;
    await expect(store.txn(txn(put('b'), noLease))).rejects.toMatchObject({
      code: 'lease-not-found',
    });
    const noKey = { kind: 'txn', ...txn({ ...put('x'), ignoreValue: true }) } as const;
    await expect(store.txn(txn(put('b'), noKey))).rejects.toMatchObject({ code: 'key-not-found' });
    expect((await store.status()).revision).toBe(4);
  });
});

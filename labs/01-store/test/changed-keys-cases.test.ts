// ChangedKeys beside a list of everything that was added, which is slow and obviously right; and WatchGroup by cases.
import { describe, expect, test } from 'vitest';
import { ChangedKeys } from '#src/changed-keys.ts';
import { StoreError } from '#src/kv.ts';
import { WatchGroup } from '#src/watch-group.ts';
import { randomOf, seedOf } from './support/store-helpers.ts';

interface Added {
  readonly puts: string[];
  readonly deletes: (readonly [start: string, end: string])[];
}

const isDeleted = ({ deletes }: Added, key: string) =>
  deletes.some(([start, end]) => key >= start && key < end);
const clashes = (added: Added, key: string) => added.puts.includes(key) || isDeleted(added, key);

const isRefused = (run: () => void): boolean => {
  try {
    run();
    return false;
  } catch (error) {
    if (StoreError.is(error, 'invalid')) return true;
    throw error;
  }
};

describe('ChangedKeys', () => {
  test('refuses a put exactly when a list of all puts and deletes before it would', () => {
    const random = randomOf(seedOf('changed keys'));
    const key = () => String.fromCharCode(97 + random(12));
    for (let round = 0; round < 300; round++) {
      const keys = new ChangedKeys();
      const added: Added = { puts: [], deletes: [] };
      for (let step = 0; step < 12; step++) {
        if (random(2) === 0) {
          const [start, end] = [key(), random(2) === 0 ? key() : ''];
          keys.addDelete({ key: start, rangeEnd: end });
          added.deletes.push([start, end === '' ? `${start}\0` : end]);
        } else {
          const put = key();
          const want = clashes(added, put);
          expect([put, added, isRefused(() => keys.addPut(put))]).toEqual([put, added, want]);
          if (!want) added.puts.push(put);
        }
      }
    }
  });

  test('says why in the words of etcd', () => {
    const keys = new ChangedKeys();
    keys.addPut('a');
    expect(() => keys.addPut('a')).toThrow('etcdserver: duplicate key given in txn request');
  });

  const changed = (puts: readonly string[], deletes: readonly string[] = []) => {
    const keys = new ChangedKeys();
    for (const key of deletes) keys.addDelete({ key });
    for (const key of puts) keys.addPut(key);
    return keys;
  };

  test.each([
    {
      name: 'the same put on both sides',
      success: changed(['a']),
      failure: changed(['a']),
      want: false,
    },
    {
      name: 'a put before, in success',
      before: ['a'],
      success: changed(['a']),
      failure: changed([]),
      want: true,
    },
    {
      name: 'a put before, in failure',
      before: ['a'],
      success: changed([]),
      failure: changed(['a']),
      want: true,
    },
    {
      name: 'a delete inside after a put',
      before: ['a'],
      success: changed([], ['a']),
      failure: changed([]),
      want: false,
    },
  ])(
    'of an inner transaction: $name is refused: $want',
    ({ before = [], success, failure, want }) => {
      const keys = changed(before);
      expect(isRefused(() => keys.addEither(success, failure))).toBe(want);
    },
  );

  test.each([
    { name: 'success', success: changed(['p'], ['d']), failure: changed([]) },
    { name: 'failure', success: changed([]), failure: changed(['p'], ['d']) },
  ])('what $name of an inner transaction changes counts afterwards', ({ success, failure }) => {
    const keys = changed(['x']);
    keys.addEither(success, failure);
    expect(['p', 'd', 'x', 'y'].map((key) => isRefused(() => keys.addPut(key)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test('deletes of inner transactions count in whatever order they come', () => {
    const keys = changed(['x']);
    keys.addEither(changed([], ['f', 'd']), changed([], ['e', 'b']));
    const refused = [...'abcdefg'].filter((key) => isRefused(() => keys.addPut(key)));
    expect(refused.join('')).toBe('bdef');
  });

  test('ranges that touch, overlap, lie in one another and come in any order are one', () => {
    const keys = new ChangedKeys();
    for (const [key, rangeEnd] of [
      ['m', 'p'],
      ['b', 'd'],
      ['d', 'f'],
      ['b', 'c'],
      ['e', 'g'],
      ['z', 'a'],
    ] as const) {
      keys.addDelete({ key, rangeEnd });
    }
    const refused = [...'abcdefghmnopz'].filter((key) => isRefused(() => keys.addPut(key)));
    expect(refused.join('')).toBe('bcdefmno');
  });
});

describe('WatchGroup', () => {
  const watcher = (key: string, rangeEnd?: string) => ({
    request: rangeEnd === undefined ? { key } : { key, rangeEnd },
  });
  const event = (key: string) => ({
    type: 'delete' as const,
    kv: { key, value: Buffer.alloc(0), createRevision: 0, modRevision: 2, version: 0, lease: '0' },
  });
  const heard = (group: WatchGroup<ReturnType<typeof watcher>>, ...keys: readonly string[]) =>
    [...group.concernedBy(keys.map(event))].map(([{ request }, events]) => [
      request.key,
      events.map(({ kv }) => kv.key).join(''),
    ]);

  test('tells each watcher of a key of all its events, and of no others', () => {
    const group = new WatchGroup<ReturnType<typeof watcher>>();
    const [a, alsoA, b, range] = [watcher('a'), watcher('a'), watcher('b'), watcher('r', 'z')];
    for (const one of [a, alsoA, b]) group.add(one);
    expect(heard(group, 'a', 'c', 'a')).toEqual([
      ['a', 'aa'],
      ['a', 'aa'],
    ]);
    group.add(range);
    expect(heard(group, 'b', 'c')).toEqual([
      ['r', 'bc'],
      ['b', 'b'],
    ]);
    expect([...group.all()]).toEqual([range, a, alsoA, b]);
    group.delete(a);
    expect(heard(group, 'a')).toEqual([
      ['r', 'a'],
      ['a', 'a'],
    ]);
  });

  test('is empty when the last one has left, of a key or of a range', () => {
    const group = new WatchGroup<ReturnType<typeof watcher>>();
    const [one, range] = [watcher('a'), watcher('a', 'b')];
    expect(group.isEmpty).toBe(true);
    group.add(one);
    expect(group.isEmpty).toBe(false);
    group.add(range);
    group.delete(one);
    expect([group.isEmpty, heard(group, 'a')]).toEqual([false, [['a', 'a']]]);
    group.delete(range);
    expect([group.isEmpty, heard(group, 'a')]).toEqual([true, []]);
    group.delete(watcher('never there'));
    expect(group.isEmpty).toBe(true);
  });
});

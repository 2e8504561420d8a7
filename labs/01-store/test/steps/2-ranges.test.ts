// Step 2, ranges: which keys a request means, keys in order, reads in the past, and what the store lets be read.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import type { Change } from '#src/change.ts';
import { inRange, prefixEnd } from '#src/key-range.ts';
import { type RangeRequest, type RangeResponse, StoreError } from '#src/kv.ts';
import { assertReadable, Mvcc } from '#src/mvcc.ts';
import { OrderedMap } from '#src/ordered-map.ts';
import { bytes, line, randomOf } from '../support/store-helpers.ts';
import { expectLines, visible } from './support/lines.ts';
import { openSlowStore } from './support/slow-store.ts';

const SEED = Number(process.env.SEED ?? 1);

const put = (key: string, value = '1'): Change => ({
  type: 'put',
  key,
  value: bytes(value),
  lease: '0',
});

/** A state in which each change is a revision of its own, from 2 on. */
function stateOf(...changes: Change[]): Mvcc {
  const mvcc = new Mvcc();
  for (const change of changes) {
    mvcc.stage(change);
    mvcc.commit();
  }
  return mvcc;
}

/** The answer of a range as lines: the key-values, then how many there are. */
function rangeOf(mvcc: Mvcc, request: RangeRequest, revision = mvcc.revision): string[] {
  const { kvs, more, count } = mvcc.range(request, revision);
  return [...kvs.map(line), `count ${count}${more ? ', and there is more' : ''}`];
}

/** A map with these keys; the value of each is its place in the list. */
function mapOf(keys: readonly string[]): OrderedMap<number> {
  const map = new OrderedMap<number>();
  for (const [i, key] of keys.entries()) map.set(key, i);
  return map;
}

function keysOf(map: OrderedMap<number>, start = '', end?: string): string[] {
  const keys: string[] = [];
  map.walk(start, end, (key) => keys.push(key) > 0);
  return keys;
}

/** Compares long lists: a failure shows the first key that is another one, and not thousands. */
function expectKeys(got: readonly string[], want: readonly string[]): void {
  const different = want.findIndex((key, i) => got[i] !== key);
  const same = different === -1 ? want.length : different;
  const told = (keys: readonly string[]) => `${same} keys, then ${keys[same] ?? 'no more'}`;
  expect(told(got)).toBe(told(want));
}

/** 0 … count-1 as keys of equal length, in a random order. */
function shuffled(count: number, random: (below: number) => number): string[] {
  const keys = Array.from({ length: count }, (_, i) => String(i).padStart(5, '0'));
  for (let i = count - 1; i > 0; i--) {
    const j = random(i + 1);
    [keys[i], keys[j]] = [keys[j] as string, keys[i] as string];
  }
  return keys;
}

lesson(
  'All keys with a prefix are one range, which ends at the prefix with its last byte raised by one',
  {
    invariant: 1,
    byHand:
      'etcdctl put /pods/a 1; etcdctl get /pods/ /pods0   # the same as: etcdctl get --prefix /pods/',
    symbols: ['src/key-range.ts#prefixEnd'],
  },
  ({ event }) => {
    const prefixes = ['/pods/', 'a', 'a\xff', 'a\x00', 'ab\xff\xff', '\xff', ''];
    const ends = prefixes.map((prefix) => {
      event(`prefixEnd of ${visible(prefix)}`);
      return `${visible(prefix)} ends at ${visible(prefixEnd(prefix))}`;
    });
    expectLines(ends, [
      '/pods/ ends at /pods0',
      'a ends at b',
      'a\\xff ends at b',
      'a\\x00 ends at a\\x01',
      'ab\\xff\\xff ends at ac',
      '\\xff ends at \\x00',
      '(empty) ends at \\x00',
    ]);
  },
);

lesson(
  'A range is one key, or all keys from `key` up to but not including `rangeEnd`, or with "\\0" up to the last',
  {
    invariant: 1,
    byHand: 'etcdctl get b; etcdctl get b d; etcdctl get b --from-key',
    symbols: ['src/key-range.ts#inRange'],
  },
  ({ event }) => {
    const keys = ['a', 'b', 'ba', 'c', 'd', '\xff\xff'];
    const ranges = [
      { key: 'b' },
      { key: 'b', rangeEnd: '' },
      { key: 'b', rangeEnd: 'd' },
      { key: 'b', rangeEnd: '\0' },
      { key: 'd', rangeEnd: 'b' },
      { key: 'b', rangeEnd: 'b' },
    ];
    const members = ranges.map((range) => {
      const { key, rangeEnd } = range;
      const name =
        rangeEnd === undefined ? visible(key) : `${visible(key)} to ${visible(rangeEnd)}`;
      event(`inRange of each key in ${name}`);
      return `${name}: ${keys
        .filter((k) => inRange(k, range))
        .map(visible)
        .join(' ')}`;
    });
    expectLines(members, [
      'b: b',
      'b to (empty): b',
      'b to d: b ba c',
      'b to \\x00: b ba c d \\xff\\xff',
      'd to b: ',
      'b to b: ',
    ]);
  },
);

lesson(
  'For any prefix of any bytes, the range that prefixEnd makes has exactly the keys that start with it',
  {
    invariant: 1,
    byHand: "etcdctl put $'a\\xff\\x01' 1; etcdctl get --prefix $'a\\xff' --keys-only",
    symbols: ['src/key-range.ts#prefixEnd', 'src/key-range.ts#inRange'],
  },
  ({ event, figure }) => {
    event(`random keys, seed ${SEED}: repeat with another one by SEED=2 in the environment`);
    const random = randomOf(SEED);
    const letters = ['\0', 'a', 'b', '\xfe', '\xff'];
    const randomKey = (length: number) =>
      Array.from({ length }, () => letters[random(letters.length)]).join('');
    let members = 0;
    for (let i = 0; i < 5000; i++) {
      const prefix = randomKey(random(4));
      const key = randomKey(1 + random(5));
      const is = inRange(key, { key: prefix, rangeEnd: prefixEnd(prefix) });
      // The empty prefix means every key, and there is no empty key.
      const want = key.startsWith(prefix);
      expect(`${visible(key)} in ${visible(prefix)}: ${is}`).toBe(
        `${visible(key)} in ${visible(prefix)}: ${want}`,
      );
      if (want) members++;
    }
    figure('keys in the range', members);
  },
);

lesson(
  'A walk visits the keys from start up to but not including end, in order, until the visitor has enough',
  {
    invariant: 2,
    byHand:
      'for k in d a c b; do etcdctl put $k 1; done; etcdctl get b d --keys-only; etcdctl get a z --limit 2',
    symbols: ['src/ordered-map.ts#OrderedMap.walk'],
  },
  ({ event }) => {
    const map = mapOf(['d', 'a', 'c', 'e', 'ca']);
    event('walk from the first to the last');
    expectLines(keysOf(map), ['a', 'c', 'ca', 'd', 'e']);
    event('walk from "c" to "e"');
    expectLines(keysOf(map, 'c', 'e'), ['c', 'ca', 'd']);
    event('walk from "b", which is not there, to "cz", which is not there');
    expectLines(keysOf(map, 'b', 'cz'), ['c', 'ca']);
    event('walk from behind the last, from before the first to the first, and backwards');
    expectLines([...keysOf(map, 'f'), ...keysOf(map, '', 'a'), ...keysOf(map, 'e', 'c')], []);
    event('walk until the visitor has two');
    const pairs: string[] = [];
    map.walk('b', undefined, (key, value) => pairs.push(`${key} → ${value}`) < 2);
    expectLines(pairs, ['c → 2', 'ca → 4']);
    event('walk over an empty map');
    expectLines(keysOf(mapOf([])), []);
  },
);

lesson(
  'A block that grows too long is split, so that no insert ever moves more than one block',
  {
    invariant: 3,
    byHand: 'etcdctl check perf   # a sorted array of all keys would become slower with every put',
    symbols: ['src/ordered-map.ts#OrderedMap.#split', 'src/ordered-map.ts#OrderedMap.walk'],
  },
  ({ event, figure }) => {
    for (const order of ['ascending', 'descending', 'random'] as const) {
      event(`set 5,000 keys in ${order} order (seed ${SEED})`);
      const keys = shuffled(5000, randomOf(SEED));
      if (order !== 'random') keys.sort();
      if (order === 'descending') keys.reverse();
      const map = mapOf(keys);
      event(`check the map after 5,000 keys in ${order} order`);
      map.check();
      expect(map.size).toBe(5000);
      expectKeys(keysOf(map), keys.toSorted());
      expectLines(keysOf(map, '00510', '00515'), ['00510', '00511', '00512', '00513', '00514']);
      expect(map.get('04321')).toBe(keys.indexOf('04321'));
      event('walk over many blocks with a visitor that has enough after three');
      const three: string[] = [];
      map.walk('00002', undefined, (key) => three.push(key) < 3);
      expectLines(three, ['00002', '00003', '00004']);
    }
    figure('keys', 15_000);
  },
);

lesson(
  'A key that is deleted is gone, an empty block goes with it, and delete says whether the key was there',
  {
    invariant: 3,
    byHand: 'etcdctl put a 1; etcdctl del a; etcdctl del a   # 1, then 0',
    symbols: ['src/ordered-map.ts#OrderedMap.delete'],
  },
  ({ event }) => {
    const map = mapOf(['a', 'b', 'c']);
    event('delete b, b again, and x');
    expectLines([map.delete('b'), map.delete('b'), map.delete('x')].map(String), [
      'true',
      'false',
      'false',
    ]);
    expectLines([...keysOf(map), `size ${map.size}`], ['a', 'c', 'size 2']);
    expect(map.get('b')).toBe(undefined);
    event('delete of a map without any key');
    expect(mapOf([]).delete('a')).toBe(false);
    event('delete all of 2,000 keys but the last, in order: the blocks go too');
    const many = mapOf(shuffled(2000, randomOf(SEED)));
    for (let i = 0; i < 1999; i++) many.delete(String(i).padStart(5, '0'));
    many.check();
    expectLines(keysOf(many), ['01999']);
    event('delete the last one, then set a key again');
    many.delete('01999');
    many.check();
    many.set('a', 1);
    expectLines([...keysOf(many), `size ${many.size}`], ['a', 'size 1']);
  },
);

lesson(
  'After 20,000 random changes the map answers like a plain one that is sorted when asked',
  {
    invariant: 3,
    byHand:
      'etcdctl get "" --prefix --keys-only | grep -a . | LC_ALL=C sort -c   # says nothing: it is sorted',
    symbols: ['src/ordered-map.ts#OrderedMap.delete', 'src/ordered-map.ts#OrderedMap.#split'],
  },
  ({ event, figure }) => {
    event(`random changes, seed ${SEED}: repeat with another one by SEED=2 in the environment`);
    const random = randomOf(SEED);
    const map = new OrderedMap<number>();
    const plain = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const key = String(random(3000));
      if (random(3) === 0) {
        const want = plain.delete(key);
        expect(`delete ${key}: ${map.delete(key)}`).toBe(`delete ${key}: ${want}`);
      } else {
        map.set(key, i);
        plain.set(key, i);
      }
    }
    map.check();
    const sorted = [...plain.keys()].sort();
    expectKeys(keysOf(map), sorted);
    expectKeys(
      keysOf(map, '15', '27'),
      sorted.filter((key) => key >= '15' && key < '27'),
    );
    figure('keys left', map.size);
  },
);

lesson(
  'A range over the state finds the keys that live, in the order of their bytes',
  {
    invariant: 2,
    byHand: 'etcdctl put b 1; etcdctl put a 1; etcdctl put Z 1; etcdctl get "" --prefix',
    symbols: ['src/mvcc.ts#Mvcc.range', 'src/mvcc.ts#Mvcc.#walk'],
  },
  ({ event }) => {
    const mvcc = stateOf(put('b'), put('a'), put('Z'), put('a/1'), put('\x80'));
    event('delete b at revision 7');
    mvcc.stage({ type: 'delete', key: 'b' });
    mvcc.commit();
    const [Z, a, a1, high] = ['Z=1 4/4/1', 'a=1 3/3/1', 'a/1=1 5/5/1', '\x80=1 6/6/1'];
    event('range of everything');
    expectLines(rangeOf(mvcc, { key: '\0', rangeEnd: '\0' }), [Z, a, a1, high, 'count 4']);
    event('range of the prefix "a"');
    expectLines(rangeOf(mvcc, { key: 'a', rangeEnd: prefixEnd('a') }), [a, a1, 'count 2']);
    event('range from "a/" to the last key');
    expectLines(rangeOf(mvcc, { key: 'a/', rangeEnd: '\0' }), [a1, high, 'count 2']);
    event('range of one key: "a", with and without an empty rangeEnd; "b", which is dead; "x"');
    expectLines(rangeOf(mvcc, { key: 'a' }), [a, 'count 1']);
    expectLines(rangeOf(mvcc, { key: 'a', rangeEnd: '' }), [a, 'count 1']);
    expectLines(rangeOf(mvcc, { key: 'b' }), ['count 0']);
    expectLines(rangeOf(mvcc, { key: 'x' }), ['count 0']);
  },
);

lesson(
  'A limit cuts the answer and never the count, and `more` says that something was cut off',
  {
    invariant: 4,
    byHand: 'for k in a b c; do etcdctl put $k 1; done; etcdctl get a z --limit 2 -w fields',
    symbols: ['src/mvcc.ts#Mvcc.range'],
  },
  ({ event }) => {
    const mvcc = stateOf(put('a'), put('b'), put('c'));
    const all = { key: 'a', rangeEnd: 'z' };
    const [a, b, c] = ['a=1 2/2/1', 'b=1 3/3/1', 'c=1 4/4/1'];
    event('limit 2 of 3');
    expectLines(rangeOf(mvcc, { ...all, limit: 2 }), [a, b, 'count 3, and there is more']);
    event('limit 3 of 3');
    expectLines(rangeOf(mvcc, { ...all, limit: 3 }), [a, b, c, 'count 3']);
    event('limit 0 and limit -1, which are none');
    expectLines(rangeOf(mvcc, { ...all, limit: 0 }), [a, b, c, 'count 3']);
    expectLines(rangeOf(mvcc, { ...all, limit: -1 }), [a, b, c, 'count 3']);
    event('countOnly, with and without a limit');
    expectLines(rangeOf(mvcc, { ...all, countOnly: true }), ['count 3']);
    expectLines(rangeOf(mvcc, { ...all, countOnly: true, limit: 1 }), ['count 3']);
  },
);

lesson(
  'keysOnly leaves the values out of the answer, and in the store',
  {
    invariant: 5,
    byHand: 'etcdctl put a 1; etcdctl get a --keys-only; etcdctl get a',
    symbols: ['src/mvcc.ts#Mvcc.range'],
  },
  ({ event }) => {
    const mvcc = stateOf(put('a', 'one'), put('b', 'two'));
    const all = { key: 'a', rangeEnd: 'z' };
    event('range with keysOnly');
    expectLines(rangeOf(mvcc, { ...all, keysOnly: true }), ['a= 2/2/1', 'b= 3/3/1', 'count 2']);
    event('the same range without it');
    expectLines(rangeOf(mvcc, all), ['a=one 2/2/1', 'b=two 3/3/1', 'count 2']);
  },
);

lesson(
  'A range at an older revision answers as it would have then, deleted keys included',
  {
    invariant: 5,
    byHand:
      'etcdctl put a 1; etcdctl del a; etcdctl get a --rev=REVISION   # the one before the delete',
    symbols: ['src/mvcc.ts#Mvcc.range', 'src/mvcc.ts#Mvcc.#walk'],
  },
  ({ event }) => {
    const mvcc = stateOf(
      put('a', '1'),
      put('b', '1'),
      put('a', '2'),
      { type: 'delete', key: 'b' },
      put('c', '1'),
      put('b', '2'),
    );
    const past = [1, 2, 3, 4, 5, 6, 7].map((revision) => {
      event(`range of everything at ${revision}`);
      return `at ${revision}: ${rangeOf(mvcc, { key: 'a', rangeEnd: 'z' }, revision).join(', ')}`;
    });
    expectLines(past, [
      'at 1: count 0',
      'at 2: a=1 2/2/1, count 1',
      'at 3: a=1 2/2/1, b=1 3/3/1, count 2',
      'at 4: a=2 2/4/2, b=1 3/3/1, count 2',
      'at 5: a=2 2/4/2, count 1',
      'at 6: a=2 2/4/2, c=1 6/6/1, count 2',
      'at 7: a=2 2/4/2, b=2 7/7/1, c=1 6/6/1, count 3',
    ]);
    mvcc.check();
  },
);

lesson(
  'What can be read goes from the last compaction to the newest durable revision, both included',
  {
    invariant: 6,
    byHand: 'etcdctl compaction REVISION; etcdctl get a --rev=1; etcdctl get a --rev=99999',
    symbols: ['src/mvcc.ts#assertReadable'],
  },
  ({ event }) => {
    /** A state that was compacted at 5 and is durable up to 8, while 10 is on its way to the disk. */
    class Between extends Mvcc {
      override get compactRevision(): number {
        return 5;
      }
      override get durableRevision(): number {
        return 8;
      }
      override get revision(): number {
        return 10;
      }
    }
    const answers = [1, 4, 5, 6, 8, 9, 10, 11].map((revision) => {
      event(`assertReadable of ${revision}, compacted at 5, durable up to 8`);
      try {
        assertReadable(new Between(), revision);
        return `${revision}: can be read`;
      } catch (error) {
        if (!StoreError.is(error)) throw error;
        return `${revision}: ${error.code}, ${error.message}`;
      }
    });
    const compacted = 'compacted, etcdserver: mvcc: required revision has been compacted';
    const future = 'future-revision, etcdserver: mvcc: required revision is a future revision';
    expectLines(answers, [
      `1: ${compacted}`,
      `4: ${compacted}`,
      '5: can be read',
      '6: can be read',
      '8: can be read',
      `9: ${future}`,
      `10: ${future}`,
      `11: ${future}`,
    ]);
  },
);

lesson(
  'Who asks the store sees what is durable, and is told the newest durable revision, whichever one he reads',
  {
    invariant: 6,
    byHand: 'etcdctl put a 1; etcdctl put a 2; etcdctl get a --rev=2 -w fields   # "Revision" : 3',
    symbols: ['src/store.ts#Store.range', 'src/mvcc.ts#assertReadable'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, mvcc } = slow;
    for (const change of [put('a', 'one'), put('b'), put('a', 'two')]) {
      mvcc.stage(change);
      mvcc.commit();
    }
    event('a=one at 2 and b=1 at 3 are durable; a=two at 4 is on its way to the disk');
    mvcc.markDurable(3);
    const all = { key: 'a', rangeEnd: 'z' };
    const answers: string[] = [];
    for (const revision of [0, -1, 2, 3, 4]) {
      event(`range of everything at revision ${revision}`);
      answers.push(`at ${revision}: ${await answerOf(store.range({ ...all, revision }))}`);
    }
    expectLines(answers, [
      'at 0: revision 3, a=one 2/2/1, b=1 3/3/1, count 2',
      'at -1: revision 3, a=one 2/2/1, b=1 3/3/1, count 2',
      'at 2: revision 3, a=one 2/2/1, count 1',
      'at 3: revision 3, a=one 2/2/1, b=1 3/3/1, count 2',
      'at 4: future-revision',
    ]);
    event('range without a revision, the newest first, one at most');
    const sort = { target: 'mod', order: 'descend' } as const;
    expect(await answerOf(store.range({ ...all, sort, limit: 1 }))).toBe(
      'revision 3, b=1 3/3/1, count 2',
    );
    event('range without a key');
    expect(await answerOf(store.range({ key: '' }))).toBe('invalid');
    event('close the store, then ask');
    await store[Symbol.asyncDispose]();
    expect(await answerOf(store.range(all))).toBe('unavailable');
  },
);

/** What the store answered, as one line, or the code of its error. */
function answerOf(answer: Promise<RangeResponse>): Promise<string> {
  return answer.then(
    ({ revision, kvs, count }) =>
      [`revision ${revision}`, ...kvs.map(line), `count ${count}`].join(', '),
    (error: unknown) => {
      if (!StoreError.is(error)) throw error;
      return error.code;
    },
  );
}

// Step 1, revisions and history: the lives of one key, and how changes become a revision.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import type { Change } from '#src/change.ts';
import { KeyIndex } from '#src/key-index.ts';
import { Mvcc } from '#src/mvcc.ts';
import { exampleKey, lives, version } from '../support/key-lives.ts';
import { bytes, eventLine, line, randomOf } from '../support/store-helpers.ts';
import { expectLines } from './support/lines.ts';

const SEED = Number(process.env.SEED ?? 1);
const NO_BYTES = bytes('');

const put = (key: string, value: string, lease = '0'): Change => ({
  type: 'put',
  key,
  value: bytes(value),
  lease,
});
const del = (key: string): Change => ({ type: 'delete', key });

/** Stages the changes, commits them, and says what came out, one line an event. */
function commit(mvcc: Mvcc, ...changes: Change[]): string[] {
  for (const change of changes) mvcc.stage(change);
  return mvcc.commit().map(eventLine);
}

/** What a reader of `key` sees at each of the revisions. */
function readings(mvcc: Mvcc, key: string, revisions: readonly number[]): string[] {
  return revisions.map((revision) => {
    const kv = mvcc.get(key, revision);
    return `at ${revision}: ${kv === undefined ? 'nothing' : line(kv)}`;
  });
}

lesson(
  'A put adds a version to the life of its key and leaves the older ones as they are',
  {
    invariant: 2,
    byHand: 'etcdctl put a 1; etcdctl put a 2; etcdctl get a -w fields',
    symbols: ['src/key-index.ts#KeyIndex.put'],
  },
  ({ event }) => {
    const index = new KeyIndex();
    event('put at revision 2');
    index.put(version(2));
    event('put at revision 4');
    index.put(version(4));
    expect(lives(index)).toBe('{ 2 4 }');
  },
);

lesson(
  'A delete ends the life of a key with a tombstone, and the next put begins a new life',
  {
    invariant: 3,
    byHand: 'etcdctl put a 1; etcdctl del a; etcdctl put a 2; etcdctl get a -w fields',
    symbols: ['src/key-index.ts#KeyIndex.tombstone', 'src/key-index.ts#KeyIndex.put'],
  },
  ({ event }) => {
    event('put at 2, put at 4, delete at 6, put at 7, put at 9');
    expect(lives(exampleKey())).toBe('{ 2 4 6 } { 7 9 }');
  },
);

lesson(
  'Only a key that lives can be deleted: a tombstone on anything else is a fault of the caller and throws',
  {
    invariant: 3,
    byHand:
      'etcdctl del nobody; etcdctl get nobody -w fields   # "0" deleted, and the revision stays',
    symbols: ['src/key-index.ts#KeyIndex.tombstone'],
  },
  ({ event }) => {
    const index = new KeyIndex();
    event('tombstone at 2 of a key that never was');
    expect(() => index.tombstone(2)).toThrow();
    index.put(version(3));
    index.tombstone(4);
    event('a second tombstone, at 5');
    expect(() => index.tombstone(5)).toThrow();
    expect(lives(index)).toBe('{ 3 4 }');
  },
);

lesson(
  'A reader at a revision sees the newest version that is not younger, and nothing while the key is dead',
  {
    invariant: 4,
    byHand:
      'etcdctl put a 1; etcdctl del a; etcdctl get a --rev=REVISION   # for each revision, 2, 3, …',
    symbols: ['src/key-index.ts#KeyIndex.get', 'src/key-index.ts#lastAtOrBefore'],
  },
  ({ event }) => {
    const index = exampleKey();
    event('get at each revision from 1 to 10 of { 2 4 6 } { 7 9 }');
    const seen = Array.from({ length: 10 }, (_, i) => i + 1).map(
      (revision) => `at ${revision}: ${index.get(revision)?.modRevision ?? 'nothing'}`,
    );
    expectLines(seen, [
      'at 1: nothing',
      'at 2: 2',
      'at 3: 2',
      'at 4: 4',
      'at 5: 4',
      'at 6: nothing',
      'at 7: 7',
      'at 8: 7',
      'at 9: 9',
      'at 10: 9',
    ]);
  },
);

lesson(
  'Finding a version is a binary search: among 100,000 versions a reader looks at fewer than 60',
  {
    invariant: 4,
    byHand:
      'for i in $(seq 1000); do etcdctl put a $i >/dev/null; done; time etcdctl get a --rev=500',
    symbols: ['src/key-index.ts#lastAtOrBefore'],
  },
  ({ event, figure }) => {
    const index = new KeyIndex();
    let looks = 0;
    /** A version that notices when somebody looks at its revision. */
    class Watched {
      readonly key = 'a';
      readonly value = NO_BYTES;
      readonly createRevision = 2;
      readonly version = 1;
      readonly lease = '0';
      readonly #modRevision: number;
      constructor(modRevision: number) {
        this.#modRevision = modRevision;
      }
      get modRevision(): number {
        looks++;
        return this.#modRevision;
      }
    }
    for (let revision = 2; revision < 100_002; revision++) index.put(new Watched(revision));
    const random = randomOf(SEED);
    let looksMax = 0;
    for (let i = 0; i < 100; i++) {
      const revision = 2 + random(100_000);
      event(`get at ${revision}`);
      looks = 0;
      const found = index.get(revision);
      looksMax = Math.max(looksMax, looks);
      expect(found?.modRevision).toBe(revision);
    }
    figure('looks at most', looksMax);
    expect(looksMax).toBeLessThan(60);
  },
);

lesson(
  'The last put or tombstone of a key can be taken back, again and again, until the key was never there',
  {
    invariant: 6,
    byHand: 'etcdctl alarm list   # NOSPACE: the disk refused a write, and the store took it back',
    symbols: ['src/key-index.ts#KeyIndex.undo'],
  },
  ({ event }) => {
    const index = exampleKey();
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      event(`undo number ${i + 1}`);
      index.undo();
      seen.push(lives(index));
    }
    expectLines(seen, ['{ 2 4 6 } { 7 }', '{ 2 4 6 }', '{ 2 4 }', '{ 2 }', '']);
    expect(index.isEmpty).toBe(true);
    event('undo of nothing');
    expect(() => index.undo()).toThrow();
  },
);

lesson(
  'All changes that are staged become one revision with commit, in the order in which they came',
  {
    invariant: 1,
    byHand:
      "printf '\\nput b 1\\nput a 1\\n\\n\\n' | etcdctl txn; etcdctl watch --prefix '' --rev=2 -w json",
    symbols: ['src/mvcc.ts#Mvcc.stage', 'src/mvcc.ts#Mvcc.commit', 'src/mvcc.ts#nextVersion'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('stage put b=1, put a=1; commit');
    expectLines(commit(mvcc, put('b', '1'), put('a', '1')), ['b=1 2/2/1', 'a=1 2/2/1']);
    expect(mvcc.revision).toBe(2);
    event('stage put c=1; commit');
    expectLines(commit(mvcc, put('c', '1')), ['c=1 3/3/1']);
    expect(mvcc.revision).toBe(3);
    event('eventsAt 2 and 3');
    expectLines(mvcc.eventsAt(2).map(eventLine), ['b=1 2/2/1', 'a=1 2/2/1']);
    expectLines(mvcc.eventsAt(3).map(eventLine), ['c=1 3/3/1']);
  },
);

lesson(
  'A commit of nothing takes no revision, and what it returned stays empty',
  {
    invariant: 1,
    byHand:
      'etcdctl del nobody -w fields; etcdctl del nobody -w fields   # the same "Revision" twice',
    symbols: ['src/mvcc.ts#Mvcc.commit'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('commit without a change');
    const nothing = mvcc.commit();
    expect(mvcc.revision).toBe(1);
    event('stage put a=1; commit');
    expectLines(commit(mvcc, put('a', '1')), ['a=1 2/2/1']);
    expectLines(nothing.map(eventLine), []);
    event('commit again without a change');
    expectLines(mvcc.commit().map(eventLine), []);
    expect(mvcc.revision).toBe(2);
    expectLines(mvcc.eventsAt(2).map(eventLine), ['a=1 2/2/1']);
  },
);

lesson(
  'createRevision stays as long as the key lives, modRevision moves, version counts from 1 in each life',
  {
    invariant: 3,
    byHand:
      'etcdctl put a 1; etcdctl put a 2; etcdctl del a; etcdctl put a 3; etcdctl get a -w fields',
    symbols: ['src/mvcc.ts#nextVersion', 'src/mvcc.ts#Mvcc.stage'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('put a=1, put a=2, put b=1, put a=3, delete a, put a=4: each a revision of its own');
    const told = [
      put('a', '1'),
      put('a', '2'),
      put('b', '1'),
      put('a', '3'),
      del('a'),
      put('a', '4'),
    ].flatMap((change) => commit(mvcc, change));
    expectLines(
      told.map((text) => text.replace(/ was .*/, '')),
      ['a=1 2/2/1', 'a=2 2/3/2', 'b=1 4/4/1', 'a=3 2/5/3', 'a deleted at 6', 'a=4 7/7/1'],
    );
    expectLines(readings(mvcc, 'a', [1, 2, 4, 5, 6, 7]), [
      'at 1: nothing',
      'at 2: a=1 2/2/1',
      'at 4: a=2 2/3/2',
      'at 5: a=3 2/5/3',
      'at 6: nothing',
      'at 7: a=4 7/7/1',
    ]);
  },
);

lesson(
  'A version has the lease that its own put named, whatever the version before had',
  {
    invariant: 2,
    byHand:
      'etcdctl lease grant 600; etcdctl put a 1 --lease=ID; etcdctl put a 2; etcdctl get a -w fields',
    symbols: ['src/mvcc.ts#nextVersion'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('put a with lease 7, then without, which is lease 0');
    commit(mvcc, put('a', '1', '7'));
    commit(mvcc, put('a', '2'));
    const leases = [2, 3].map(
      (revision) => `at ${revision}: lease ${mvcc.get('a', revision)?.lease}`,
    );
    expectLines(leases, ['at 2: lease 7', 'at 3: lease 0']);
  },
);

lesson(
  'An event carries the version that it replaced: what a watcher gets as prev_kv',
  {
    invariant: 5,
    byHand: 'etcdctl put a 1; etcdctl put a 2; etcdctl del a; etcdctl watch a --rev=2 --prev-kv',
    symbols: ['src/mvcc.ts#Mvcc.stage'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('put a=1, put a=2, delete a, put a=3: each a revision of its own');
    const told = [put('a', '1'), put('a', '2'), del('a'), put('a', '3')].flatMap((change) =>
      commit(mvcc, change),
    );
    expectLines(told, [
      'a=1 2/2/1',
      'a=2 2/3/2 was a=1 2/2/1',
      'a deleted at 4 was a=2 2/3/2',
      'a=3 5/5/1',
    ]);
    event('the properties of the first event, which replaced nothing, and of the second');
    const properties = [2, 3].map((revision) => {
      const [first = {}] = mvcc.eventsAt(revision);
      return `at ${revision}: ${Object.keys(first).sort().join(', ')}`;
    });
    expectLines(properties, ['at 2: kv, type', 'at 3: kv, prevKv, type']);
  },
);

lesson(
  'A staged change is seen one above the revision, and by nobody below; a key is put once in a revision',
  {
    invariant: 5,
    byHand:
      "printf '\\nput a 1\\nput a 2\\n\\n\\n' | etcdctl txn   # duplicate key given in txn request",
    symbols: ['src/mvcc.ts#Mvcc.stage'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    commit(mvcc, put('a', '1'));
    event('stage put a=2 at revision 2, without a commit');
    mvcc.stage(put('a', '2'));
    expect(mvcc.revision).toBe(2);
    expectLines(readings(mvcc, 'a', [2, 3]), ['at 2: a=1 2/2/1', 'at 3: a=2 2/3/2']);
    event('stage a second put of a, which must throw and change nothing');
    expect(() => mvcc.stage(put('a', '3'))).toThrow();
    expectLines(mvcc.commit().map(eventLine), ['a=2 2/3/2 was a=1 2/2/1']);
    expectLines(readings(mvcc, 'a', [2, 3]), ['at 2: a=1 2/2/1', 'at 3: a=2 2/3/2']);
  },
);

lesson(
  'After 400 random revisions every key can be read at every one of them',
  {
    invariant: 2,
    byHand: 'etcdctl get "" --prefix --rev=REVISION   # any revision since the last compaction',
    symbols: ['src/key-index.ts#KeyIndex.get', 'src/mvcc.ts#Mvcc.stage'],
  },
  ({ event, figure }) => {
    event(`random changes, seed ${SEED}: repeat with another one by SEED=2 in the environment`);
    const random = randomOf(SEED);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const mvcc = new Mvcc();
    // A copy of everything at every revision: slow, large, and obviously right.
    const copies: Map<string, string>[] = [new Map(), new Map()];
    for (let revision = 2; revision < 402; revision++) {
      const copy = new Map(copies[revision - 1]);
      const count = 1 + random(keys.length);
      for (const key of keys.slice(0, count)) {
        const dies = copy.has(key) && random(3) === 0;
        mvcc.stage(dies ? del(key) : put(key, `${revision}`));
        if (dies) copy.delete(key);
        else copy.set(key, `${revision}`);
      }
      mvcc.commit();
      copies.push(copy);
    }
    let reads = 0;
    for (const [revision, copy] of copies.entries()) {
      const seen = keys.map((key) => {
        const kv = mvcc.get(key, revision);
        return `${key}=${kv === undefined ? '-' : Buffer.from(kv.value).toString()}`;
      });
      const want = keys.map((key) => `${key}=${copy.get(key) ?? '-'}`);
      expect(`at ${revision}: ${seen.join(' ')}`).toBe(`at ${revision}: ${want.join(' ')}`);
      reads += keys.length;
    }
    figure('reads', reads);
  },
);

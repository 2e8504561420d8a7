// Step 6, compaction: what nobody can read any more goes, and nothing else.
import { AssertionError } from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lesson } from '@kube-labs/docs/lesson';
import { expect, vi } from 'vitest';
import type { Change } from '#src/change.ts';
import { KeyIndex } from '#src/key-index.ts';
import { type Op, StoreError } from '#src/kv.ts';
import { Mvcc } from '#src/mvcc.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { exampleKey, lives, version } from '../support/key-lives.ts';
import { Model } from '../support/model.ts';
import { bytes, eventLine, line, randomOf, take } from '../support/store-helpers.ts';
import { openSlowStore } from './support/slow-store.ts';

const everything = { key: '\0', rangeEnd: '\0' };

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

const put = (key: string, value: string): Change => ({
  type: 'put',
  key,
  value: bytes(value),
  lease: '0',
});

/** One durable revision with these changes. */
function write(mvcc: Mvcc, ...changes: Change[]): void {
  for (const change of changes) mvcc.stage(change);
  mvcc.commit();
  mvcc.markDurable(mvcc.revision);
}

const rangeAt = (mvcc: Mvcc, revision: number) => mvcc.range(everything, revision).kvs.map(line);

lesson(
  'Of one key, the newest version at the compacted revision stays: a reader there still needs it',
  {
    invariant: 1,
    byHand: 'etcdctl compaction 5; etcdctl get k --rev 5',
    symbols: ['src/key-index.ts#KeyIndex.compact'],
  },
  ({ event }) => {
    for (const [revision, left] of [
      [1, '{ 2 4 6 } { 7 9 }'],
      [2, '{ 2 4 6 } { 7 9 }'],
      [3, '{ 2 4 6 } { 7 9 }'],
      [4, '{ 4 6 } { 7 9 }'],
      [5, '{ 4 6 } { 7 9 }'],
    ] as const) {
      const index = exampleKey();
      event(`put 2, put 4, delete 6, put 7, put 9; compact(${revision})`);
      index.compact(revision);
      expect({ revision, left: lives(index) }).toEqual({ revision, left });
      expect(index.get(revision)?.modRevision).toBe(exampleKey().get(revision)?.modRevision);
    }
  },
);

lesson(
  'A life of the key that has ended by then goes as a whole, and its tombstone with it',
  {
    invariant: 3,
    byHand: 'etcdctl del k; etcdctl compaction 6; etcdctl get k --rev 6',
    symbols: ['src/key-index.ts#KeyIndex.compact'],
  },
  ({ event }) => {
    for (const [revision, left] of [
      [6, '{ 7 9 }'],
      [7, '{ 7 9 }'],
      [8, '{ 7 9 }'],
      [9, '{ 9 }'],
      [20, '{ 9 }'],
    ] as const) {
      const index = exampleKey();
      event(`put 2, put 4, delete 6, put 7, put 9; compact(${revision})`);
      index.compact(revision);
      expect({ revision, left: lives(index) }).toEqual({ revision, left });
    }
    const dead = exampleKey();
    dead.tombstone(10);
    dead.put(version(12));
    dead.tombstone(15);
    event('two more lives, which end at 10 and 15; compact(15): the key is forgotten');
    dead.compact(15);
    expect({ left: lives(dead), isEmpty: dead.isEmpty }).toEqual({ left: '', isEmpty: true });
  },
);

lesson(
  'KeyIndex.compact() returns every version that it dropped, so that somebody can count the bytes',
  {
    invariant: 3,
    byHand: 'etcdctl endpoint status --write-out=json',
    symbols: ['src/key-index.ts#KeyIndex.compact'],
  },
  ({ event }) => {
    const droppedAt = (revision: number) =>
      exampleKey()
        .compact(revision)
        .map(({ modRevision }) => modRevision);
    event('put 2, put 4, delete 6, put 7, put 9; compact() at 3, 4, 6, 9');
    expect({ 3: droppedAt(3), 4: droppedAt(4), 6: droppedAt(6), 9: droppedAt(9) }).toEqual({
      3: [],
      4: [2],
      6: [2, 4],
      9: [2, 4, 7],
    });
  },
);

lesson(
  'After compact(r) every read at r or later answers as before, and the bytes of the rest are free',
  {
    invariant: 1,
    byHand: 'etcdctl get --prefix "" --rev 5',
    symbols: ['src/mvcc.ts#Mvcc.compact', 'src/mvcc.ts#Mvcc.#sweep'],
  },
  ({ event, figure }) => {
    const mvcc = new Mvcc();
    write(mvcc, put('a', 'one'), put('b', 'never changes')); // 2
    write(mvcc, put('a', 'two!')); // 3
    write(mvcc, { type: 'delete', key: 'a' }, put('c', 'new')); // 4
    write(mvcc, put('a', 'again')); // 5
    write(mvcc, put('c', 'newer')); // 6
    const before = [4, 5, 6].map((revision) => rangeAt(mvcc, revision));
    const { sizeBytes } = mvcc;
    event('compact(4)');
    mvcc.compact(4);
    expect([4, 5, 6].map((revision) => rangeAt(mvcc, revision))).toEqual(before);
    expect(mvcc.compactRevision).toBe(4);
    // a=one and a=two!, each with the one byte of its key.
    expect({ 'bytes freed': sizeBytes - mvcc.sizeBytes }).toEqual({ 'bytes freed': 9 });
    mvcc.check();
    event('compact(6)');
    mvcc.compact(6);
    expect(rangeAt(mvcc, 6)).toEqual(before[2]);
    mvcc.check();
    figure('bytes freed', sizeBytes - mvcc.sizeBytes);
  },
);

lesson(
  'A deleted key leaves nothing behind once its deletion is compacted',
  {
    invariant: 3,
    byHand: 'etcdctl del --prefix ""; etcdctl compaction REV; etcdctl endpoint status',
    symbols: ['src/mvcc.ts#Mvcc.#compactKey'],
  },
  ({ event, figure }) => {
    const mvcc = new Mvcc();
    for (let i = 0; i < 100; i++) write(mvcc, put(`pods/${i}`, 'running'));
    for (let i = 0; i < 100; i++) write(mvcc, { type: 'delete', key: `pods/${i}` });
    event('100 keys were put, then deleted; compact() at the last revision');
    mvcc.compact(mvcc.revision);
    expect({ sizeBytes: mvcc.sizeBytes }).toEqual({ sizeBytes: 0 });
    // check() also finds a key that is still in the index without any version.
    mvcc.check();
    figure('keys forgotten', 100);
  },
);

lesson(
  'A watch may still start at the compacted revision itself, and not before it',
  {
    invariant: 2,
    byHand: 'etcdctl watch --prefix "" --rev 4',
    symbols: ['src/mvcc.ts#Mvcc.#sweep'],
  },
  async ({ event }) => {
    await using store = await openMemoryStore();
    const put = (key: string, value: string) =>
      ({ kind: 'put', key, value: bytes(value) }) as const;
    const write = (...success: Op[]) => store.txn({ compare: [], success, failure: [] });
    await write(put('a', 'one')); // 2
    await write(put('b', 'x')); // 3
    const inner = (op: Op): Op => ({ kind: 'txn', compare: [], success: [op], failure: [] });
    const deleteOf = (key: string): Op => ({ kind: 'delete', key });
    // Two inner transactions may put and delete one key.
    await write(put('a', 'two'), deleteOf('b'), inner(put('c', 'brief')), inner(deleteOf('c'))); // 4
    await write(put('a', 'three')); // 5
    event('put a, put b, then in one: put a, delete b, put c, delete c; put a: revisions 2 to 5');
    event('compact(4), then watch from 4');
    await store.compact(4);
    const batches = await take(store, { ...everything, startRevision: 4, prevKv: true }, 4);
    // What the events of revision 4 replaced is gone, so they come without prevKv; that of 5 has it.
    expect(batches.map(({ events }) => events.map(eventLine))).toEqual([
      ['a=two 2/4/2', 'b deleted at 4', 'c deleted at 4'],
      ['a=three 2/5/3 was a=two 2/4/2'],
    ]);
    expect(await codeOf(take(store, { ...everything, startRevision: 3 }, 1))).toBe('compacted');
    expect(await codeOf(store.range({ key: 'a', revision: 3 }))).toBe('compacted');
    expect((await store.range({ key: 'a', revision: 4 })).kvs.map(line)).toEqual(['a=two 2/4/2']);
  },
);

lesson(
  'A compaction goes forward only, and never past what there is',
  {
    invariant: 4,
    byHand: 'etcdctl compaction 4; etcdctl compaction 4; etcdctl compaction 99',
    symbols: ['src/store.ts#Store.compact', 'src/mvcc.ts#Mvcc.compact'],
  },
  async ({ event }) => {
    await using store = await openMemoryStore();
    for (let i = 0; i < 5; i++) await store.put({ key: 'a', value: bytes(`${i}`) });
    event('revision 6; compact(7)');
    expect(await codeOf(store.compact(7))).toBe('future-revision');
    event('compact(4), then compact(4) and compact(3) again');
    await store.compact(4);
    expect([await codeOf(store.compact(4)), await codeOf(store.compact(3))]).toEqual([
      'compacted',
      'compacted',
    ]);
    expect((await store.status()).compactRevision).toBe(4);
    event('compact(6), the newest revision');
    await store.compact(6);
    expect((await store.range(everything)).kvs.map(line)).toEqual(['a=4 2/6/5']);
    store.check();
    event('compact(6.5)');
    expect(await codeOf(store.compact(6.5))).toBe('invalid');
    event('compact() when the store is closed');
    await store[Symbol.asyncDispose]();
    expect(await codeOf(store.compact(6))).toBe('unavailable');
    event('without asking the store: the state at revision 3, its compact() at 2, then at 2 and 4');
    const mvcc = new Mvcc();
    for (const value of ['one', 'two']) write(mvcc, put('a', value));
    mvcc.compact(2);
    const isRefused = (revision: number) => {
      try {
        mvcc.compact(revision);
        return false;
      } catch (error) {
        if (error instanceof AssertionError) return true;
        throw error;
      }
    };
    expect({ 'at 2 again': isRefused(2), 'at 4': isRefused(4) }).toEqual({
      'at 2 again': true,
      'at 4': true,
    });
  },
);

lesson(
  'A compaction is a write: it happens when it is in the log, and not at all when the disk refuses',
  {
    invariant: 5,
    byHand: 'etcdctl compaction 4; etcdctl get a --rev 3',
    symbols: ['src/store.ts#Store.compact'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal, settled } = slow;
    for (let i = 0; i < 5; i++) await settled(store.put({ key: 'a', value: bytes(`${i}`) }));
    event('compact(4), and the disk has not answered yet');
    const compacting = codeOf(store.compact(4));
    expect((await store.range({ key: 'a', revision: 3 })).kvs.map(line)).toEqual(['a=1 2/3/2']);
    event('the disk refuses');
    journal.refuse();
    expect(await compacting).toBe('no-space');
    expect((await store.status()).compactRevision).toBe(0);
    event('compact(5) and compact(3) wait together, and the disk takes both in this order');
    const both = [store.compact(5), store.compact(3)].map(codeOf);
    journal.settle();
    expect(await Promise.all(both)).toEqual(['no error', 'no error']);
    expect((await store.status()).compactRevision).toBe(5);
    store.check();
  },
);

lesson(
  'A physical compaction answers when the dropped data is off the disk too; another does not wait for that',
  {
    invariant: 5,
    byHand: 'etcdctl compaction 4 --physical',
    symbols: ['src/store.ts#Store.compact'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal, settled } = slow;
    for (let i = 0; i < 5; i++) await settled(store.put({ key: 'a', value: bytes(`${i}`) }));
    event('compact(3)');
    await settled(store.compact(3));
    expect({ checkpoints: journal.checkpoints }).toEqual({ checkpoints: 0 });
    event('compact(4, { physical: true }), and the log has it');
    let isAnswered = false;
    const compacting = store.compact(4, { physical: true }).then(() => {
      isAnswered = true;
    });
    journal.settle();
    await nextTurn();
    expect({ checkpoints: journal.checkpoints, isAnswered }).toEqual({
      checkpoints: 1,
      isAnswered: false,
    });
    expect(await store.status()).toMatchObject({ compactRevision: 4 });
    event('the checkpoint is done');
    journal.checkpointed();
    await compacting;
  },
);

lesson(
  'A compaction visits the keys that changed since the last one, not all keys',
  {
    invariant: 6,
    byHand: 'etcdctl check perf',
    symbols: ['src/mvcc.ts#Mvcc.#sweep'],
  },
  ({ event, figure }) => {
    const mvcc = new Mvcc();
    write(mvcc, ...Array.from({ length: 1000 }, (_, i) => put(`key ${i}`, 'v'))); // 2
    write(mvcc, put('key 1', 'w')); // 3
    mvcc.compact(3);
    write(mvcc, put('key 7', 'w')); // 4
    write(mvcc, put('key 7', 'x')); // 5
    write(mvcc, put('key 8', 'later')); // 6
    const compactKey = vi.spyOn(KeyIndex.prototype, 'compact');
    try {
      event('1,000 keys, and since the last compaction one of them changed, twice; compact(5)');
      mvcc.compact(5);
      const visits = compactKey.mock.calls.length;
      figure('of 1,000 keys', visits);
      // Key 1 may be among them: it changed at the revision of the last compaction.
      expect({ 'at most 2 visits': visits <= 2, visits }).toMatchObject({
        'at most 2 visits': true,
      });
    } finally {
      compactKey.mockRestore();
    }
    mvcc.check();
  },
);

lesson(
  'While a snapshot is being made nothing goes that it still has to copy; afterwards it goes',
  {
    invariant: 7,
    byHand: 'etcdctl snapshot save /tmp/copy & etcdctl compaction 4',
    symbols: ['src/mvcc.ts#Mvcc.pin', 'src/mvcc.ts#Mvcc.unpin', 'src/mvcc.ts#Mvcc.compact'],
  },
  ({ event, figure }) => {
    const mvcc = new Mvcc();
    for (const value of ['one', 'two', 'three', 'four', 'five']) write(mvcc, put('a', value));
    mvcc.compact(2);
    event('five puts (revisions 2 to 6), compact(2), then pin() by two snapshots');
    expect(mvcc.pin()).toEqual({ compactRevision: 2, revision: 6 });
    mvcc.pin();
    const { sizeBytes } = mvcc;
    event('compact(4), then compact(5), while both are at work');
    mvcc.compact(4);
    mvcc.compact(5);
    expect(mvcc.compactRevision).toBe(5);
    const stillThere = () => ({
      at2: mvcc.versionsFrom('', 10, 2).map(line),
      events: [3, 4].map((revision) => mvcc.eventsAt(revision).map(({ kv }) => line(kv))),
      sizeBytes: mvcc.sizeBytes,
    });
    const all = { at2: ['a=one 2/2/1'], events: [['a=two 2/3/2'], ['a=three 2/4/3']], sizeBytes };
    expect(stillThere()).toEqual(all);
    event('the first snapshot is done: unpin()');
    mvcc.unpin();
    expect(stillThere()).toEqual(all);
    event('the second snapshot is done: unpin()');
    mvcc.unpin();
    expect(rangeAt(mvcc, 5)).toEqual(['a=four 2/5/4']);
    // one, two and three, each with the one byte of its key.
    expect({ 'bytes freed': sizeBytes - mvcc.sizeBytes }).toEqual({ 'bytes freed': 14 });
    mvcc.check();
    event('pin() and unpin() with nothing to do in between');
    expect(mvcc.pin()).toEqual({ compactRevision: 5, revision: 6 });
    mvcc.unpin();
    expect(rangeAt(mvcc, 5)).toEqual(['a=four 2/5/4']);
    mvcc.check();
    figure('bytes freed', 14);
  },
);

lesson(
  'In 300 random transactions with compactions between them, every revision that may be read is right',
  {
    invariant: 1,
    byHand: 'etcdctl get --prefix "" --rev REV',
    symbols: ['src/key-index.ts#KeyIndex.compact', 'src/mvcc.ts#Mvcc.#sweep'],
  },
  async ({ event, figure }) => {
    const seed = Number(process.env.SEED ?? 1);
    event(`a random history; for another one set SEED (now ${seed})`);
    const random = randomOf(seed);
    const model = new Model(1);
    let reads = 0;
    await using store = await openMemoryStore();
    for (let round = 0; round < 300; round++) {
      const keys = ['a', 'b', 'c', 'd', 'e'].filter(() => random(3) === 0);
      const ops = keys.map((key) =>
        random(3) === 0
          ? ({ kind: 'delete', key } as const)
          : ({ kind: 'put', key, value: bytes(`${round}`) } as const),
      );
      await store.txn({ compare: [], success: ops, failure: [] });
      model.apply(ops);
      const { compactRevision } = await store.status();
      if (random(20) !== 0 || model.revision - compactRevision < 2) continue;
      const revision = compactRevision + 1 + random(model.revision - compactRevision);
      event(`SEED=${seed}, revision ${model.revision}: compact(${revision})`);
      await store.compact(revision);
      store.check();
      for (let at = revision; at <= model.revision; at++) {
        const { kvs } = await store.range({ key: 'a', rangeEnd: 'z', revision: at });
        expect({ seed, at, kvs: kvs.map(line) }).toEqual({
          seed,
          at,
          kvs: model.range('a', 'z', at),
        });
        reads++;
      }
    }
    figure('reads compared', reads);
  },
);

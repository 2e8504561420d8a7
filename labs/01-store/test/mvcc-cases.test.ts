// Mvcc alone: what it counts, what it takes back, what a pin keeps, and what it refuses to do.
import { describe, expect, test } from 'vitest';
import type { Change } from '#src/change.ts';
import { Mvcc } from '#src/mvcc.ts';
import { bytes, line, text } from './support/store-helpers.ts';

const put = (key: string, value = key): Change => ({
  type: 'put',
  key,
  value: bytes(value),
  lease: '0',
});
const remove = (key: string): Change => ({ type: 'delete', key });
const all = { key: '\0', rangeEnd: '\0' };

/** One revision for each list, all of them durable. */
function mvccOf(...revisions: readonly (readonly Change[])[]): Mvcc {
  const mvcc = new Mvcc();
  for (const changes of revisions) commit(mvcc, ...changes);
  return mvcc;
}

function stageAll(mvcc: Mvcc, ...changes: readonly Change[]): void {
  for (const change of changes) mvcc.stage(change);
  mvcc.commit();
}

function commit(mvcc: Mvcc, ...changes: readonly Change[]): void {
  stageAll(mvcc, ...changes);
  mvcc.markDurable(mvcc.revision);
}

const linesAt = (mvcc: Mvcc, revision: number) => mvcc.range(all, revision).kvs.map(line);
const eventsAt = (mvcc: Mvcc, revision: number) =>
  mvcc
    .eventsAt(revision)
    .map(
      ({ type, kv, prevKv }) => `${type} ${kv.key}${prevKv ? ` was ${text(prevKv.value)}` : ''}`,
    );
const figures = (mvcc: Mvcc) => ({ ...mvcc.counts, bytes: mvcc.sizeBytes });

describe('Mvcc counts keys, revisions and bytes', () => {
  test.each([
    { name: 'nothing', revisions: [], want: { keys: 0, revisions: 0, bytes: 0 } },
    { name: 'a put', revisions: [[put('ab', '123')]], want: { keys: 1, revisions: 1, bytes: 5 } },
    {
      name: 'an overwritten key, with both versions',
      revisions: [[put('a', '1')], [put('a', '22')]],
      want: { keys: 1, revisions: 2, bytes: 5 },
    },
    {
      name: 'a deleted key, which is still in the past',
      revisions: [[put('a', '1')], [remove('a')]],
      want: { keys: 1, revisions: 2, bytes: 2 },
    },
    {
      name: 'two keys of one revision',
      revisions: [[put('a'), put('b')]],
      want: { keys: 2, revisions: 1, bytes: 4 },
    },
  ])('$name', ({ revisions, want }) => {
    const mvcc = mvccOf(...revisions);
    mvcc.check();
    expect(figures(mvcc)).toEqual(want);
  });

  test('and less after a compaction', () => {
    const mvcc = mvccOf([put('a', '1')], [put('a', '22')], [put('b')], [remove('b')], [put('c')]);
    expect(figures(mvcc)).toEqual({ keys: 3, revisions: 5, bytes: 9 });
    mvcc.compact(3);
    mvcc.check();
    expect(figures(mvcc)).toEqual({ keys: 3, revisions: 4, bytes: 7 });
    mvcc.compact(5);
    mvcc.check();
    expect(figures(mvcc)).toEqual({ keys: 2, revisions: 2, bytes: 5 });
  });
});

describe('Mvcc.undo()', () => {
  test.each([
    { name: 'a put of a new key', changes: [put('new')] },
    { name: 'a put over a key', changes: [put('a', 'other')] },
    { name: 'a delete', changes: [remove('a')] },
    { name: 'a put and a delete of one key', changes: [put('a', 'other'), remove('a')] },
    { name: 'a put and a delete of a new key', changes: [put('new'), remove('new')] },
    { name: 'several keys', changes: [put('a', 'x'), put('b', 'y'), put('c', 'z')] },
  ])('takes back $name', ({ changes }) => {
    const mvcc = mvccOf([put('a', '1')], [put('b', '2')]);
    const before = [figures(mvcc), linesAt(mvcc, 3), mvcc.revision];
    stageAll(mvcc, ...changes);
    expect(mvcc.revision).toBe(4);
    mvcc.undo();
    mvcc.check();
    expect([figures(mvcc), linesAt(mvcc, 3), mvcc.revision]).toEqual(before);
    expect(mvcc.eventsAt(4)).toEqual([]);
    commit(mvcc, put('b', '3'));
    expect(eventsAt(mvcc, 4)).toEqual(['put b was 2']);
  });

  test('goes back one revision at a time, and not behind what is durable', () => {
    const mvcc = mvccOf([put('a', '1')]);
    stageAll(mvcc, put('a', '2'));
    stageAll(mvcc, put('a', '3'));
    mvcc.undo();
    expect(linesAt(mvcc, 3)).toEqual(['a=2 2/3/2']);
    mvcc.undo();
    expect(linesAt(mvcc, 3)).toEqual(['a=1 2/2/1']);
    expect(() => mvcc.undo()).toThrow('a durable revision stays');
  });
});

describe('Mvcc.pin()', () => {
  const pinned = () => {
    const mvcc = mvccOf([put('a', '1')], [put('a', '2')], [put('b', '3')]);
    expect(mvcc.pin()).toEqual({ compactRevision: 0, revision: 4 });
    return mvcc;
  };

  test('keeps all versions and events through compactions, until the last unpin()', () => {
    const mvcc = pinned();
    mvcc.pin();
    mvcc.compact(4);
    expect([mvcc.compactRevision, linesAt(mvcc, 2)]).toEqual([4, ['a=1 2/2/1']]);
    expect(eventsAt(mvcc, 3)).toEqual(['put a was 1']);
    mvcc.unpin();
    expect(linesAt(mvcc, 2)).toEqual(['a=1 2/2/1']);
    mvcc.unpin();
    mvcc.check();
    expect([linesAt(mvcc, 2), eventsAt(mvcc, 3), mvcc.counts.revisions]).toEqual([[], [], 1]);
    expect(linesAt(mvcc, 4)).toEqual(['a=2 2/3/2', 'b=3 4/4/1']);
  });

  test('without a compaction meanwhile nothing goes', () => {
    const mvcc = pinned();
    const before = figures(mvcc);
    mvcc.unpin();
    mvcc.check();
    expect([figures(mvcc), linesAt(mvcc, 2)]).toEqual([before, ['a=1 2/2/1']]);
  });
});

describe('Mvcc.compact()', () => {
  test('keeps the events of its revision, without what they replaced', () => {
    const mvcc = mvccOf([put('a', '1')], [put('a', '2'), remove('a'), put('b')], [put('c')]);
    expect(eventsAt(mvcc, 3)).toEqual(['put a was 1', 'delete a was 2', 'put b']);
    mvcc.compact(3);
    mvcc.check();
    expect([eventsAt(mvcc, 2), eventsAt(mvcc, 3), eventsAt(mvcc, 4)]).toEqual([
      [],
      ['delete a', 'put b'],
      ['put c'],
    ]);
  });

  test.each([
    { name: 'again to the same revision', first: 3, second: 3 },
    { name: 'backwards', first: 3, second: 2 },
    { name: 'behind what is durable', first: 3, second: 5 },
  ])('$name is a mistake of the caller', ({ first, second }) => {
    const mvcc = mvccOf([put('a')], [put('b')], [put('c')]);
    mvcc.compact(first);
    stageAll(mvcc, put('d'));
    expect(() => mvcc.compact(second)).toThrow();
  });
});

describe('Mvcc.restore()', () => {
  test('gives back what a compaction left, and goes on from there', () => {
    const before = mvccOf([put('a', '1')], [put('b', '2')], [put('a', '3'), remove('b')]);
    before.compact(4);
    const after = new Mvcc();
    after.restore(4, before.range(all, 4).kvs, [put('a', '3'), remove('b')]);
    after.check();
    expect([linesAt(after, 4), eventsAt(after, 4)]).toEqual([
      linesAt(before, 4),
      eventsAt(before, 4),
    ]);
    const { revision, durableRevision, compactRevision } = after;
    expect({ revision, durableRevision, compactRevision }).toEqual({
      revision: 4,
      durableRevision: 4,
      compactRevision: 4,
    });
    commit(after, put('a', '5'));
    expect(linesAt(after, 5)).toEqual(['a=5 2/5/3']);
  });

  test('of a store that was never compacted leaves a new one', () => {
    const mvcc = new Mvcc();
    mvcc.restore(0, [], []);
    mvcc.check();
    expect([mvcc.revision, mvcc.compactRevision]).toEqual([1, 0]);
  });

  test('is for an empty state only', () => {
    expect(() => mvccOf([put('a')]).restore(4, [], [])).toThrow();
  });
});

describe('Mvcc.range()', () => {
  const mvcc = mvccOf([put('a', '1'), put('b', '2'), put('c', '3')]);
  const ask = (request: Parameters<Mvcc['range']>[0], revision = 2) => {
    const { kvs, more, count } = mvcc.range(request, revision);
    return [kvs.map(({ key, value }) => `${key}${text(value)}`).join(' '), more, count];
  };

  test.each([
    { name: 'one key', request: { key: 'b' }, want: ['b2', false, 1] },
    { name: 'an absent key', request: { key: 'x' }, want: ['', false, 0] },
    { name: 'a range', request: { key: 'a', rangeEnd: 'c' }, want: ['a1 b2', false, 2] },
    { name: 'from a key on', request: { key: 'b', rangeEnd: '\0' }, want: ['b2 c3', false, 2] },
    { name: 'all', request: all, want: ['a1 b2 c3', false, 3] },
    { name: 'a limit', request: { ...all, limit: 2 }, want: ['a1 b2', true, 3] },
    { name: 'a limit of all', request: { ...all, limit: 3 }, want: ['a1 b2 c3', false, 3] },
    { name: 'keys only', request: { ...all, keysOnly: true }, want: ['a b c', false, 3] },
    { name: 'a count', request: { ...all, countOnly: true }, want: ['', false, 3] },
    {
      name: 'a count with a limit',
      request: { ...all, countOnly: true, limit: 1 },
      want: ['', false, 3],
    },
  ])('$name', ({ request, want }) => {
    expect(ask(request)).toEqual(want);
  });

  test('before anything was there', () => {
    expect(ask(all, 1)).toEqual(['', false, 0]);
  });
});

test('versionsFrom() gives the versions of a revision in pieces', () => {
  const mvcc = mvccOf([put('a', '1'), put('b', '2'), put('d', '4')], [put('a', '9'), put('c')]);
  const keys = (start: string, limit: number, revision: number) =>
    mvcc.versionsFrom(start, limit, revision).map(({ key, value }) => `${key}${text(value)}`);
  expect(keys('', 2, 2)).toEqual(['a1', 'b2']);
  expect(keys('b\0', 2, 2)).toEqual(['d4']);
  expect(keys('', 10, 3)).toEqual(['a9', 'b2', 'cc', 'd4']);
  expect(keys('e', 10, 3)).toEqual([]);
});

describe('Mvcc does not let its caller', () => {
  test('put a key twice in one revision', () => {
    const mvcc = new Mvcc();
    mvcc.stage(put('a'));
    expect(() => mvcc.stage(put('a'))).toThrow('a key is put at most once in a revision');
  });

  test.each([
    { name: 'again', revision: 2 },
    { name: 'before it happened', revision: 4 },
  ])('call a revision durable $name', ({ revision }) => {
    const mvcc = mvccOf([put('a')]);
    stageAll(mvcc, put('b'));
    expect(() => mvcc.markDurable(revision)).toThrow();
    mvcc.markDurable(3);
    expect(mvcc.durableRevision).toBe(3);
  });

  test('forget what was staged', () => {
    const mvcc = new Mvcc();
    mvcc.stage(put('a'));
    expect(() => mvcc.check()).toThrow();
  });

  test('take a revision for nothing', () => {
    const mvcc = new Mvcc();
    expect([mvcc.commit(), mvcc.revision]).toEqual([[], 1]);
  });
});

test('events that were handed out do not change with the next transaction', () => {
  const mvcc = new Mvcc();
  mvcc.stage(put('a'));
  const first = mvcc.commit();
  mvcc.stage(put('b'));
  mvcc.commit();
  expect(first.map(({ kv }) => kv.key)).toEqual(['a']);
  expect(mvcc.commit()).toEqual([]);
});

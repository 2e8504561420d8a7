// KeyIndex where it matters most: long histories, a life of one revision, and check(), which must find what is wrong.
import { describe, expect, test } from 'vitest';
import { KeyIndex } from '#src/key-index.ts';
import type { KeyValue } from '#src/kv.ts';
import { randomOf, seedOf } from './support/store-helpers.ts';

const version = (modRevision: number): KeyValue => ({
  key: 'k',
  value: Buffer.from(`${modRevision}`),
  createRevision: modRevision,
  modRevision,
  version: 1,
  lease: '0',
});

/** Positive numbers are puts, negative ones deletes. */
function indexOf(...revisions: readonly number[]): KeyIndex {
  const index = new KeyIndex();
  for (const revision of revisions) {
    if (revision > 0) index.put(version(revision));
    else index.tombstone(-revision);
  }
  return index;
}

describe('KeyIndex.check() finds', () => {
  test.each([
    {
      name: 'versions that go back',
      revisions: [2, 5, 4],
      want: 'the revisions of a key must grow',
    },
    {
      name: 'two versions of one revision',
      revisions: [2, 2],
      want: 'the revisions of a key must grow',
    },
    {
      name: 'a delete before the put',
      revisions: [5, -4],
      want: 'a generation ends after its versions',
    },
    {
      name: 'two lives that end together',
      revisions: [2, -9, 9, -9],
      want: 'generations follow one another',
    },
  ])('$name', ({ revisions, want }) => {
    expect(() => indexOf(...revisions).check()).toThrow(want);
  });

  test.each([
    { name: 'a life of one revision', revisions: [2, -2, 3] },
    { name: 'a new life in the revision after the old one', revisions: [2, 3, -4, 5] },
    { name: 'no versions at all', revisions: [] },
  ])('nothing wrong with $name', ({ revisions }) => {
    const found = indexOf(...revisions).check();
    expect(found.map(({ modRevision }) => modRevision)).toEqual(revisions.filter((r) => r > 0));
  });
});

test('a key that does not live can neither be deleted nor taken back', () => {
  expect(() => new KeyIndex().tombstone(2)).toThrow('only a living key can be deleted');
  expect(() => indexOf(2, -3).tombstone(4)).toThrow('only a living key can be deleted');
  expect(() => new KeyIndex().undo()).toThrow('nothing to take back');
});

test('a key that was put and deleted in one revision was never there', () => {
  const index = indexOf(2, -2);
  expect([1, 2, 3].map((revision) => index.get(revision))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(index.isEmpty).toBe(false);
  expect(index.compact(2).length).toBe(1);
  expect(index.isEmpty).toBe(true);
});

test('get() and compact() answer as a walk over all versions would', () => {
  const random = randomOf(seedOf('key index'));
  for (let round = 0; round < 50; round++) {
    const revisions: number[] = [];
    let last = 1;
    for (let i = 0; i < 40; i++) {
      last += 1 + random(3);
      const isAlive = (revisions.at(-1) ?? -1) > 0;
      revisions.push(isAlive && random(4) === 0 ? -last : last);
    }
    const expected = (revision: number) => {
      const newest = revisions.findLast((r) => Math.abs(r) <= revision) ?? -1;
      return newest > 0 ? newest : undefined;
    };
    const index = indexOf(...revisions);
    const compacted = random(last);
    index.compact(compacted);
    index.check();
    for (let revision = compacted; revision <= last + 1; revision++) {
      expect([revision, index.get(revision)?.modRevision]).toEqual([revision, expected(revision)]);
    }
  }
});

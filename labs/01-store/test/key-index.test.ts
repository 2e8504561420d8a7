// The worked example of key-index.ts, and its edges.
import { expect, test } from 'vitest';
import { exampleKey } from './support/key-lives.ts';

test('KeyIndex keeps each life of the key as a generation', () => {
  expect(exampleKey().describe()).toEqual([
    [2, 4, 6],
    [7, 9],
  ]);
});

test.each([
  [1, undefined],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, undefined],
  [7, 7],
  [8, 7],
  [9, 9],
  [100, 9],
])('KeyIndex.get(%i) is the version of %s', (revision, want) => {
  expect(exampleKey().get(revision)?.modRevision).toBe(want);
});

test.each([
  [
    1,
    [
      [2, 4, 6],
      [7, 9],
    ],
  ],
  [
    2,
    [
      [2, 4, 6],
      [7, 9],
    ],
  ],
  [
    5,
    [
      [4, 6],
      [7, 9],
    ],
  ],
  [6, [[7, 9]]],
  [8, [[7, 9]]],
  [9, [[9]]],
])('KeyIndex.compact(%i) leaves %j', (revision, want) => {
  const index = exampleKey();
  const dropped = index.compact(revision);
  expect(index.describe()).toEqual(want);
  expect(dropped.length + index.check().length).toBe(4);
});

test('KeyIndex is empty when a compaction reaches its last tombstone', () => {
  const index = exampleKey();
  index.tombstone(10);
  index.compact(10);
  expect(index.isEmpty).toBe(true);
});

test('KeyIndex.undo() takes back puts and tombstones like a stack', () => {
  const index = exampleKey();
  const seen: unknown[] = [];
  while (!index.isEmpty) {
    index.undo();
    seen.push(index.describe());
  }
  expect(seen).toEqual([[[2, 4, 6], [7]], [[2, 4, 6]], [[2, 4]], [[2]], []]);
});

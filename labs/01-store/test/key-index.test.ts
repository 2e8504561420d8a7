// The worked example of key-index.ts, and its edges.
import { expect, test } from 'vitest';
import { KeyIndex } from '#src/key-index.ts';
import type { KeyValue } from '#src/kv.ts';

function version(modRevision: number): KeyValue {
  return {
    key: 'k',
    value: new Uint8Array(),
    createRevision: 0,
    modRevision,
    version: 0,
    lease: '0',
  };
}

/** put at 2, put at 4, delete at 6, put at 7, put at 9 */
function example(): KeyIndex {
  const index = new KeyIndex();
  index.put(version(2));
  index.put(version(4));
  index.tombstone(6);
  index.put(version(7));
  index.put(version(9));
  return index;
}

test('KeyIndex keeps each life of the key as a generation', () => {
  expect(example().describe()).toEqual([
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
  expect(example().get(revision)?.modRevision).toBe(want);
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
  const index = example();
  const dropped = index.compact(revision);
  expect(index.describe()).toEqual(want);
  expect(dropped.length + index.check().length).toBe(4);
});

test('KeyIndex is empty when a compaction reaches its last tombstone', () => {
  const index = example();
  index.tombstone(10);
  index.compact(10);
  expect(index.isEmpty).toBe(true);
});

test('KeyIndex.undo() takes back puts and tombstones like a stack', () => {
  const index = example();
  const seen: unknown[] = [];
  while (!index.isEmpty) {
    index.undo();
    seen.push(index.describe());
  }
  expect(seen).toEqual([[[2, 4, 6], [7]], [[2, 4, 6]], [[2, 4]], [[2]], []]);
});

// OrderedObjects beside a plain Map that is sorted anew each time: the same, whatever is done, and what was handed out stays as it was.
import { describe, expect, test } from 'vitest';
import { OrderedObjects } from '#src/registry/ordered-objects.ts';
import { StoredObject } from '#src/registry/stored-object.ts';

function stored(key: string, revision = 1): StoredObject {
  return StoredObject.fromValue(key, revision, Buffer.from('{"metadata":{"name":"x"}}'));
}

const keysOf = (objects: readonly StoredObject[]) => objects.map(({ key }) => key);

describe('OrderedObjects.range()', () => {
  test.each([
    {
      name: 'all, in the order of keys',
      prefix: '/p/',
      want: ['/p/a/1', '/p/ab/1', '/p/b/1', '/p/b/2', '/p/c/1'],
    },
    { name: 'a namespace, not its namesakes', prefix: '/p/a/', want: ['/p/a/1'] },
    { name: 'one in the middle', prefix: '/p/b/', want: ['/p/b/1', '/p/b/2'] },
    { name: 'nothing before', prefix: '/a/', want: [] },
    { name: 'nothing behind', prefix: '/z/', want: [] },
    { name: 'the first', prefix: '/p/a', want: ['/p/a/1', '/p/ab/1'] },
    { name: 'the last', prefix: '/p/c', want: ['/p/c/1'] },
  ])('$name', ({ prefix, want }) => {
    const objects = new OrderedObjects();
    expect(objects.range(prefix)).toEqual([]);
    for (const key of ['/p/b/2', '/p/a/1', '/p/b/1', '/p/ab/1', '/p/c/1']) objects.set(stored(key));
    expect(keysOf(objects.range(prefix))).toEqual(want);
  });
});

test('what range() gave stays as it was', () => {
  const objects = new OrderedObjects();
  for (const key of ['/p/a', '/p/b', '/p/c']) objects.set(stored(key));
  const before = objects.range('/p/');
  objects.delete('/p/a');
  objects.set(stored('/p/b', 7));
  objects.set(stored('/p/d'));
  objects.clear();
  expect(keysOf(before)).toEqual(['/p/a', '/p/b', '/p/c']);
  expect(before[1]?.revision).toBe(1);
});

test('an object is found by its key, and is there once, in its latest state', () => {
  const objects = new OrderedObjects();
  for (const key of ['/p/b', '/p/a', '/p/c']) objects.set(stored(key));
  for (const key of ['/p/c', '/p/a', '/p/b']) objects.set(stored(key, 2));
  expect(objects.size).toBe(3);
  expect(objects.get('/p/b')?.revision).toBe(2);
  expect(objects.get('/p/x')).toBeUndefined();
  const found = objects.range('/p/').map(({ key, revision }) => `${key} ${revision}`);
  expect(found).toEqual(['/p/a 2', '/p/b 2', '/p/c 2']);
  objects.delete('/p/x');
  objects.delete('/p/b');
  expect(objects.get('/p/b')).toBeUndefined();
  expect(keysOf(objects.range('/p/'))).toEqual(['/p/a', '/p/c']);
});

test('all of them are handed out as they are, and copied by the first change only', () => {
  const objects = new OrderedObjects();
  for (const key of ['/p/a', '/p/b']) objects.set(stored(key));
  const before = objects.range('/p/');
  expect(objects.range('/p/')).toBe(before);
  objects.set(stored('/p/c'));
  objects.delete('/p/a');
  expect(keysOf(before)).toEqual(['/p/a', '/p/b']);
  expect(keysOf(objects.range('/p/'))).toEqual(['/p/b', '/p/c']);
});

test('clear() leaves nothing, and nothing of it in what comes after', () => {
  const objects = new OrderedObjects();
  for (const key of ['/p/a', '/p/b']) objects.set(stored(key));
  const before = objects.range('/p/');
  objects.clear();
  expect([objects.size, objects.get('/p/a'), keysOf(objects.range('/p/'))]).toEqual([
    0,
    undefined,
    [],
  ]);
  objects.set(stored('/p/c'));
  expect(keysOf(objects.range('/p/'))).toEqual(['/p/c']);
  expect(keysOf(objects.range(''))).toEqual(['/p/c']);
  expect(keysOf(before)).toEqual(['/p/a', '/p/b']);
});

test('random changes leave it as a sorted map would be', () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const objects = new OrderedObjects();
  const model = new Map<string, number>();
  for (let revision = 1; revision <= 3000; revision += 1) {
    const key = `/p/${random(4)}/${random(60)}`;
    if (random(3) === 0) {
      objects.delete(key);
      model.delete(key);
    } else {
      objects.set(stored(key, revision));
      model.set(key, revision);
    }
    if (revision % 10 !== 0) continue;
    const prefix = ['/p/', `/p/${random(4)}/`][random(2)] ?? '';
    const want = [...model]
      .filter(([other]) => other.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    expect(objects.range(prefix).map((one) => [one.key, one.revision])).toEqual(want);
    expect(objects.size).toBe(model.size);
  }
});

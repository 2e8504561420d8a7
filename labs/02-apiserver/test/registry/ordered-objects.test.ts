// OrderedObjects beside a plain Map that is sorted anew each time: the same, whatever is done, and what was handed out stays as it was.
import { describe, expect, test } from 'vitest';
import { OrderedObjects } from '#src/registry/ordered-objects.ts';
import { StoredObject } from '#src/registry/stored-object.ts';

function stored(key: string, revision = 1): StoredObject {
  return StoredObject.fromValue(key, revision, Buffer.from('{"metadata":{"name":"x"}}'));
}

const keysOf = (objects: readonly StoredObject[]) => objects.map(({ key }) => key);

describe('OrderedObjects.range()', () => {
  const objects = new OrderedObjects();
  for (const key of ['/p/b/2', '/p/a/1', '/p/b/1', '/p/ab/1', '/p/c/1']) objects.set(stored(key));

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
  ])('$name', ({ prefix, want }) => {
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

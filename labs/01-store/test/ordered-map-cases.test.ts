// OrderedMap at its edges: where a walk begins and ends, and what is not there.
import { describe, expect, test } from 'vitest';
import { OrderedMap } from '#src/ordered-map.ts';

function mapOf(...keys: readonly string[]): OrderedMap<string> {
  const map = new OrderedMap<string>();
  for (const key of keys) map.set(key, key.toUpperCase());
  return map;
}

function walked(map: OrderedMap<string>, start: string, end?: string, max = 100): string[] {
  const seen: string[] = [];
  map.walk(start, end, (key, value) => {
    seen.push(`${key}${value}`);
    return seen.length < max;
  });
  return seen;
}

describe('walk()', () => {
  test.each([
    { name: 'all', start: '', end: undefined, want: ['bB', 'dD', 'fF'] },
    { name: 'from a key that is there', start: 'd', end: undefined, want: ['dD', 'fF'] },
    { name: 'from between keys', start: 'c', end: undefined, want: ['dD', 'fF'] },
    { name: 'to a key that is there, without it', start: 'b', end: 'f', want: ['bB', 'dD'] },
    { name: 'to between keys', start: 'b', end: 'e', want: ['bB', 'dD'] },
    { name: 'from its own end', start: 'd', end: 'd', want: [] },
    { name: 'backwards: nothing', start: 'f', end: 'b', want: [] },
    { name: 'behind the last', start: 'g', end: undefined, want: [] },
  ])('$name', ({ start, end, want }) => {
    expect(walked(mapOf('d', 'b', 'f'), start, end)).toEqual(want);
  });

  test('ends when the visitor has enough', () => {
    expect(walked(mapOf('a', 'b', 'c'), '', undefined, 2)).toEqual(['aA', 'bB']);
  });

  test('of an empty map visits nothing', () => {
    expect(walked(mapOf(), '')).toEqual([]);
  });

  test('goes through all blocks, and begins and ends in any of them', () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `${i}`.padStart(5, '0'));
    const map = mapOf(...keys.toReversed());
    map.check();
    for (const [from, to] of [
      [0, 3000],
      [511, 513],
      [1023, 2050],
      [2999, 3000],
    ] as const) {
      const seen = walked(map, keys[from] as string, keys[to], 5000);
      expect(seen).toEqual(keys.slice(from, to).map((key) => key + key));
    }
  });
});

test('what is not there is not found, and deleting it says so', () => {
  const map = mapOf('b', 'd');
  expect(['a', 'b', 'c', 'd', 'e'].map((key) => map.get(key))).toEqual([
    undefined,
    'B',
    undefined,
    'D',
    undefined,
  ]);
  expect(['a', 'c', 'e', 'b', 'b'].map((key) => map.delete(key))).toEqual([
    false,
    false,
    false,
    true,
    false,
  ]);
  expect([map.size, mapOf().delete('a'), mapOf().get('a')]).toEqual([1, false, undefined]);
  map.check();
});

test('set() of a key that is there replaces its value and nothing else', () => {
  const map = mapOf('a', 'b');
  map.set('a', 'new');
  expect([map.size, walked(map, '')]).toEqual([2, ['anew', 'bB']]);
});

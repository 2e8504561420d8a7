// OrderedMap against a plain Map that is sorted when asked.
import { expect, test } from 'vitest';
import { OrderedMap } from '#src/ordered-map.ts';
import { randomOf, seedOf } from './support/store-helpers.ts';

function walk(map: OrderedMap<number>, start: string, end?: string): [string, number][] {
  const seen: [string, number][] = [];
  map.walk(start, end, (key, value) => seen.push([key, value]) > 0);
  return seen;
}

test('OrderedMap answers like a sorted Map', () => {
  const random = randomOf(seedOf('ordered map'));
  const map = new OrderedMap<number>();
  const plain = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = String(random(3000));
    if (random(3) === 0) expect(map.delete(key)).toBe(plain.delete(key));
    else {
      map.set(key, i);
      plain.set(key, i);
    }
  }
  map.check();
  const sorted = [...plain].sort(([a], [b]) => (a < b ? -1 : 1));
  expect(walk(map, '')).toEqual(sorted);
  expect(walk(map, '15', '27')).toEqual(sorted.filter(([key]) => key >= '15' && key < '27'));
  for (let i = 0; i < 3000; i++) expect(map.get(String(i))).toBe(plain.get(String(i)));
  for (const key of plain.keys()) map.delete(key);
  map.check();
  expect([map.size, walk(map, '')]).toEqual([0, []]);
});

test('OrderedMap.walk() stops when the visitor has enough', () => {
  const map = new OrderedMap<number>();
  for (let i = 0; i < 10; i++) map.set(String(i), i);
  const seen: string[] = [];
  map.walk('3', undefined, (key) => seen.push(key) < 2);
  expect(seen).toEqual(['3', '4']);
});

test('OrderedMap takes 100,000 keys in any order without moving them all each time', () => {
  const map = new OrderedMap<number>();
  const before = process.cpuUsage();
  for (let i = 0; i < 100_000; i++) map.set(`/registry/pods/${(i * 7919) % 100_003}`, i);
  map.check();
  // It takes 0.1 s of the processor; one array of 100,000 would take many seconds.
  expect(process.cpuUsage(before).user).toBeLessThan(3_000_000);
});

// The outline of a new object: it decides what its maker owns, and what objects hold does not change it.
import { describe, expect, test, vi } from 'vitest';
import { emptyObject } from '#src/apply/empty-object.ts';
import { pathsOf, printPath } from '#src/apply/field-set.ts';
import { structureOfDefinition } from '#src/apply/kind-structure.ts';
import { OutlineCache, outlineOf } from '#src/apply/outline.ts';
import { structureOfSchema } from '#src/apply/schema-structure.ts';
import { compareTyped } from '#src/apply/typed-compare.ts';
import { Random, randomValue, seedOfRun } from './random.ts';
import { EVERYTHING } from './scene.ts';

const POD = 'io.k8s.api.core.v1.Pod';
const structure = structureOfSchema(EVERYTHING);

describe('outlineOf()', () => {
  const podOf = (name: string, image: string, port = 80) => ({
    metadata: { name },
    spec: { containers: [{ name: 'web', image, ports: [{ containerPort: port }] }] },
  });
  const outlineOfPod = (pod: object) =>
    outlineOf(emptyObject(POD), pod, structureOfDefinition(POD));

  test('is the same for pods of one workload, and another where an element has another name', () => {
    expect(outlineOfPod(podOf('a', 'x'))).toBe(outlineOfPod(podOf('b', 'y')));
    expect(outlineOfPod(podOf('a', 'x'))).not.toBe(outlineOfPod(podOf('a', 'x', 81)));
  });

  test.each([
    { name: 'a field more', a: { name: 'x' }, b: { name: 'x', number: 1 } },
    { name: 'a key more', a: { labels: { x: '' } }, b: { labels: { x: '', y: '' } } },
    { name: 'names that join', a: { labels: { ab: '', c: '' } }, b: { labels: { a: '', bc: '' } } },
    { name: 'a part that is empty', a: { struct: {} }, b: { struct: { a: '' } } },
    { name: 'a value of a set', a: { tags: ['a'] }, b: { tags: ['b'] } },
    { name: 'an element that stands there twice', a: { tags: ['a'] }, b: { tags: ['a', 'a'] } },
    {
      name: 'a shape where there is no schema',
      a: { free: { a: 1 } },
      b: { free: { a: { b: 1 } } },
    },
  ])('is another for $name', ({ a, b }) => {
    expect(outlineOf({}, a, structure)).not.toBe(outlineOf({}, b, structure));
  });

  test('looks at a value where the empty object has one', () => {
    const before = { name: '', number: null };
    const of = (after: object) => outlineOf(before, after, structure);
    expect(of({ name: 'x' })).not.toBe(of({ name: '' }));
    expect(of({ number: 1 })).toBe(of({ number: 2 }));
    expect(of({ number: 1 })).not.toBe(of({ number: null }));
  });

  const seed = seedOfRun();
  test.each([
    { what: 'nothing', before: {} },
    { what: 'zeroes', before: { name: '', number: 0, tags: null, items: null, struct: { a: '' } } },
  ])(`two with one outline differ from $what in the same fields (SEED=${seed})`, ({ before }) => {
    const random = new Random(seed);
    const known = new Map<string, string>();
    let again = 0;
    for (let round = 0; round < 6000; round += 1) {
      // Few fields at a time, so that outlines come again.
      const all = Object.entries(randomValue(random, structure) as object);
      const after = Object.fromEntries(
        all
          .filter(() => random.chance(25))
          .map(([name, value]) => [name, random.chance(5) ? null : value]),
      );
      const { added, modified, removed } = compareTyped(before, after, structure);
      const found = JSON.stringify(
        [added, modified, removed].map((set) => pathsOf(set).map(printPath)),
      );
      const outline = outlineOf(before, after, structure);
      if (known.has(outline)) again += 1;
      expect(found, `${outline} ${JSON.stringify(after)}`).toBe(known.get(outline) ?? found);
      known.set(outline, found);
    }
    expect(again).toBeGreaterThan(500);
  });
});

describe('OutlineCache', () => {
  test('makes a value once, and again when many others came between', () => {
    const cache = new OutlineCache<string>();
    const make = vi.fn(() => 'made');
    expect([cache.get('a', make), cache.get('a', make)]).toEqual(['made', 'made']);
    expect(make).toHaveBeenCalledTimes(1);
    for (let other = 0; other < 100; other += 1) cache.get(`other ${other}`, () => '');
    cache.get('a', make);
    expect(make).toHaveBeenCalledTimes(2);
  });

  test('keeps nothing for an outline without end', () => {
    const cache = new OutlineCache<string>();
    const make = vi.fn(() => 'made');
    const outline = 'x'.repeat(100_000);
    cache.get(outline, make);
    cache.get(outline, make);
    expect(make).toHaveBeenCalledTimes(2);
  });
});

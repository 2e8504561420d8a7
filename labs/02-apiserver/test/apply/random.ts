// random: numbers that a seed repeats, and values that fit a structure, for property tests.

import { type FieldPath, type FieldSet, setOfPaths } from '#src/apply/field-set.ts';
import { fieldElement, keyElement, valueElement } from '#src/apply/path-element.ts';
import { type ListStructure, resolve, type TypeStructure } from '#src/apply/type-structure.ts';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not with, `limit`. Mulberry32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('Nothing to pick from');
    return item;
  }
}

export function seedOfRun(): number {
  return Number(process.env.SEED ?? Date.now() % 1_000_000);
}

const NAMES = ['a', 'b', 'c', 'é', 'z<&>', '\u{1f600}', '.', ''];

export function randomPath(random: Random): FieldPath {
  const length = 1 + random.below(4);
  return Array.from({ length }, () => {
    switch (random.below(4)) {
      case 0:
        return keyElement([
          ['name', random.pick(NAMES)],
          ['port', random.below(200)],
        ]);
      case 1:
        return valueElement(random.pick<unknown>(['x', 1, 10, 9, true, 'y<']));
      default:
        return fieldElement(random.pick(NAMES));
    }
  });
}

export function randomSet(random: Random): FieldSet {
  return setOfPaths(Array.from({ length: random.below(12) }, () => randomPath(random)));
}

/** A value that fits the structure; never null, never undefined. */
export function randomValue(random: Random, type: TypeStructure, depth = 0): unknown {
  const structure = type.kind === 'any' ? resolve(type, random.pick<unknown>(['x', {}, []])) : type;
  switch (structure.kind) {
    case 'scalar':
      return randomScalar(random, structure.scalar);
    case 'list': {
      const items = Array.from({ length: random.below(3) }, () =>
        randomValue(random, structure.element, depth + 1),
      );
      return unique(items, structure);
    }
    default: {
      const names = structure.fields.size > 0 ? [...structure.fields.keys()] : ['a', 'b', 'c', 'd'];
      const entries: [string, unknown][] = [];
      for (const name of names) {
        if (depth > 6 || !random.chance(structure.fields.size > 12 ? 15 : 55)) continue;
        const inner = structure.fields.get(name) ?? structure.element;
        if (inner !== undefined) entries.push([name, randomValue(random, inner, depth + 1)]);
      }
      return Object.fromEntries(entries);
    }
  }
}

function randomScalar(random: Random, scalar: string): unknown {
  if (scalar === 'numeric') return random.below(3);
  if (scalar === 'boolean') return random.chance(50);
  return random.pick(['', 'x', 'y']);
}

/** A keyed list's elements get their keys, and no two the same. */
function unique(items: readonly unknown[], list: ListStructure): unknown[] {
  if (list.listType === 'atomic') return [...items];
  if (list.listType === 'set') return [...new Set(items)];
  return items.map((item, index) => {
    const keys = list.keys.map((key) => [key, keyOf(list, key, index)]);
    return { ...(item as object), ...Object.fromEntries(keys) };
  });
}

function keyOf({ element }: ListStructure, key: string, index: number): unknown {
  const type = element.kind === 'map' ? element.fields.get(key) : undefined;
  return type?.kind === 'scalar' && type.scalar === 'numeric' ? index : `k${index}`;
}

// typed-merge: an object and a configuration that is applied to it become the wanted object. Nothing is removed by it.
//
// Structs and granular maps are merged field by field, sets and keyed lists element by element, the rest is taken from the
// configuration. Order of a list: as the configuration has it, and what only the object has stays before the element that
// it stood before. The inputs are never changed; the result may share parts with both.
//
// Same rules upstream: structured-merge-diff, typed/merge.go.

import { elementOrNone, itemsByElement } from './list-elements.ts';
import type { PathElement } from './path-element.ts';
import {
  asList,
  asMap,
  entryStructure,
  type ListStructure,
  type MapStructure,
  resolve,
  shapeOf,
  type TypeStructure,
} from './type-structure.ts';

export function mergeTyped(live: unknown, config: unknown, type: TypeStructure): unknown {
  if (config === undefined || live === undefined) return config ?? live;
  if (type.kind === 'any' && shapeOf(live) !== shapeOf(config) && shapeOf(config) !== 'none') {
    return config;
  }
  const structure = resolve(type, config ?? live);
  switch (structure.kind) {
    case 'scalar':
      return config;
    case 'list':
      if (structure.listType === 'atomic') return config;
      return mergeLists(live, config, structure);
    default:
      return structure.atomic ? config : mergeMaps(live, config, structure);
  }
}

function mergeMaps(live: unknown, config: unknown, map: MapStructure): unknown {
  const left = asMap(live);
  const right = asMap(config);
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  if (names.size === 0) return config;
  const entries = [...names].map((name): [string, unknown] => {
    const own = Object.hasOwn(left, name) ? left[name] : undefined;
    const wanted = Object.hasOwn(right, name) ? right[name] : undefined;
    return [name, mergeTyped(own, wanted, entryStructure(map, name))];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function mergeLists(live: unknown, config: unknown, list: ListStructure): unknown {
  const left = asList(live);
  const right = asList(config);
  if (left.length === 0 && right.length === 0) return config;
  const liveItems = itemsByElement(left, list);
  const wanted = itemsByElement(right, list);
  const merged: unknown[] = [];
  for (const { element, item } of interleaved(elementsOf(left, list), [...wanted.keys()])) {
    const own = liveItems.get(element) ?? [];
    const config = wanted.get(element);
    if (config === undefined) merged.push(item);
    else merged.push(mergeTyped(own.length === 1 ? own[0] : undefined, config[0], list.element));
  }
  return merged;
}

interface Placed {
  readonly element: PathElement;
  readonly item: unknown;
}

function elementsOf(items: readonly unknown[], list: ListStructure): Placed[] {
  return items.flatMap((item) => {
    const element = elementOrNone(item, list);
    return element === undefined ? [] : [{ element, item }];
  });
}

/** The configuration's elements in its order, and each of the others where it stood among those that both have. */
function interleaved(live: readonly Placed[], wanted: readonly PathElement[]): Placed[] {
  const result: Placed[] = [];
  const isWanted = new Set(wanted);
  const isLive = new Set(live.map(({ element }) => element));
  const done = new Set<PathElement>();
  let next = 0;
  /** Up to and with this element, as far as it was not placed already. */
  const placeUpTo = (element: PathElement): void => {
    while (!done.has(element) && next < wanted.length) {
      const placed = wanted[next++] as PathElement;
      done.add(placed);
      result.push({ element: placed, item: undefined });
    }
  };
  const shared = wanted.filter((element) => isLive.has(element));
  let awaited = 0;
  for (const place of live) {
    if (!isWanted.has(place.element)) {
      result.push(place);
      continue;
    }
    while (done.has(shared[awaited] ?? '')) awaited += 1;
    // A shared element out of turn moves to where the configuration has it.
    if (place.element === shared[awaited]) placeUpTo(place.element);
  }
  for (const element of wanted) placeUpTo(element);
  return result;
}

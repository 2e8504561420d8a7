// list-elements: the elements of a list that is a set or has keys, each by the path element that names it.
//
// Same rules upstream: structured-merge-diff, typed/helpers.go (listItemToPathElement).

import { keyElement, type PathElement, valueElement } from './path-element.ts';
import { type ListStructure, shapeOf } from './type-structure.ts';

/** An element that cannot be named. The message is upstream's. */
export class ListElementError extends Error {}

export function elementOf(item: unknown, list: ListStructure): PathElement {
  return list.listType === 'set' ? elementOfSet(item) : elementOfKeyed(item, list);
}

/** The element's name, or undefined where upstream would complain: objects that are stored were checked before. */
export function elementOrNone(item: unknown, list: ListStructure): PathElement | undefined {
  try {
    return elementOf(item, list);
  } catch (error) {
    if (error instanceof ListElementError) return undefined;
    throw error;
  }
}

function elementOfSet(item: unknown): PathElement {
  switch (shapeOf(item)) {
    case 'map':
      throw new ListElementError("associative list without keys has an element that's a map type");
    case 'list':
      throw new ListElementError('not supported: associative list with lists as elements');
    case 'none':
      throw new ListElementError(
        "associative list without keys has an element that's an explicit null",
      );
    default:
      return valueElement(item);
  }
}

function elementOfKeyed(item: unknown, { keys, keyDefaults }: ListStructure): PathElement {
  const shape = shapeOf(item);
  if (shape === 'none') {
    throw new ListElementError('associative list with keys may not have a null element');
  }
  if (shape !== 'map') {
    throw new ListElementError('associative list with keys may not have non-map elements');
  }
  const entries = keys.map((key): [string, unknown] => {
    const own = Object.hasOwn(item as object, key);
    const value = own ? (item as Record<string, unknown>)[key] : keyDefaults[key];
    if (value === undefined) {
      throw new ListElementError(
        `associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`,
      );
    }
    return [key, value];
  });
  return keyElement(entries);
}

/** The items of each element in their order; several when the list says the same thing twice. */
export function itemsByElement(
  items: readonly unknown[],
  list: ListStructure,
): Map<PathElement, unknown[]> {
  const found = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const element = elementOrNone(item, list);
    if (element === undefined) continue;
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}

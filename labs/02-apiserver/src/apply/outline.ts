// outline: what of a new object decides who owns what: which fields are there, and how the elements of lists are called.
//
//   {"labels":{"app":"web"},"ports":[{"port":80}]}   →   {6:labels{3:app.}5:ports[11:k:{"port":80}{4:port.}]}
//
// A new object is compared with an empty one, so a value counts only where the empty one has one too. Objects are mostly made in series
// (the pods of a workload, events, leases), and all of a series have one outline: what follows from it is worked out once.
//
// Invariant: compareTyped() finds the same in two objects that have the same outline before the same `before`.
// Left out upstream: it compares every time.

import { itemsByElement } from './list-elements.ts';
import {
  asList,
  asMap,
  entryStructure,
  type ListStructure,
  type MapStructure,
  resolve,
  type TypeStructure,
} from './type-structure.ts';
import { isWhole } from './typed-compare.ts';

/** `before` is the same for all objects whose outlines are held against each other. */
export function outlineOf(before: unknown, after: unknown, type: TypeStructure): string {
  if (after === undefined) return '-';
  const structure = resolve(type, after ?? before);
  if (structure.kind === 'scalar' || isWhole(before, after, structure)) return leaf(before, after);
  return structure.kind === 'list'
    ? outlineOfList(after, structure)
    : outlineOfMap(before, after, structure);
}

/** Beside nothing it only counts that there is something. */
function leaf(before: unknown, after: unknown): string {
  const isBesideNothing = before === undefined || (before === null && after !== null);
  return isBesideNothing ? '.' : JSON.stringify(after);
}

/** Empty objects have no elements in their lists. What stands there twice is compared as a whole. */
function outlineOfList(after: unknown, list: ListStructure): string {
  let text = '[';
  for (const [element, [item, ...twice]] of itemsByElement(asList(after), list)) {
    text += `${element.length}:${element}`;
    text += twice.length > 0 ? '*' : outlineOf(undefined, item, list.element);
  }
  return `${text}]`;
}

function outlineOfMap(before: unknown, after: unknown, map: MapStructure): string {
  const left = asMap(before);
  const right = asMap(after);
  let text = '{';
  for (const name of Object.keys(right)) {
    const old = Object.hasOwn(left, name) ? left[name] : undefined;
    text += `${name.length}:${name}${outlineOf(old, right[name], entryStructure(map, name))}`;
  }
  return `${text}}`;
}

/** Enough for what is made in series; what is made once drives nothing out for long. */
const OUTLINES_MAX = 32;
const OUTLINE_CHARS_MAX = 4096;

/** What follows from an outline. */
export class OutlineCache<Value> {
  readonly #values = new Map<string, Value>();

  get(outline: string, make: () => Value): Value {
    const known = this.#values.get(outline);
    if (known !== undefined) return known;
    const value = make();
    if (outline.length > OUTLINE_CHARS_MAX) return value;
    if (this.#values.size >= OUTLINES_MAX) this.#values.clear();
    this.#values.set(outline, value);
    return value;
  }
}

// typed-compare: what one object has that another has not, as sets of fields: added, modified, removed.
//
// Nothing is allocated for what is the same, so comparing two states of an object that differ in one field costs a walk.
// Atomic parts are one leaf. A part that is only on one side is a member itself, with all that is in it; two empty ones
// (`{}`, null) are leaves, so that the difference between them is seen.
//
// Same rules upstream: structured-merge-diff, typed/compare.go.

import {
  EMPTY_SET,
  type FieldNode,
  type FieldSet,
  LEAF,
  nodeOf,
  recursiveDifference,
} from './field-set.ts';
import { itemsByElement } from './list-elements.ts';
import { fieldElement, type PathElement } from './path-element.ts';
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

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** The same for one node; undefined parts are empty. */
interface Change {
  readonly added?: FieldNode | undefined;
  readonly modified?: FieldNode | undefined;
  readonly removed?: FieldNode | undefined;
}

const ADDED: Change = { added: LEAF };
const MODIFIED: Change = { modified: LEAF };
const REMOVED: Change = { removed: LEAF };

export function compareTyped(before: unknown, after: unknown, type: TypeStructure): Comparison {
  const change = compare(before, after, type);
  return {
    added: change?.added?.children ?? EMPTY_SET,
    modified: change?.modified?.children ?? EMPTY_SET,
    removed: change?.removed?.children ?? EMPTY_SET,
  };
}

/** The comparison without these fields and all that is below them. */
export function excludeFields(comparison: Comparison, fields: FieldSet): Comparison {
  if (fields.size === 0) return comparison;
  return {
    added: recursiveDifference(comparison.added, fields),
    modified: recursiveDifference(comparison.modified, fields),
    removed: recursiveDifference(comparison.removed, fields),
  };
}

export function isSame({ added, modified, removed }: Comparison): boolean {
  return added.size === 0 && modified.size === 0 && removed.size === 0;
}

function compare(before: unknown, after: unknown, type: TypeStructure): Change | undefined {
  if (before === after) return undefined;
  const structure = resolve(type, after ?? before);
  if (structure.kind === 'scalar') return leaf(before, after);
  if (type.kind === 'any' && changesShape(before, after)) {
    return { ...compare(before, undefined, type), ...MODIFIED };
  }
  if (isWhole(before, after, structure)) return leaf(before, after);
  const parts = new Parts(before === undefined, after === undefined);
  if (structure.kind === 'list') compareLists(before, after, structure, parts);
  else compareMaps(before, after, structure, parts);
  return parts.change();
}

function changesShape(before: unknown, after: unknown): boolean {
  const [left, right] = [shapeOf(before), shapeOf(after)];
  return left !== right && left !== 'none' && right !== 'none';
}

/** Atomic, or empty on both sides. */
export function isWhole(
  before: unknown,
  after: unknown,
  structure: ListStructure | MapStructure,
): boolean {
  if (structure.kind === 'list') {
    if (structure.listType === 'atomic') return true;
    return asList(before).length === 0 && asList(after).length === 0;
  }
  return structure.atomic || (isEmptyMap(before) && isEmptyMap(after));
}

function isEmptyMap(value: unknown): boolean {
  for (const _ in asMap(value)) return false;
  return true;
}

function leaf(before: unknown, after: unknown): Change | undefined {
  if (before === undefined) return ADDED;
  if (after === undefined) return REMOVED;
  return sameJson(before, after) ? undefined : MODIFIED;
}

type Nodes = Map<PathElement, FieldNode>;

function withNode(nodes: Nodes | undefined, element: PathElement, node: FieldNode): Nodes {
  return (nodes ?? new Map<PathElement, FieldNode>()).set(element, node);
}

/** Collects the changes of a container's parts; makes maps only for what changed. */
class Parts {
  readonly #isNew: boolean;
  readonly #isGone: boolean;
  #added: Nodes | undefined;
  #modified: Nodes | undefined;
  #removed: Nodes | undefined;

  constructor(isNew: boolean, isGone: boolean) {
    this.#isNew = isNew;
    this.#isGone = isGone;
  }

  put(element: PathElement, change: Change | undefined): void {
    if (change === undefined) return;
    const { added, modified, removed } = change;
    if (added !== undefined) this.#added = withNode(this.#added, element, added);
    if (modified !== undefined) this.#modified = withNode(this.#modified, element, modified);
    if (removed !== undefined) this.#removed = withNode(this.#removed, element, removed);
  }

  change(): Change | undefined {
    const added = nodeOf(this.#isNew, this.#added ?? EMPTY_SET);
    const modified = nodeOf(false, this.#modified ?? EMPTY_SET);
    const removed = nodeOf(this.#isGone, this.#removed ?? EMPTY_SET);
    if (added === undefined && modified === undefined && removed === undefined) return undefined;
    return { added, modified, removed };
  }
}

function compareMaps(before: unknown, after: unknown, map: MapStructure, parts: Parts): void {
  const left = asMap(before);
  const right = asMap(after);
  for (const name of Object.keys(right)) {
    const old = Object.hasOwn(left, name) ? left[name] : undefined;
    if (old === right[name]) continue;
    parts.put(fieldElement(name), compare(old, right[name], entryStructure(map, name)));
  }
  for (const name of Object.keys(left)) {
    if (Object.hasOwn(right, name)) continue;
    parts.put(fieldElement(name), compare(left[name], undefined, entryStructure(map, name)));
  }
}

function compareLists(before: unknown, after: unknown, list: ListStructure, parts: Parts): void {
  if (sameJson(before, after)) return;
  const left = itemsByElement(asList(before), list);
  const right = itemsByElement(asList(after), list);
  for (const [element, items] of right) {
    parts.put(element, compareItems(left.get(element) ?? [], items, list.element));
  }
  for (const [element, items] of left) {
    if (!right.has(element)) parts.put(element, compareItems(items, [], list.element));
  }
}

/** An element that stands there twice is compared as a whole; when that begins or ends, it is another element. */
function compareItems(
  before: readonly unknown[],
  after: readonly unknown[],
  type: TypeStructure,
): Change | undefined {
  if (before.length <= 1 && after.length <= 1) return compare(before[0], after[0], type);
  if (before.length > 1 && after.length > 1) return sameJson(before, after) ? undefined : MODIFIED;
  if (before.length > 1) return after.length === 0 ? REMOVED : compare(undefined, after[0], type);
  return { ...(before.length === 0 ? {} : compare(before[0], undefined, type)), ...ADDED };
}

/** Equality of JSON values; fields that are undefined are not there. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameJson(item, b[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const name in left) if (!sameJson(left[name], right[name])) return false;
  for (const name in right) {
    if (right[name] !== undefined && left[name] === undefined) return false;
  }
  return true;
}

// typed-set: the fields that a configuration speaks of: every leaf, every element of a list, every entry of a map.
//
// A struct is no member because it is mentioned, only its fields are; an empty one and an explicit null are leaves.
//
// Same rules upstream: structured-merge-diff, typed/tofieldset.go and Set.EnsureNamedFieldsAreMembers.

import { EMPTY_SET, type FieldNode, type FieldSet, LEAF, nodeOf } from './field-set.ts';
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

/** The fields of a value. */
export function fieldSetOf(value: unknown, structure: TypeStructure): FieldSet {
  return nodeFor(value, structure)?.children ?? EMPTY_SET;
}

/** Undefined: there is nothing to own in it. */
function nodeFor(value: unknown, type: TypeStructure): FieldNode | undefined {
  const structure = resolve(type, value);
  switch (structure.kind) {
    case 'scalar':
      return LEAF;
    case 'list':
      return structure.listType === 'atomic' ? LEAF : nodeOf(false, listSet(value, structure));
    default:
      return structure.atomic ? LEAF : nodeOf(false, mapSet(value, structure));
  }
}

function listSet(value: unknown, list: ListStructure): FieldSet {
  const set = new Map<PathElement, FieldNode>();
  for (const [element, items] of itemsByElement(asList(value), list)) {
    // Elements that stand there twice cannot be told apart, so they have one owner, as a whole.
    const node = items.length > 1 ? LEAF : nodeFor(items[0], list.element);
    set.set(element, { member: true, children: node?.children ?? EMPTY_SET });
  }
  return set;
}

function mapSet(value: unknown, map: MapStructure): FieldSet {
  const set = new Map<PathElement, FieldNode>();
  for (const [name, inner] of Object.entries(asMap(value))) {
    if (inner === undefined) continue;
    const node = nodeFor(inner, entryStructure(map, name));
    const member = node?.member === true || isBare(inner) || !map.fields.has(name);
    const own = nodeOf(member, node?.children ?? EMPTY_SET);
    if (own !== undefined) set.set(fieldElement(name), own);
  }
  return set;
}

function isBare(value: unknown): boolean {
  return value === null || (shapeOf(value) === 'map' && Object.keys(value as object).length === 0);
}

/** The set with every struct that has members below made a member: so that a struct goes when all in it goes. */
export function withStructs(set: FieldSet, type: TypeStructure | undefined): FieldSet {
  const result = new Map<PathElement, FieldNode>();
  for (const [element, node] of set) {
    const below = typeBelow(type, element);
    const named =
      element.startsWith('f:') && type?.kind === 'map' && type.fields.has(element.slice(2));
    const member = node.member || (named && node.children.size > 0);
    result.set(element, { member, children: withStructs(node.children, below) });
  }
  return result;
}

/** The type at a path element; undefined when there is none. */
export function typeBelow(
  type: TypeStructure | undefined,
  element: PathElement,
): TypeStructure | undefined {
  if (type === undefined || type.kind === 'scalar') return undefined;
  if (type.kind === 'any') return type;
  if (type.kind === 'list') return element.startsWith('f:') ? undefined : type.element;
  return element.startsWith('f:') ? (type.fields.get(element.slice(2)) ?? type.element) : undefined;
}

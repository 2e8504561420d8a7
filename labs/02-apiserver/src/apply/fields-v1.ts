// fields-v1: a set of fields in the form that objects carry it: nested JSON objects whose keys are path elements.
//
//   { spec.replicas, spec.template.metadata.labels, spec.template.metadata.labels.app }
//   {"f:spec":{"f:replicas":{},"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}}}}}
//
// An empty object is a member; "." is a member that has others below it. Keys stand in upstream's order, so the JSON is
// upstream's byte for byte. Path elements of unknown kinds are left out, as upstream does: a later version wrote them.
//
// Same format upstream: structured-merge-diff, fieldpath/serialize.go.

import {
  EMPTY_SET,
  type FieldNode,
  type FieldSet,
  LEAF,
  nodeOf,
  sortedNodes,
  union,
} from './field-set.ts';
import { type PathElement, PathElementError, parsePathElement } from './path-element.ts';

export type FieldsV1 = { readonly [element: string]: FieldsV1 };

/** Objects that are stored are never deeper; what a client sends may be. */
const DEPTH_MAX = 256;

export function fieldsV1Of(set: FieldSet): FieldsV1 {
  const fields: Record<string, FieldsV1> = {};
  for (const [element, { member, children }] of sortedNodes(set)) {
    const below = fieldsV1Of(children);
    fields[element] = member && children.size > 0 ? { '.': {}, ...below } : below;
  }
  return fields;
}

/** Throws PathElementError when the value is no FieldsV1. */
export function setOfFieldsV1(fields: unknown): FieldSet {
  return readNode(fields, 0).children;
}

function readNode(fields: unknown, depth: number): FieldNode {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new PathElementError('fields must be an object');
  }
  if (depth > DEPTH_MAX) throw new PathElementError(`fields are nested over ${DEPTH_MAX} deep`);
  const names = Object.keys(fields);
  if (names.length === 0) return LEAF;
  let member = false;
  const children = new Map<PathElement, FieldNode>();
  for (const name of names) {
    if (name === '.') {
      member = true;
      continue;
    }
    const element = parsePathElement(name);
    if (element === undefined) continue;
    const node = readNode((fields as Record<string, unknown>)[name], depth + 1);
    const twice = children.get(element);
    children.set(element, twice === undefined ? node : joined(twice, node));
  }
  return nodeOf(member || children.size === 0, children) ?? LEAF;
}

function joined(a: FieldNode, b: FieldNode): FieldNode {
  return { member: a.member || b.member, children: union(a.children, b.children) };
}

/** Of a set that nobody owns anything in. */
export const NO_FIELDS: FieldsV1 = fieldsV1Of(EMPTY_SET);

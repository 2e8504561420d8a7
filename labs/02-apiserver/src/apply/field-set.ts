// field-set: which fields somebody owns: a tree of path elements, some of which are members.
//
//   { spec.replicas, spec.template, spec.template.metadata.labels.app }
//   f:spec ─┬─ f:replicas  member
//           └─ f:template  member ── f:metadata ── f:labels ── f:app  member
//
// A member says nothing of what is below it, and a node with members below is no member itself: owning a list's element
// (`k:{…}` member) and owning its image (`f:image` below) are two things. Sets never change; every operation makes a new one
// and shares what it can. No set holds a node without members.
//
// Same structure upstream: structured-merge-diff, fieldpath/set.go.

import { compareElements, type PathElement, printElement } from './path-element.ts';

export type FieldSet = ReadonlyMap<PathElement, FieldNode>;

export interface FieldNode {
  readonly member: boolean;
  readonly children: FieldSet;
}

export type FieldPath = readonly PathElement[];

export const EMPTY_SET: FieldSet = new Map();
/** A member with nothing below it. */
export const LEAF: FieldNode = { member: true, children: EMPTY_SET };

/** A set of these paths; the empty path is the object itself, which nobody owns. */
export function setOfPaths(paths: Iterable<FieldPath>): FieldSet {
  let set = EMPTY_SET;
  for (const path of paths) set = union(set, setOfPath(path));
  return set;
}

function setOfPath([first, ...rest]: FieldPath): FieldSet {
  if (first === undefined) return EMPTY_SET;
  const node = rest.length === 0 ? LEAF : { member: false, children: setOfPath(rest) };
  return new Map([[first, node]]);
}

/** A node, or undefined when it would be empty. */
export function nodeOf(member: boolean, children: FieldSet): FieldNode | undefined {
  if (children.size === 0) return member ? LEAF : undefined;
  return { member, children };
}

/** What is in either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a.size === 0 || a === b) return b;
  if (b.size === 0) return a;
  const result = new Map(a);
  for (const [element, node] of b) {
    const own = a.get(element);
    result.set(element, own === undefined ? node : unionOfNodes(own, node));
  }
  return result;
}

function unionOfNodes(a: FieldNode, b: FieldNode): FieldNode {
  return { member: a.member || b.member, children: union(a.children, b.children) };
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  const result = new Map<PathElement, FieldNode>();
  for (const [element, node] of small) {
    const other = large.get(element);
    if (other === undefined) continue;
    const both = nodeOf(node.member && other.member, intersection(node.children, other.children));
    if (both !== undefined) result.set(element, both);
  }
  return result.size === 0 ? EMPTY_SET : result;
}

/** What is in `a` and not in `b`; a member of `b` takes nothing from below itself. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false);
}

/** Like difference(), but a member of `b` takes all that is below it with it. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, true);
}

function subtract(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet {
  if (a.size === 0 || b.size === 0) return a;
  let result: Map<PathElement, FieldNode> | undefined;
  for (const [element, node] of a) {
    const other = b.get(element);
    if (other === undefined) continue;
    result ??= new Map(a);
    const children = subtract(node.children, other.children, recursive);
    const left =
      recursive && other.member ? undefined : nodeOf(node.member && !other.member, children);
    if (left === undefined) result.delete(element);
    else result.set(element, left);
  }
  return result ?? a;
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let at: FieldSet = set;
  for (const [index, element] of path.entries()) {
    const node = at.get(element);
    if (node === undefined) return false;
    if (index === path.length - 1) return node.member;
    at = node.children;
  }
  return false;
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [element, node] of a) {
    const other = b.get(element);
    if (other === undefined || other.member !== node.member) return false;
    if (!sameSet(node.children, other.children)) return false;
  }
  return true;
}

/** The set's nodes in upstream's order. */
export function sortedNodes(set: FieldSet): [PathElement, FieldNode][] {
  const nodes = [...set];
  return nodes.length < 2 ? nodes : nodes.sort(([a], [b]) => compareElements(a, b));
}

/** Every member's path: at each level the members first, then what is below, as upstream walks. */
export function pathsOf(set: FieldSet): FieldPath[] {
  const nodes = sortedNodes(set);
  const members = nodes.filter(([, node]) => node.member).map(([element]) => [element]);
  const below = nodes.flatMap(([element, node]) =>
    pathsOf(node.children).map((path) => [element, ...path]),
  );
  return [...members, ...below];
}

/** `.spec.containers[name="web"].image` */
export function printPath(path: FieldPath): string {
  return path.map(printElement).join('');
}

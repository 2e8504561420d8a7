// managers: who owns which fields, before and after a write.
//
//   update   the writer owns all that it changed; everybody else loses what was changed or removed
//   apply    the writer owns all that its configuration says, and nothing else; what it said last time and no longer
//            says goes, unless somebody else owns it too; what others own and would change is a conflict, unless forced
//
// Pure: no clock, and objects go in and come out as they are. Several versions of a kind may own fields at once: `versions`
// converts the objects to the version of each owner; owners of versions that are no longer known lose everything.
//
// Same steps upstream: structured-merge-diff, merge/update.go.

import {
  difference,
  EMPTY_SET,
  type FieldNode,
  type FieldPath,
  type FieldSet,
  intersection,
  LEAF,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.ts';
import type { TypeStructure } from './type-structure.ts';
import { type Comparison, compareTyped, excludeFields, sameJson } from './typed-compare.ts';
import { mergeTyped } from './typed-merge.ts';
import { removeTyped } from './typed-remove.ts';
import { fieldSetOf, typeBelow, withStructs } from './typed-set.ts';

export interface OwnedFields {
  readonly apiVersion: string;
  readonly set: FieldSet;
  /** Owned by apply, not by an update. */
  readonly applied: boolean;
  /** False only when none of these fields is in the set: known without making the set, for entries that were just read. */
  mayOwn?(fields: FieldSet): boolean;
  /** True only when all of these fields are in the set, likewise. */
  owns?(fields: FieldSet): boolean;
}

/** By manager's identifier (managed-fields.ts). */
export type Managers = ReadonlyMap<string, OwnedFields>;

/** What a kind is, in each of its versions. */
export interface KindVersions {
  /** The version that this write speaks. */
  readonly apiVersion: string;
  /** Undefined: there is no such version any more. */
  structure(apiVersion: string): TypeStructure | undefined;
  convert(object: unknown, from: string, to: string): unknown;
  /** The fields that this write cannot change, as the resource resets them: the status, or all but the status. */
  ignored(apiVersion: string): FieldSet;
}

export interface Conflict {
  readonly manager: string;
  readonly path: FieldPath;
}

/** Somebody else owns what the configuration would change. */
export class ConflictError extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super(`${conflicts.length} fields have other managers`);
    this.conflicts = conflicts;
  }
}

/** The state that a write found, and the one that it leaves. */
export interface States {
  readonly live: unknown;
  readonly next: unknown;
}

export interface Updated {
  /** Everybody without what the write took from them; the writer without what it removed. */
  readonly managers: Managers;
  /** What the write changed or added: the writer's, beside what it owned before. */
  readonly own: FieldSet;
}

export function updateManagers(changes: Changes, managers: Managers, writer: string): Updated {
  const { added, modified } = changes.own();
  return { managers: takeFields(managers, changes, writer).managers, own: union(modified, added) };
}

export interface Applied {
  /** Undefined when the object stays as it is; its owners may have changed all the same. */
  readonly object: unknown;
  /** The applier's own entry is in it. */
  readonly managers: Managers;
}

/** Throws ConflictError unless `force`. */
export function applyManagers(
  { live, config }: { readonly live: unknown; readonly config: unknown },
  owners: { readonly managers: Managers; readonly manager: string; readonly force: boolean },
  versions: KindVersions,
): Applied {
  const { apiVersion } = versions;
  const structure = structureOf(versions);
  const managers = new Map(owners.managers);
  const last = managers.get(owners.manager);
  const set = recursiveDifference(fieldSetOf(config, structure), versions.ignored(apiVersion));
  managers.set(owners.manager, { apiVersion, set, applied: true });
  const merged = mergeTyped(live, config, structure);
  const next = prune(merged, { managers, last }, versions);
  managers.delete(owners.manager);
  const taken = takeFields(managers, new Changes({ live, next }, versions));
  if (!owners.force && taken.conflicts.length > 0) throw new ConflictError(taken.conflicts);
  if (set.size > 0) taken.managers.set(owners.manager, { apiVersion, set, applied: true });
  return { object: sameJson(live, next) ? undefined : next, managers: taken.managers };
}

/** What a write changed, as each version of the kind sees it. */
export class Changes {
  readonly #states: States;
  readonly #versions: KindVersions;
  readonly #known = new Map<string, Comparison | undefined>();

  constructor(states: States, versions: KindVersions) {
    this.#states = states;
    this.#versions = versions;
  }

  own(): Comparison {
    return this.at(this.#versions.apiVersion) ?? NO_CHANGE;
  }

  at(apiVersion: string): Comparison | undefined {
    if (!this.#known.has(apiVersion)) this.#known.set(apiVersion, this.#compare(apiVersion));
    return this.#known.get(apiVersion);
  }

  #compare(apiVersion: string): Comparison | undefined {
    const versions = this.#versions;
    const structure = versions.structure(apiVersion);
    if (structure === undefined) return undefined;
    const live = convert(this.#states.live, versions, apiVersion);
    const next = convert(this.#states.next, versions, apiVersion);
    return excludeFields(compareTyped(live, next, structure), versions.ignored(apiVersion));
  }
}

const NO_CHANGE: Comparison = { added: EMPTY_SET, modified: EMPTY_SET, removed: EMPTY_SET };

function convert(object: unknown, versions: KindVersions, to: string): unknown {
  const from = versions.apiVersion;
  return from === to ? object : versions.convert(object, from, to);
}

interface Taken {
  readonly managers: Map<string, OwnedFields>;
  readonly conflicts: readonly Conflict[];
}

/** Everybody but the writer loses what changed; what changed and had another owner is a conflict with that owner. */
function takeFields(managers: Managers, changes: Changes, writer?: string): Taken {
  const left = new Map<string, OwnedFields>();
  const conflicts: Conflict[] = [];
  for (const [manager, owned] of managers) {
    const comparison = changes.at(owned.apiVersion);
    if (comparison === undefined) continue;
    const { added, modified, removed } = comparison;
    const changed = manager === writer ? EMPTY_SET : union(modified, added);
    if (owned.mayOwn?.(changed) === false && owned.mayOwn(removed) === false) {
      left.set(manager, owned);
      continue;
    }
    const taken = intersection(owned.set, changed);
    for (const path of pathsOf(taken)) conflicts.push({ manager, path });
    const set = difference(difference(owned.set, taken), removed);
    const { apiVersion, applied } = owned;
    if (set.size > 0) left.set(manager, set === owned.set ? owned : { apiVersion, applied, set });
  }
  return { managers: left, conflicts };
}

/**
 * The merged object without what the applier said last time and no longer says, unless somebody owns it: others, or the
 * applier itself by what it says now. Done in the version of last time, as only there its fields can be found.
 */
function prune(
  merged: unknown,
  { managers, last }: { managers: Managers; last: OwnedFields | undefined },
  versions: KindVersions,
): unknown {
  if (last === undefined || last.set.size === 0) return merged;
  const structure = versions.structure(last.apiVersion);
  if (structure === undefined) return merged;
  const lastSet = withStructs(last.set, structure);
  const before = convert(merged, versions, last.apiVersion);
  let pruned = removeTyped(before, lastSet, structure);
  let at = last.apiVersion;
  for (const [apiVersion, owned] of ownedByVersion(managers, last.apiVersion)) {
    const own = versions.structure(apiVersion);
    if (own === undefined) continue;
    const whole = convert(merged, versions, apiVersion);
    const rest = at === apiVersion ? pruned : versions.convert(pruned, at, apiVersion);
    const kept = union(membersOf(rest, own), withStructs(owned, own));
    pruned = removeTyped(whole, difference(membersOf(whole, own), kept), own);
    at = apiVersion;
  }
  const rest = at === last.apiVersion ? pruned : versions.convert(pruned, at, last.apiVersion);
  const gone = difference(membersOf(before, structure), membersOf(rest, structure));
  // Only what the applier owned may go: what nobody owns was somebody's default and stays.
  const result = removeTyped(before, intersection(gone, lastSet), structure);
  const { apiVersion } = versions;
  return last.apiVersion === apiVersion
    ? result
    : versions.convert(result, last.apiVersion, apiVersion);
}

function membersOf(object: unknown, structure: TypeStructure): FieldSet {
  return withStructs(fieldSetOf(object, structure), structure);
}

/** All that anybody owns, by version; the given version first. */
function ownedByVersion(managers: Managers, first: string): Map<string, FieldSet> {
  const result = new Map<string, FieldSet>([[first, EMPTY_SET]]);
  for (const { apiVersion, set } of managers.values()) {
    result.set(apiVersion, union(result.get(apiVersion) ?? EMPTY_SET, set));
  }
  return result;
}

function structureOf(versions: KindVersions): TypeStructure {
  const structure = versions.structure(versions.apiVersion);
  if (structure === undefined) throw new Error(`No structure for ${versions.apiVersion}`);
  return structure;
}

/** The set for a type that became atomic since: who owned a part of it now owns it all. */
export function reconciledSet(set: FieldSet, type: TypeStructure | undefined): FieldSet {
  let result: Map<string, FieldNode> | undefined;
  for (const [element, node] of set) {
    if (node.children.size === 0) continue;
    const below = typeBelow(type, element);
    if (below === undefined || below.kind === 'any' || below.kind === 'scalar') continue;
    const atomic = below.kind === 'list' ? below.listType === 'atomic' : below.atomic;
    const children = atomic ? EMPTY_SET : reconciledSet(node.children, below);
    if (children === node.children) continue;
    result ??= new Map(set);
    result.set(element, atomic ? LEAF : { member: node.member, children });
  }
  return result ?? set;
}

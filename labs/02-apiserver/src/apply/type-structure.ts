// type-structure: what server-side apply must know of a type: what is merged field by field, and what only as a whole.
//
//   scalar   one value, one owner
//   map      a struct (`fields`) or a map of the same (`element`); atomic: one owner for all of it
//   list     atomic: one owner; set: each value has its owner; map: each element, told apart by its `keys`, has its own
//   any      a value without a schema: maps are merged by key, lists are atomic (or all of it, when atomic)
//
// Built-in kinds get theirs from the catalog (kind-structure.ts), custom resources from their schema (schema-structure.ts).
//
// Same idea upstream: structured-merge-diff, schema/elements.go (Atom, ElementRelationship).

export type TypeStructure = ScalarStructure | MapStructure | ListStructure | AnyStructure;

export interface ScalarStructure {
  readonly kind: 'scalar';
  /** untyped: text or number, as quantities and times are. */
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped';
}

export interface MapStructure {
  readonly kind: 'map';
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, TypeStructure>;
  /** What entries are that are no field; undefined: there may be none. */
  readonly element?: TypeStructure;
}

export interface ListStructure {
  readonly kind: 'list';
  readonly listType: 'atomic' | 'set' | 'map';
  readonly element: TypeStructure;
  /** Of a `map` list, sorted or not. */
  readonly keys: readonly string[];
  /** What a key is when the element leaves it out. */
  readonly keyDefaults: Readonly<Record<string, string | number | boolean>>;
}

export interface AnyStructure {
  readonly kind: 'any';
  readonly atomic: boolean;
}

export const STRING: ScalarStructure = { kind: 'scalar', scalar: 'string' };
export const NUMERIC: ScalarStructure = { kind: 'scalar', scalar: 'numeric' };
export const BOOLEAN: ScalarStructure = { kind: 'scalar', scalar: 'boolean' };
export const UNTYPED: ScalarStructure = { kind: 'scalar', scalar: 'untyped' };
export const ANY: AnyStructure = { kind: 'any', atomic: false };
export const ANY_ATOMIC: AnyStructure = { kind: 'any', atomic: true };

const NO_KEY_DEFAULTS = {};
const NO_FIELDS: ReadonlyMap<string, TypeStructure> = new Map();

export function atomicList(element: TypeStructure): ListStructure {
  return { kind: 'list', listType: 'atomic', element, keys: [], keyDefaults: NO_KEY_DEFAULTS };
}

export function setList(element: TypeStructure): ListStructure {
  return { ...atomicList(element), listType: 'set' };
}

export function keyedList(
  element: TypeStructure,
  keys: readonly string[],
  keyDefaults: ListStructure['keyDefaults'] = NO_KEY_DEFAULTS,
): ListStructure {
  return { kind: 'list', listType: 'map', element, keys, keyDefaults };
}

/** A map whose entries are all alike. */
export function mapOf(element: TypeStructure, atomic = false): MapStructure {
  return { kind: 'map', atomic, fields: NO_FIELDS, element };
}

export type ValueShape = 'map' | 'list' | 'scalar' | 'none';

export function shapeOf(value: unknown): ValueShape {
  if (value === undefined || value === null) return 'none';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : 'scalar';
}

const DEDUCED_LIST = atomicList(ANY_ATOMIC);
const DEDUCED_MAP = mapOf(ANY);

/** The structure for this very value: for a type that may be anything, what the value turns out to be. */
export function resolve(
  structure: TypeStructure,
  value: unknown,
): Exclude<TypeStructure, AnyStructure> {
  if (structure.kind !== 'any') return structure;
  switch (shapeOf(value)) {
    case 'map':
      return structure.atomic ? ATOMIC_MAP : DEDUCED_MAP;
    case 'list':
      return DEDUCED_LIST;
    default:
      return UNTYPED;
  }
}

const ATOMIC_MAP = mapOf(ANY_ATOMIC, true);

/** The type of a map's entry; what no schema mentions is merged as whatever it is. */
export function entryStructure(structure: MapStructure, name: string): TypeStructure {
  return structure.fields.get(name) ?? structure.element ?? ANY;
}

export type JsonMap = Readonly<Record<string, unknown>>;

export function asMap(value: unknown): JsonMap {
  return shapeOf(value) === 'map' ? (value as JsonMap) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

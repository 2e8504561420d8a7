// strategic-merge: a merge patch that knows which lists are lists of things with names.
//
// A plain merge patch replaces lists, so changing one container's image would need all containers. Here the schema says which
// lists merge, and by which key. Directives in the patch say what a merge cannot express:
//
//   $patch: replace | delete | merge            of the object it stands in (or, as an element, of the list around it)
//   $deleteFromPrimitiveList/<field>: [values]  takes values out of a merging list of strings or numbers
//   $setElementOrder/<field>: [keys]            the order of the elements afterwards
//   $retainKeys: [fields]                       everything else in this object goes (for unions: volumes, deployment strategy)
//
// The patch's own nulls delete. Nothing that comes in is changed.
//
// Same rules upstream: apimachinery, pkg/util/strategicpatch.

import { badRequest } from '../api-error.ts';
import { setOwn } from '../codec/copy-json.ts';
import { type StructType, structType, type ValueType } from '../schema/go-types.ts';
import { type MergeRule, mergeRuleOf } from './merge-keys.ts';
import { isMap, type JsonMap, mergePatch } from './merge-patch.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder/';

export function strategicMerge(current: JsonMap, patch: JsonMap, definition: string): JsonMap {
  return mergeMaps(current, patch, structType(definition));
}

/** Without a type (free-form maps) directives still work, and lists are replaced. */
function mergeMaps(original: JsonMap, patch: JsonMap, type: StructType | undefined): JsonMap {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`Unknown patch type '${String(directive)}' in: ${JSON.stringify(patch)}`);
  }
  const result: JsonMap = retained(original, patch);
  for (const [key, change] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS) continue;
    const listOf = (prefix: string): string => key.slice(prefix.length);
    if (key.startsWith(DELETE_FROM_LIST)) deleteValues(result, listOf(DELETE_FROM_LIST), change);
    else if (key.startsWith(SET_ORDER)) {
      if (!Object.hasOwn(patch, listOf(SET_ORDER)))
        orderOnly(result, listOf(SET_ORDER), change, type);
    } else mergeField(result, key, change, { patch, type });
  }
  return result;
}

function mergeField(
  result: JsonMap,
  key: string,
  change: unknown,
  { patch, type }: { readonly patch: JsonMap; readonly type: StructType | undefined },
): void {
  if (change === null) {
    delete result[key];
    return;
  }
  const field = type?.fields.get(key)?.type;
  const rule = type === undefined ? undefined : mergeRuleOf(type.definition, key);
  const before = result[key];
  if (isMap(change) && rule?.replace !== true) {
    setOwn(result, key, mergeMaps(isMap(before) ? before : {}, change, structOf(field)));
  } else if (Array.isArray(change) && rule?.merge) {
    const order = patch[SET_ORDER + key];
    const options = { rule, field, order: Array.isArray(order) ? order : undefined };
    setOwn(result, key, mergeLists(Array.isArray(before) ? before : [], change, options));
  } else {
    setOwn(result, key, change);
  }
}

function structOf(type: ValueType | undefined): StructType | undefined {
  return type?.kind === 'struct' ? structType(type.definition) : undefined;
}

interface ListMerge {
  readonly rule: MergeRule;
  readonly field: ValueType | undefined;
  readonly order?: readonly unknown[] | undefined;
}

function mergeLists(
  before: readonly unknown[],
  change: readonly unknown[],
  options: ListMerge,
): unknown[] {
  const { rule, field, order } = options;
  const { mergeKey } = rule;
  if (mergeKey === undefined) {
    const known = new Set(before);
    const all = [...before, ...change.filter((value) => !known.has(value))];
    return order === undefined ? all : inOrder(all, order, before, (value) => value);
  }
  const element = field?.kind === 'array' ? structOf(field.element) : undefined;
  const changes = change.map((item) => elementOf(item, mergeKey));
  if (changes.some((item) => isListDirective(item, mergeKey, 'replace'))) {
    return changes
      .filter((item) => !isListDirective(item, mergeKey, 'replace'))
      .map(withoutDirectives);
  }
  const list = new KeyedList(before.filter(isMap), mergeKey);
  for (const item of changes) mergeElement(list, item, element);
  const keyOf = (value: unknown): unknown => (isMap(value) ? value[mergeKey] : undefined);
  const result = list.items();
  return order === undefined ? result : inOrder(result, order.map(keyOf), before.map(keyOf), keyOf);
}

/** The elements of a list by their key, so that a patch of a thousand elements does not search a thousand times. */
class KeyedList {
  readonly mergeKey: string;
  readonly #items: (JsonMap | undefined)[];
  readonly #places = new Map<unknown, number[]>();

  constructor(items: readonly JsonMap[], mergeKey: string) {
    this.mergeKey = mergeKey;
    this.#items = [...items];
    for (const [index, item] of items.entries()) this.#note(item[mergeKey], index);
  }

  #note(key: unknown, index: number): void {
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [index]);
    else places.push(index);
  }

  get(key: unknown): JsonMap | undefined {
    const [first] = this.#places.get(key) ?? [];
    return first === undefined ? undefined : this.#items[first];
  }

  set(key: unknown, item: JsonMap): void {
    const [first] = this.#places.get(key) ?? [];
    if (first !== undefined) this.#items[first] = item;
    else this.#note(key, this.#items.push(item) - 1);
  }

  delete(key: unknown): void {
    for (const index of this.#places.get(key) ?? []) this.#items[index] = undefined;
    this.#places.delete(key);
  }

  items(): JsonMap[] {
    return this.#items.filter((item) => item !== undefined);
  }
}

function mergeElement(list: KeyedList, change: JsonMap, type: StructType | undefined): void {
  const key = change[list.mergeKey];
  if (key === undefined || key === null) {
    throw badRequest(
      `map: ${JSON.stringify(change)} does not contain declared merge key: ${list.mergeKey}`,
    );
  }
  if (change[DIRECTIVE] === 'delete') list.delete(key);
  else list.set(key, mergeMaps(list.get(key) ?? {}, change, type));
}

/** `- $patch: replace` alone as an element speaks of the whole list. */
function isListDirective(item: JsonMap, mergeKey: string, directive: string): boolean {
  return item[DIRECTIVE] === directive && item[mergeKey] === undefined;
}

function elementOf(item: unknown, mergeKey: string): JsonMap {
  if (isMap(item)) return item;
  throw badRequest(
    `expected a map with merge key ${mergeKey} in a list of the patch, got: ${JSON.stringify(item)}`,
  );
}

function retained(original: JsonMap, patch: JsonMap): JsonMap {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys))
    throw badRequest('invalid patch format of $retainKeys: expected a list');
  const listed = new Set<unknown>(keys);
  const unlisted = Object.keys(patch).find((key) => !key.startsWith('$') && !listed.has(key));
  if (unlisted !== undefined) {
    throw badRequest('all keys in the patch must be in the $retainKeys list of the patch');
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => listed.has(key)));
}

function deleteValues(result: JsonMap, field: string, values: unknown): void {
  if (!Array.isArray(values)) {
    throw badRequest('invalid patch format of $deleteFromPrimitiveList: expected a list');
  }
  const list = result[field];
  const gone = new Set<unknown>(values);
  if (Array.isArray(list)) result[field] = list.filter((value: unknown) => !gone.has(value));
}

/** The order alone is given: kubectl sends that when elements were only moved or deleted. */
function orderOnly(
  result: JsonMap,
  field: string,
  order: unknown,
  type: StructType | undefined,
): void {
  const list = result[field];
  const rule = type === undefined ? undefined : mergeRuleOf(type.definition, field);
  if (!Array.isArray(order))
    throw badRequest(`invalid patch format of ${SET_ORDER}${field}: expected a list`);
  if (!Array.isArray(list) || rule?.merge !== true) return;
  const { mergeKey } = rule;
  const keyOf = (value: unknown): unknown =>
    mergeKey === undefined || !isMap(value) ? value : value[mergeKey];
  result[field] = inOrder(list, order.map(keyOf), list.map(keyOf), keyOf);
}

/** Listed elements take the order's places; others (that the patch's author did not know of) stay behind their old neighbours. */
function inOrder(
  list: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  keyOf: (value: unknown) => unknown,
): unknown[] {
  const rank = indexOfEach(order);
  const position = indexOfEach(before);
  const listed = list
    .filter((value) => rank.has(keyOf(value)))
    .sort((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  /** How far into the old list the listed elements reach, up to and with each of them. */
  let reached = -1;
  const reach = listed.map((value) => {
    reached = Math.max(reached, position.get(keyOf(value)) ?? -1);
    return reached;
  });
  const gaps: unknown[][] = [...listed, undefined].map(() => []);
  for (const value of list) {
    if (rank.has(keyOf(value))) continue;
    const own = position.get(keyOf(value));
    const gap = own === undefined ? listed.length : firstBeyond(reach, own);
    gaps[gap]?.push(value);
  }
  return gaps.flatMap((gap, index) => (index < listed.length ? [...gap, listed[index]] : gap));
}

function indexOfEach(values: readonly unknown[]): Map<unknown, number> {
  const found = new Map<unknown, number>();
  for (const [index, value] of values.entries()) if (!found.has(value)) found.set(value, index);
  return found;
}

/** Where the first number over `limit` stands in a list that never falls; its length when there is none. */
function firstBeyond(rising: readonly number[], limit: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

function withoutDirectives(patch: JsonMap): JsonMap {
  const entries = Object.entries(patch).filter(([key]) => !key.startsWith('$'));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutNulls(value)]));
}

/** What is new has nothing to delete: nulls inside it are nothing. */
function withoutNulls(value: unknown): unknown {
  return isMap(value) ? mergePatch({}, value) : value;
}

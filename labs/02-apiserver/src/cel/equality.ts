// equality: when two values of an expression are the same, and what `+` does to lists that are sets or maps.
//
// Numbers of different types are compared by what they are worth. A list is usually a sequence, but one whose schema says
// `x-kubernetes-list-type: set` or `map` is compared, and added to, without regard to order; its values carry that with them.
// Values of a type of their own (objects, quantities, addresses) know themselves what equals them.
//
// Same rules upstream: apiextensions-apiserver, pkg/apiserver/schema/cel/values.go, and cel-go, common/types.

import { Optional } from '@marcbachmann/cel-js';
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { charge, chargeLength } from './cost.ts';

/** The method of a value that compares itself. */
export const EQUALS = Symbol('equals');
/** Of a list: gives each item what tells it from the others. */
export const IDENTITY = Symbol('identity');

export type List = readonly unknown[] & { readonly [IDENTITY]?: (item: unknown) => unknown };

interface Comparable {
  [EQUALS](other: unknown): boolean;
}

/** `a == b` in an expression. Never throws but when it has become too expensive. */
export function equal(a: unknown, b: unknown): boolean {
  charge(1);
  if (a === b) return true;
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length === b.length) chargeLength(a);
    return false;
  }
  const [x, y] = [number(a), number(b)];
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1.
  if (x !== undefined && y !== undefined) return x == y;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (EQUALS in a) return (a as Comparable)[EQUALS](b);
  if (Array.isArray(a)) return Array.isArray(b) && sameLists(a, b);
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Duration) {
    return b instanceof Duration && a.seconds === b.seconds && a.nanos === b.nanos;
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Optional) return b instanceof Optional && sameOptionals(a, b);
  return isMap(a) && isMap(b) && sameMaps(entriesOf(a), entriesOf(b));
}

/** Maps that are written in an expression are plain objects. Anything else (a type) is equal to itself only. */
function isMap(value: object): boolean {
  return value instanceof Map || value.constructor === Object;
}

function number(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return value instanceof UnsignedInt ? value.valueOf() : undefined;
}

/** In order; or, where the schema says that order means nothing, each item with the one that has its keys. */
function sameLists(a: List, b: List): boolean {
  if (a.length !== b.length) return false;
  const identity = a[IDENTITY] ?? b[IDENTITY];
  if (identity === undefined) return a.every((item, index) => equal(item, b[index]));
  chargeLength(a);
  const byIdentity = new Map(a.map((item) => [identity(item), item]));
  return b.every((item) => {
    const key = identity(item);
    return byIdentity.has(key) && equal(byIdentity.get(key), item);
  });
}

function sameOptionals(a: Optional, b: Optional): boolean {
  if (!a.hasValue() || !b.hasValue()) return a.hasValue() === b.hasValue();
  return equal(a.value(), b.value());
}

function sameMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  return (
    a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)))
  );
}

function entriesOf(value: object): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : new Map(Object.entries(value));
}

/** `a + b`: a set keeps each value once; of a map the right side's items take the place of the left's. */
export function addLists(a: List, b: List): List {
  charge((a.length + b.length) / 10);
  const identity = a[IDENTITY];
  if (identity === undefined) return [...a, ...b];
  const merged = new Map(a.map((item) => [identity(item), item]));
  for (const item of b) merged.set(identity(item), item);
  return withIdentity([...merged.values()], identity);
}

/** `items` is a list of the caller's own: it becomes a set or a map. */
export function withIdentity(items: unknown[], identity: (item: unknown) => unknown): List {
  return Object.assign(items, { [IDENTITY]: identity });
}

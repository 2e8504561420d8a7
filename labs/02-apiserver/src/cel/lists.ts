// lists: isSorted, sum, min, max, indexOf and lastIndexOf of lists, and sets.contains, sets.equivalent, sets.intersects.
//
// Same functions upstream: apiserver, pkg/cel/library/lists.go, and cel-go, ext/sets.go.

import type { Environment } from '@marcbachmann/cel-js';
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { charge, chargeLength } from './cost.ts';
import { declare, declareNamespace } from './declare.ts';
import { equal, type List } from './equality.ts';

const DURATION = 'google.protobuf.Duration';
const SUMMABLE = ['int', 'uint', 'double', DURATION];
const COMPARABLE = [...SUMMABLE, 'bool', 'string', 'bytes', 'google.protobuf.Timestamp'];

export function registerLists(environment: Environment): void {
  for (const type of COMPARABLE) {
    declare(environment, {
      [`list<${type}>.isSorted(): bool`]: isSorted,
      [`list<${type}>.min(): ${type}`]: (list: List) => extreme(list, 'min', -1),
      [`list<${type}>.max(): ${type}`]: (list: List) => extreme(list, 'max', 1),
    });
  }
  for (const type of SUMMABLE) {
    declare(environment, { [`list<${type}>.sum(): ${type}`]: (list: List) => sum(list, type) });
  }
  declare(environment, {
    'list<A>.k8s_indexOf(A): int': (list: List, item: unknown) =>
      BigInt(list.findIndex((one) => equal(one, item))),
    'list<A>.k8s_lastIndexOf(A): int': (list: List, item: unknown) =>
      BigInt(list.findLastIndex((one) => equal(one, item))),
  });
  declareNamespace(environment, 'sets', {
    'contains(list<A>, list<A>): bool': (all: List, some: List) =>
      some.every((item) => has(all, item)),
    'equivalent(list<A>, list<A>): bool': (a: List, b: List) =>
      a.every((item) => has(b, item)) && b.every((item) => has(a, item)),
    'intersects(list<A>, list<A>): bool': (a: List, b: List) => a.some((item) => has(b, item)),
  });
}

function has(list: List, item: unknown): boolean {
  return list.some((one) => equal(one, item));
}

function isSorted(list: List): boolean {
  chargeLength(list);
  return list.every((item, index) => index === 0 || compare(list[index - 1], item) <= 0);
}

/** The first of the greatest (`sign` 1) or least (-1) items. */
function extreme(list: List, name: string, sign: 1 | -1): unknown {
  chargeLength(list);
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
}

/** What an empty list adds up to is a matter of its type; of any other, its items say it: the list may be dynamic. */
function sum(list: List, type: string): unknown {
  chargeLength(list);
  const [first] = list;
  if (first instanceof Duration || (first === undefined && type === DURATION)) {
    return (list as Duration[]).reduce((total, one) => total.addDuration(one), new Duration(0n));
  }
  if (typeof first === 'number' || (first === undefined && type === 'double')) {
    return (list as number[]).reduce((total, one) => total + one, 0);
  }
  const total = list.reduce<bigint>((so, one) => so + BigInt(String(one)), 0n);
  if (total !== BigInt.asIntN(64, total)) throw new Error('integer overflow');
  return first instanceof UnsignedInt ? new UnsignedInt(total) : total;
}

/** Below, at or above zero. Dates and durations know their value as a number. */
function compare(a: unknown, b: unknown): number {
  charge(1);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  const [x, y] = [a as string, b as string];
  return x < y ? -1 : x > y ? 1 : 0;
}

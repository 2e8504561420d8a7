// RangeOrder: a range with etcd's filters and orders around it.
//
//   all kvs of the range → revision bounds → sort → limit → values away
// The bounds change neither `count` nor which keys are looked at, and the limit comes after the sort: with any of
// them the whole range is read first. A plain range goes straight to the state, which stops at its limit.
// Among equals the order of keys stays; etcd's is any.
// Upstream: etcd, server/etcdserver/txn/range.go.

import { NO_BYTES } from './change.ts';
import type { KeyValue, RangeRequest, SortTarget } from './kv.ts';
import type { Mvcc, RangeResult } from './mvcc.ts';

type By = (a: KeyValue, b: KeyValue) => number;

const BY: Readonly<Record<SortTarget, By>> = {
  key: (a, b) => Number(a.key > b.key) - Number(a.key < b.key),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => Buffer.compare(a.value, b.value),
};

export function orderedRange(mvcc: Mvcc, request: RangeRequest, revision: number): RangeResult {
  const { key, rangeEnd = '', limit = 0, keysOnly = false, countOnly = false, sort } = request;
  const isSorted = sort !== undefined && (sort.target !== 'key' || sort.order === 'descend');
  if (countOnly || !(isSorted || isBounded(request))) return mvcc.range(request, revision);
  const { kvs: all, count } = mvcc.range({ key, rangeEnd }, revision);
  const found = isBounded(request) ? all.filter((kv) => isInBounds(kv, request)) : [...all];
  if (isSorted) {
    const by = BY[sort.target];
    found.sort(sort.order === 'descend' ? (a, b) => by(b, a) : by);
  }
  const kvs = limit > 0 ? found.slice(0, limit) : found;
  return {
    kvs: keysOnly ? kvs.map((kv) => ({ ...kv, value: NO_BYTES })) : kvs,
    more: kvs.length < found.length,
    count,
  };
}

function isBounded(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return Boolean(minModRevision || maxModRevision || minCreateRevision || maxCreateRevision);
}

function isInBounds(kv: KeyValue, request: RangeRequest): boolean {
  return (
    isBetween(kv.modRevision, request.minModRevision, request.maxModRevision) &&
    isBetween(kv.createRevision, request.minCreateRevision, request.maxCreateRevision)
  );
}

/** 0 = no bound. */
function isBetween(revision: number, min = 0, max = 0): boolean {
  return (min === 0 || revision >= min) && (max === 0 || revision <= max);
}

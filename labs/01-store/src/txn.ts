// Txn: compare, then do one of two lists of operations, all in one revision.
//
// First everything that can be wrong is found (checkTxn, checkReads), then the operations run on
// the state one after another (execute). So a transaction never stops half way.
// An operation sees what the ones before it did. No key may be changed twice: which of two puts
// would win is not for the store to say, so the request is refused as in etcd.
// Upstream: etcd, server/etcdserver/api/v3rpc/key.go (checks) and server/etcdserver/txn (apply).
// Left out: transactions inside transactions, compares over a range and by lease.
import {
  type Compare,
  type CompareResult,
  inRange,
  type Key,
  type KeyValue,
  type Op,
  type OpResponse,
  StoreError,
  type StoreEvent,
  type TxnRequest,
} from './kv.ts';
import { assertReadable, type Mvcc } from './mvcc.ts';

/** etcd's --max-txn-ops and --max-request-bytes. */
const TXN_OPS_MAX = 128;
const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;

export interface Executed {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
  readonly responses: readonly OpResponse[];
}

/** Throws 'invalid' or 'too-large' for a request that no state could satisfy. */
export function checkTxn({ compare, success, failure }: TxnRequest): void {
  if (Math.max(compare.length, success.length, failure.length) > TXN_OPS_MAX) {
    throw new StoreError('invalid', 'etcdserver: too many operations in txn request');
  }
  let bytes = 0;
  for (const part of [...compare, ...success, ...failure]) {
    checkRange(part);
    bytes += part.key.length + valueBytesOf(part);
  }
  if (bytes > REQUEST_BYTES_MAX) {
    throw new StoreError('too-large', 'etcdserver: request is too large');
  }
  checkDuplicates(success);
  checkDuplicates(failure);
}

/** Throws unless the keys are byte strings, and there is one. */
export function checkRange({ key, rangeEnd = '' }: { key: Key; rangeEnd?: Key }): void {
  if (key.length === 0) throw new StoreError('invalid', 'etcdserver: key is not provided');
  if (!isByteString(key) || !isByteString(rangeEnd)) {
    throw new StoreError('invalid', 'a key has one char per byte: encode it, do not pass text');
  }
}

/** Throws 'compacted' or 'future-revision' when an operation reads where nothing can be read. */
export function checkReads(mvcc: Mvcc, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.kind === 'range' && op.revision) assertReadable(mvcc, op.revision);
  }
}

export function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === 'value') {
    return kv !== undefined && answers(compare.result, Buffer.compare(kv.value, compare.value));
  }
  const actual = {
    mod: kv?.modRevision ?? 0,
    create: kv?.createRevision ?? 0,
    version: kv?.version ?? 0,
  }[compare.target];
  return answers(compare.result, actual - compare.value);
}

/** Runs checked operations and commits what they changed, as one revision. */
export function execute(mvcc: Mvcc, ops: readonly Op[]): Executed {
  const responses = ops.map((op) => executeOne(mvcc, op));
  const events = mvcc.commit();
  const revision = mvcc.revision;
  return { revision, events, responses: responses.map((response) => ({ ...response, revision })) };
}

function executeOne(mvcc: Mvcc, op: Op): OpResponse {
  // One above the newest revision: what this transaction did so far is visible to it.
  const now = mvcc.revision + 1;
  const revision = 0; // Known at the end: it depends on whether anything changes.
  switch (op.kind) {
    case 'range':
      return { kind: 'range', revision, ...mvcc.range(op, op.revision || now) };
    case 'put': {
      const { key, value, lease = '0' } = op;
      const { prevKv } = mvcc.stage({ type: 'put', key, value, lease });
      return { kind: 'put', revision, ...(op.prevKv && prevKv ? { prevKv } : {}) };
    }
    case 'delete': {
      const { kvs } = mvcc.range(op, now);
      for (const { key } of kvs) mvcc.stage({ type: 'delete', key });
      return { kind: 'delete', revision, deleted: kvs.length, prevKvs: op.prevKv ? kvs : [] };
    }
    default:
      return op satisfies never;
  }
}

function checkDuplicates(ops: readonly Op[]): void {
  const puts = new Set<Key>();
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    if (puts.has(op.key)) throw duplicateKey();
    puts.add(op.key);
  }
  for (const op of ops) {
    if (op.kind !== 'delete') continue;
    for (const key of puts) if (inRange(key, op)) throw duplicateKey();
  }
}

function duplicateKey(): StoreError {
  return new StoreError('invalid', 'etcdserver: duplicate key given in txn request');
}

function valueBytesOf(part: Compare | Op): number {
  return 'value' in part && typeof part.value !== 'number' ? part.value.length : 0;
}

function isByteString(text: string): boolean {
  return /^[\0-\xff]*$/.test(text);
}

function answers(result: CompareResult, difference: number): boolean {
  switch (result) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
    default:
      return result satisfies never;
  }
}

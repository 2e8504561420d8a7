// Txn: compare, then do one of two lists of operations, all in one revision.
//
// First everything that can be wrong is found (checkTxn), then it is decided what happens (choose), then what the state
// does not allow is found (checkChosen), and only then the operations run on the state one after another (execute). So a
// transaction never stops half way. The two checks are in txn-check.ts.
// An operation sees what the ones before it did; a comparison, of an inner transaction too, sees only what was there
// before all of them. No key may be changed twice: which of two puts would win is not for the store to say, so the
// request is refused as in etcd.
// Upstream: etcd, server/etcdserver/txn; checkDuplicates is in server/etcdserver/api/v3rpc/key.go (checkIntervals).
import { ChangedKeys } from './changed-keys.ts';
import type {
  Compare,
  CompareResult,
  KeyValue,
  Op,
  OpResponse,
  StoreEvent,
  TxnRequest,
} from './kv.ts';
import type { Mvcc } from './mvcc.ts';
import { orderedRange } from './range-order.ts';

/** What of a transaction happens, and of the transactions in it. */
export interface Choice {
  readonly succeeded: boolean;
  readonly ops: readonly ChosenOp[];
}

export type ChosenOp = Exclude<Op, { kind: 'txn' }> | ({ readonly kind: 'txn' } & Choice);

export interface Executed {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
  readonly responses: readonly OpResponse[];
}

/** Throws when a key would be changed twice; returns the keys that may be changed. */
export function checkDuplicates(ops: readonly Op[]): ChangedKeys {
  const changed = new ChangedKeys();
  for (const op of ops) if (op.kind === 'delete') changed.addDelete(op);
  for (const op of ops) {
    if (op.kind !== 'txn') continue;
    changed.addEither(checkDuplicates(op.success), checkDuplicates(op.failure));
  }
  for (const op of ops) if (op.kind === 'put') changed.addPut(op.key);
  return changed;
}

/** Compares, all of it before anything changes. */
export function choose(mvcc: Mvcc, { compare, success, failure }: TxnRequest): Choice {
  const succeeded = compare.every((c) => holdsIn(mvcc, c));
  const ops = succeeded ? success : failure;
  return {
    succeeded,
    ops: ops.map((op) => (op.kind === 'txn' ? { kind: 'txn', ...choose(mvcc, op) } : op)),
  };
}

/** Whether it holds for the key, or for every key of the range. */
function holdsIn(mvcc: Mvcc, compare: Compare): boolean {
  const { revision } = mvcc;
  if (!compare.rangeEnd) return holds(compare, mvcc.get(compare.key, revision));
  const { kvs } = mvcc.range({ key: compare.key, rangeEnd: compare.rangeEnd }, revision);
  return kvs.length === 0 ? holds(compare, undefined) : kvs.every((kv) => holds(compare, kv));
}

export function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  switch (compare.target) {
    case 'value':
      return kv !== undefined && answers(compare.result, Buffer.compare(kv.value, compare.value));
    case 'lease':
      return answers(compare.result, order(BigInt(kv?.lease ?? '0'), BigInt(compare.value)));
    case 'mod':
      return answers(compare.result, (kv?.modRevision ?? 0) - compare.value);
    case 'create':
      return answers(compare.result, (kv?.createRevision ?? 0) - compare.value);
    case 'version':
      return answers(compare.result, (kv?.version ?? 0) - compare.value);
    default:
      return compare satisfies never;
  }
}

/** Runs checked operations and commits what they changed, as one revision. */
export function execute(mvcc: Mvcc, ops: readonly ChosenOp[]): Executed {
  const responses = ops.map((op) => executeOne(mvcc, op));
  const events = mvcc.commit();
  stamp(responses, mvcc.revision);
  return { revision: mvcc.revision, events, responses };
}

function executeOne(mvcc: Mvcc, op: ChosenOp): OpResponse {
  // One above the newest revision: what this transaction did so far is visible to it.
  const now = mvcc.revision + 1;
  const revision = 0; // Known at the end: it depends on whether anything changes.
  switch (op.kind) {
    case 'range':
      return { kind: 'range', revision, ...orderedRange(mvcc, op, op.revision || now) };
    case 'put': {
      const kept = op.ignoreValue || op.ignoreLease ? mvcc.get(op.key, now) : undefined;
      const value = (op.ignoreValue && kept?.value) || op.value;
      const lease = (op.ignoreLease && kept?.lease) || op.lease || '0';
      const { prevKv } = mvcc.stage({ type: 'put', key: op.key, value, lease });
      return op.prevKv && prevKv ? { kind: 'put', revision, prevKv } : { kind: 'put', revision };
    }
    case 'delete': {
      const { kvs } = mvcc.range(op, now);
      for (const { key } of kvs) mvcc.stage({ type: 'delete', key });
      return { kind: 'delete', revision, deleted: kvs.length, prevKvs: op.prevKv ? kvs : [] };
    }
    case 'txn': {
      const responses = op.ops.map((inner) => executeOne(mvcc, inner));
      return { kind: 'txn', revision, succeeded: op.succeeded, responses };
    }
    default:
      return op satisfies never;
  }
}

function stamp(responses: readonly OpResponse[], revision: number): void {
  for (const response of responses) {
    response.revision = revision;
    if (response.kind === 'txn') stamp(response.responses, revision);
  }
}

function order<T extends bigint | number>(a: T, b: T): number {
  return Number(a > b) - Number(a < b);
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

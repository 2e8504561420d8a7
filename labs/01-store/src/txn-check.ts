// TxnCheck: what can be wrong with a transaction, found before any of it happens.
//
//   checkTxn      whatever the store holds: its parts, their number and size, a key that would be changed twice
//   checkChosen   in the state that there is: leases and keys that puts need, revisions that ranges read
// Upstream: etcd, server/etcdserver/api/v3rpc/key.go (checkTxnRequest) and, of 3.5, server/etcdserver/apply.go
// (checkRequestPut, checkRequestRange).
import { checkParts } from './check.ts';
import { StoreError, type TxnRequest } from './kv.ts';
import type { LeaseBook } from './lease.ts';
import { assertReadable, type Mvcc } from './mvcc.ts';
import { type ChosenOp, checkDuplicates } from './txn.ts';

/** etcd's --max-txn-ops and --max-request-bytes. */
export interface TxnLimits {
  readonly opsMax: number;
  readonly requestBytesMax: number;
}

export const DEFAULT_LIMITS: TxnLimits = { opsMax: 128, requestBytesMax: 1.5 * 1024 * 1024 };

/** Throws 'invalid' or 'too-large' for a request that no state could satisfy. */
export function checkTxn(request: TxnRequest, limits = DEFAULT_LIMITS): void {
  const bytes = checkParts(request, limits.opsMax);
  checkDuplicates(request.success);
  checkDuplicates(request.failure);
  if (bytes > limits.requestBytesMax) {
    throw new StoreError('too-large', 'etcdserver: request is too large');
  }
}

/** Throws when a put needs what is not there, or, after that, when a range reads where nothing can be read. */
export function checkChosen(mvcc: Mvcc, leases: LeaseBook, ops: readonly ChosenOp[]): void {
  checkPuts(mvcc, leases, ops);
  checkReads(mvcc, ops);
}

function checkPuts(mvcc: Mvcc, leases: LeaseBook, ops: readonly ChosenOp[]): void {
  for (const op of ops) {
    if (op.kind === 'txn') checkPuts(mvcc, leases, op.ops);
    if (op.kind !== 'put') continue;
    const needsKey = op.ignoreValue || op.ignoreLease;
    if (needsKey && mvcc.get(op.key, mvcc.revision) === undefined) {
      throw new StoreError('key-not-found', 'etcdserver: key not found');
    }
    if (op.lease && op.lease !== '0') leases.alive(op.lease);
  }
}

function checkReads(mvcc: Mvcc, ops: readonly ChosenOp[]): void {
  for (const op of ops) {
    if (op.kind === 'txn') checkReads(mvcc, op.ops);
    else if (op.kind === 'range' && op.revision) assertReadable(mvcc, op.revision);
  }
}

// Quota: how large a store may grow. Whoever wants to add to a full one is refused; everybody else goes on.
//
// The size that is limited is what the store holds in memory: the bytes of keys and values of all versions since the
// last compaction, and for each key and each revision what the store itself needs to keep it. A delete is never refused, though its
// tombstone needs room too: deleting and compacting is the way out.
// Once the alarm NOSPACE is active, nothing is added until somebody disarms it, whatever room there is.
// Upstream: etcd, server/storage/quota.go; there the size is that of the database file, which only shrinks when
// somebody defragments it.
import type { Alarms } from './alarms.ts';
import { type Op, StoreError, type TxnRequest } from './kv.ts';
import type { Mvcc } from './mvcc.ts';

export const DEFAULT_QUOTA_BYTES = 2 * 1024 ** 3;
/** About what a key costs beside its bytes, and a revision, measured with a million: objects, their places in index and history. */
const KEY_BYTES = 400;
const REVISION_BYTES = 256;
/** What a lease costs. */
export const LEASE_COST = 64;

export class Quota {
  readonly #mvcc: Mvcc;
  readonly #alarms: Alarms;
  readonly #bytesMax: number;

  /** 0 = the default, negative = no quota, as etcd's --quota-backend-bytes. */
  constructor(mvcc: Mvcc, alarms: Alarms, bytesMax = 0) {
    this.#mvcc = mvcc;
    this.#alarms = alarms;
    this.#bytesMax = bytesMax < 0 ? Number.POSITIVE_INFINITY : bytesMax || DEFAULT_QUOTA_BYTES;
  }

  get sizeBytes(): number {
    const { keys, revisions } = this.#mvcc.counts;
    return this.#mvcc.sizeBytes + keys * KEY_BYTES + revisions * REVISION_BYTES;
  }

  /** Whether so many more bytes may come. What adds nothing may always come. */
  admits(cost: number): boolean {
    if (cost === 0) return true;
    return !this.#alarms.has('NOSPACE') && this.sizeBytes + cost < this.#bytesMax;
  }

  /** Nothing may come any more, whatever the reason. */
  raise(): Promise<void> {
    return this.#alarms.raise('NOSPACE');
  }

  /** Raises the alarm, and throws when that is durable. */
  async refuse(): Promise<never> {
    await this.raise();
    throw new StoreError('no-space', 'etcdserver: mvcc: database space exceeded');
  }
}

/** What the dearer of the two lists adds, whichever will happen. */
export function txnCost({ success, failure }: TxnRequest): number {
  return Math.max(costOf(success), costOf(failure));
}

function costOf(ops: readonly Op[]): number {
  let cost = 0;
  for (const op of ops) {
    if (op.kind === 'put') cost += REVISION_BYTES + op.key.length + op.value.length;
    else if (op.kind === 'txn') cost += txnCost(op);
  }
  return cost;
}

// Maintenance: what the person who runs a store asks of it: is it the same as the other, a copy please, what is wrong.
//
// Upstream: etcd, api/etcdserverpb/rpc.proto, service Maintenance.
// Left out: moving the leader and downgrading, which need several members.

export type AlarmKind = 'NOSPACE' | 'CORRUPT';

export interface HashKv {
  /** A CRC-32C (Castagnoli) over keys and versions, the same for two stores with the same history and compaction. */
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
}

export interface SnapshotPiece {
  readonly bytes: Uint8Array;
  /** Bytes that are still to come after this piece. */
  readonly remainingBytes: number;
}

export interface Maintenance {
  /** Of everything, with leases. */
  hash(): Promise<{ hash: number; revision: number }>;
  /** Of the keys as they were at this revision; 0 = now. Throws 'compacted' or 'future-revision'. */
  hashKv(revision?: number): Promise<HashKv>;
  /** A copy of one moment, from which a store can be started; it goes on working meanwhile. */
  snapshot(signal: AbortSignal): AsyncIterable<SnapshotPiece>;
  alarms(): Promise<readonly AlarmKind[]>;
  /** Takes the alarm away; it comes back if its reason is still there. */
  disarm(alarm: AlarmKind): Promise<void>;
  /** Gives what compactions freed back to the disk. */
  defragment(): Promise<void>;
}

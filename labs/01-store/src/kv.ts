// KeyValueStore: the contract of the store, in four nouns: store, transaction, watch, lease.
//
// Rules of use
//   - A revision counts the changes of the whole store. Every transaction that changes something
//     takes exactly one revision, and a key remembers the revision that created and last changed it.
//   - A write is acknowledged after it is durable, and nobody reads or watches it before.
//   - Bytes given to the store and bytes received from it are shared, so nobody changes them.
// Upstream: etcd's v3 API, api/etcdserverpb/rpc.proto; the error texts are etcd's own.
// What a person who runs a store asks of it besides (hash, snapshot, alarms) is in maintenance.ts.

/** A byte string with one char per byte (latin1), so that JavaScript's order of strings is etcd's order of keys. */
export type Key = string;

export interface KeyValue {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 when created, one more with each put. */
  readonly version: number;
  /** A decimal int64; '0' = none. */
  readonly lease: string;
}

export interface RangeRequest {
  key: Key;
  /** Absent = one key; '\0' = every key from `key` on; otherwise the first key that is outside. */
  rangeEnd?: Key;
  limit?: number;
  /** Read the store as it was at this revision; absent or 0 = now. */
  revision?: number;
  keysOnly?: boolean;
  countOnly?: boolean;
  /** Absent = by key, ascending. The limit is applied after it. */
  sort?: { target: SortTarget; order: 'ascend' | 'descend' };
  /** Bounds of the kvs that are returned, both inclusive, 0 = none. They do not change `count`, as in etcd. */
  minModRevision?: number;
  maxModRevision?: number;
  minCreateRevision?: number;
  maxCreateRevision?: number;
  /** Content with what one member has at hand, however old. With one member there is no difference. */
  serializable?: boolean;
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

export interface RangeResponse {
  /** The store's current revision, even when an older one was read. */
  revision: number;
  kvs: readonly KeyValue[];
  more: boolean;
  /** How many keys are in the range, whatever the limit. */
  count: number;
}

export interface PutRequest {
  key: Key;
  value: Uint8Array;
  lease?: string;
  prevKv?: boolean;
  /** Keep the value that the key has; it must exist, and `value` be empty. */
  ignoreValue?: boolean;
  /** Keep the lease that the key has; it must exist, and `lease` be absent. */
  ignoreLease?: boolean;
}

export interface DeleteRangeRequest {
  key: Key;
  rangeEnd?: Key;
  prevKv?: boolean;
}

export interface PutResponse {
  revision: number;
  prevKv?: KeyValue;
}

export interface DeleteRangeResponse {
  revision: number;
  deleted: number;
  prevKvs: readonly KeyValue[];
}

export type CompareResult = '=' | '!=' | '<' | '>';

/**
 * A key that does not exist compares as 0, except by value, where every comparison with it fails.
 * With rangeEnd it must hold for every key of the range; no keys are compared as one that does not exist.
 */
export type Compare = { key: Key; rangeEnd?: Key; result: CompareResult } & (
  | { target: 'mod' | 'create' | 'version'; value: number }
  | { target: 'value'; value: Uint8Array }
  | { target: 'lease'; value: string }
);

export type Op =
  | ({ kind: 'range' } & RangeRequest)
  | ({ kind: 'put' } & PutRequest)
  | ({ kind: 'delete' } & DeleteRangeRequest)
  | ({ kind: 'txn' } & TxnRequest);

export interface TxnRequest {
  compare: readonly Compare[];
  success: readonly Op[];
  failure: readonly Op[];
}

export type OpResponse =
  | ({ kind: 'range' } & RangeResponse)
  | ({ kind: 'put' } & PutResponse)
  | ({ kind: 'delete' } & DeleteRangeResponse)
  | ({ kind: 'txn' } & TxnResponse);

export interface TxnResponse {
  revision: number;
  succeeded: boolean;
  responses: readonly OpResponse[];
}

export interface WatchRequest {
  key: Key;
  rangeEnd?: Key;
  /** The first revision to deliver; absent = the next one. */
  startRevision?: number;
  prevKv?: boolean;
  progressNotify?: boolean;
  /** Leave out all puts, or all deletes. */
  noPut?: boolean;
  noDelete?: boolean;
}

export interface StoreEvent {
  type: 'put' | 'delete';
  /** Of a delete: key and modRevision only. */
  kv: KeyValue;
  prevKv?: KeyValue;
}

/**
 * A watch that can be asked how far it is: the store in process has it, for whoever serves many watches on one stream.
 * requestProgress() puts one batch without events into the watch, after all events that came before, as soon as it has
 * caught up. Asked again before that, it is still one batch.
 */
export interface Watch extends AsyncIterable<WatchBatch> {
  requestProgress(): void;
}

/** All events of one revision come in one batch, never split. `events` empty = progress: everything up to `revision` was delivered. */
export interface WatchBatch {
  revision: number;
  events: readonly StoreEvent[];
}

export interface LeaseTimeToLive {
  /** -1 when the lease does not exist, as in etcd. */
  ttlSeconds: number;
  grantedTtlSeconds: number;
  keys: readonly Key[];
}

export interface StoreStatus {
  revision: number;
  /** 0 when nothing was ever compacted. */
  compactRevision: number;
  /** What a quota limits. */
  dbSizeBytes: number;
  /** Of these, what is still needed: the rest was compacted, but is not freed yet. */
  dbSizeInUseBytes?: number;
  version: string;
}

export interface KeyValueStore extends AsyncDisposable {
  range(request: RangeRequest): Promise<RangeResponse>;
  put(request: PutRequest): Promise<PutResponse>;
  deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  /** Ends by throwing StoreError 'compacted' | 'slow-consumer' | 'unavailable', or returns when signal aborts. The subscription is registered before the first next() resolves. */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<WatchBatch>;
  /** physical = answer only when what was dropped is gone from memory and disk. */
  compact(revision: number, options?: { physical?: boolean }): Promise<void>;
  grantLease(ttlSeconds: number, id?: string): Promise<{ id: string; ttlSeconds: number }>;
  revokeLease(id: string): Promise<void>;
  keepAliveLease(id: string): Promise<{ ttlSeconds: number }>;
  leaseTimeToLive(id: string): Promise<LeaseTimeToLive>;
  /** The ids of all leases that are alive. */
  leases(): Promise<readonly string[]>;
  status(): Promise<StoreStatus>;
}

export type StoreErrorCode =
  // A read or a watch of a revision that is gone, or not there yet.
  | 'compacted'
  | 'future-revision'
  // A request that can never succeed as it stands.
  | 'lease-not-found'
  | 'key-not-found'
  | 'too-large'
  /** Anything else: etcd's text says what, and decides the code on the wire. */
  | 'invalid'
  // The machine: nothing was changed, or (unavailable) nobody knows whether it was.
  | 'no-space'
  | 'unavailable'
  | 'corrupt'
  // A watcher that does not read.
  | 'slow-consumer';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** With 'compacted': the oldest revision that there still is. */
  readonly compactRevision: number | undefined;

  constructor(
    code: StoreErrorCode,
    message: string,
    options?: ErrorOptions & { compactRevision?: number },
  ) {
    super(message, options);
    this.code = code;
    this.compactRevision = options?.compactRevision;
  }

  static is(error: unknown, code?: StoreErrorCode): error is StoreError {
    return error instanceof StoreError && (code === undefined || error.code === code);
  }
}

// The wire of etcd: our requests in the words of etcd's protobuf messages, and its answers in ours.
//
// Keys are buffers there and byte strings here; int64 are decimal strings there and numbers here
// (revisions stay far below 2^53); leases are int64 in both, as decimal strings.
// Upstream: etcd, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
import type {
  ICompare,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  IEvent,
  IKeyValue,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IRangeResponse,
  IRequestOp,
  IResponseHeader,
  IResponseOp,
  ITxnRequest,
  ITxnResponse,
  IWatchCreateRequest,
  IWatchResponse,
} from 'etcd3';
import {
  type Compare,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type Key,
  type KeyValue,
  type Op,
  type OpResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  StoreError,
  type StoreErrorCode,
  type StoreEvent,
  type TxnRequest,
  type TxnResponse,
  type WatchBatch,
  type WatchRequest,
} from './kv.ts';

const RESULTS = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const;
const ORDERS = { ascend: 'Ascend', descend: 'Descend' } as const;
const TARGETS = {
  key: 'Key',
  version: 'Version',
  create: 'Create',
  mod: 'Mod',
  value: 'Value',
} as const;

/** etcd's texts are its contract: the gRPC codes are too coarse to tell these apart. */
const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/has been compacted/, 'compacted'],
  [/is a future revision/, 'future-revision'],
  [/requested lease not found/, 'lease-not-found'],
  [/request is too large|message larger than max/, 'too-large'],
  [/database space exceeded/, 'no-space'],
  [/duplicate key|key is not provided|too many operations/, 'invalid'],
  [/key not found/, 'key-not-found'],
  [/value is provided|lease is provided|invalid sort option/, 'invalid'],
  [/lease already exists|too large lease TTL/, 'invalid'],
  [/permission denied|authentication failed|authentication is not enabled/, 'invalid'],
  [/user name is empty|user name not found/, 'invalid'],
  [/corrupt cluster/, 'corrupt'],
];

/** Everything that is not an answer about the request says that etcd could not be asked. */
export function errorFromWire(error: unknown, endpoint?: string): StoreError {
  if (StoreError.is(error)) return error;
  const { message } = error as Error;
  const code = CODES.find(([pattern]) => pattern.test(message))?.[1];
  if (code !== undefined) return new StoreError(code, message, { cause: error });
  const who = endpoint === undefined ? 'etcd' : `etcd at ${endpoint}`;
  return new StoreError('unavailable', `${who} does not answer: ${message}`, { cause: error });
}

export function rangeToWire(request: RangeRequest): IRangeRequest {
  const { sort } = request;
  return {
    ...keysToWire(request),
    limit: request.limit ?? 0,
    revision: request.revision ?? 0,
    keys_only: request.keysOnly ?? false,
    count_only: request.countOnly ?? false,
    serializable: request.serializable ?? false,
    ...(sort && { sort_target: TARGETS[sort.target], sort_order: ORDERS[sort.order] }),
    min_mod_revision: request.minModRevision ?? 0,
    max_mod_revision: request.maxModRevision ?? 0,
    min_create_revision: request.minCreateRevision ?? 0,
    max_create_revision: request.maxCreateRevision ?? 0,
  };
}

export function rangeFromWire(response: IRangeResponse): RangeResponse {
  return {
    revision: revisionOf(response),
    kvs: response.kvs.map(keyValueFromWire),
    more: response.more,
    count: Number(response.count),
  };
}

export function putToWire(request: PutRequest): IPutRequest {
  return {
    key: bytesOf(request.key),
    value: asBuffer(request.value),
    lease: request.lease ?? '0',
    prev_kv: request.prevKv ?? false,
    ignore_value: request.ignoreValue ?? false,
    ignore_lease: request.ignoreLease ?? false,
  };
}

export function putFromWire(response: IPutResponse): PutResponse {
  const revision = revisionOf(response);
  const prevKv = optionalFromWire(response.prev_kv);
  return prevKv === undefined ? { revision } : { revision, prevKv };
}

export function deleteToWire(request: DeleteRangeRequest): IDeleteRangeRequest {
  return { ...keysToWire(request), prev_kv: request.prevKv ?? false };
}

export function deleteFromWire(response: IDeleteRangeResponse): DeleteRangeResponse {
  return {
    revision: revisionOf(response),
    deleted: Number(response.deleted),
    prevKvs: response.prev_kvs.map(keyValueFromWire),
  };
}

function compareToWire(compare: Compare): ICompare {
  const what = { ...keysToWire(compare), result: RESULTS[compare.result] };
  switch (compare.target) {
    case 'mod':
      return { ...what, target: 'Mod', mod_revision: compare.value };
    case 'create':
      return { ...what, target: 'Create', create_revision: compare.value };
    case 'version':
      return { ...what, target: 'Version', version: compare.value };
    case 'value':
      return { ...what, target: 'Value', value: asBuffer(compare.value) };
    case 'lease':
      return { ...what, target: 'Lease', lease: compare.value };
    default:
      return compare satisfies never;
  }
}

export function txnToWire({ compare, success, failure }: TxnRequest): ITxnRequest {
  return {
    compare: compare.map(compareToWire),
    success: success.map(opToWire),
    failure: failure.map(opToWire),
  };
}

export function txnFromWire(request: TxnRequest, response: ITxnResponse): TxnResponse {
  const { header, succeeded, responses } = response;
  const ops = succeeded ? request.success : request.failure;
  return {
    revision: revisionOf(response),
    succeeded,
    responses: ops.map((op, i) => {
      const answer = responses[i];
      if (answer === undefined) throw new StoreError('unavailable', 'etcd left out an answer');
      return opFromWire(op, answer, header);
    }),
  };
}

function opToWire(op: Op): IRequestOp {
  switch (op.kind) {
    case 'range':
      return { request_range: rangeToWire(op) };
    case 'put':
      return { request_put: putToWire(op) };
    case 'delete':
      return { request_delete_range: deleteToWire(op) };
    case 'txn':
      return { request_txn: txnToWire(op) };
    default:
      return op satisfies never;
  }
}

/** The answers inside a transaction may have no header of their own: they are of the transaction's revision. */
function opFromWire(op: Op, response: IResponseOp, header: IResponseHeader): OpResponse {
  switch (op.kind) {
    case 'range':
      return { kind: 'range', ...rangeFromWire({ ...response.response_range, header }) };
    case 'put':
      return { kind: 'put', ...putFromWire({ ...response.response_put, header }) };
    case 'delete':
      return { kind: 'delete', ...deleteFromWire({ ...response.response_delete_range, header }) };
    case 'txn':
      return { kind: 'txn', ...txnFromWire(op, { ...response.response_txn, header }) };
    default:
      return op satisfies never;
  }
}

export function watchToWire(request: WatchRequest): IWatchCreateRequest {
  return {
    ...keysToWire(request),
    start_revision: request.startRevision ?? 0,
    prev_kv: request.prevKv ?? false,
    progress_notify: request.progressNotify ?? false,
    filters: [
      ...(request.noPut ? (['Noput'] as const) : []),
      ...(request.noDelete ? (['Nodelete'] as const) : []),
    ],
  };
}

/** Why etcd refused a watch, or ended it. */
export function canceledFromWire({ compact_revision, cancel_reason }: IWatchResponse): StoreError {
  const compactRevision = Number(compact_revision);
  if (compactRevision === 0) return errorFromWire(new Error(cancel_reason));
  const text = 'etcdserver: mvcc: required revision has been compacted';
  return new StoreError('compacted', text, { compactRevision });
}

/** One response may carry many revisions, but never part of one: etcd's watchers send whole revisions. */
export function batchesFromWire(events: readonly IEvent[]): readonly WatchBatch[] {
  const batches: { revision: number; events: StoreEvent[] }[] = [];
  for (const event of events.map(eventFromWire)) {
    const revision = event.kv.modRevision;
    const last = batches.at(-1);
    if (last?.revision === revision) last.events.push(event);
    else batches.push({ revision, events: [event] });
  }
  return batches;
}

export function revisionOf({ header }: { header: IResponseHeader }): number {
  return Number(header.revision);
}

function eventFromWire({ type, kv, prev_kv }: IEvent): StoreEvent {
  const event: StoreEvent = {
    // The package's type says 'Put', its messages say 'PUT'.
    type: type.toUpperCase() === 'PUT' ? 'put' : 'delete',
    kv: keyValueFromWire(kv),
  };
  const prevKv = optionalFromWire(prev_kv);
  if (prevKv !== undefined) event.prevKv = prevKv;
  return event;
}

function keyValueFromWire(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString('latin1'),
    value: kv.value,
    createRevision: Number(kv.create_revision),
    modRevision: Number(kv.mod_revision),
    version: Number(kv.version),
    lease: kv.lease,
  };
}

function optionalFromWire(kv: IKeyValue | null | undefined): KeyValue | undefined {
  return kv ? keyValueFromWire(kv) : undefined;
}

/** An empty range_end that is sent means every key from `key` on to etcd, so it is left out. */
function keysToWire({ key, rangeEnd = '' }: { key: Key; rangeEnd?: Key }) {
  if (rangeEnd === '') return { key: bytesOf(key) };
  return { key: bytesOf(key), range_end: bytesOf(rangeEnd) };
}

function bytesOf(key: Key): Buffer {
  return Buffer.from(key, 'latin1');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

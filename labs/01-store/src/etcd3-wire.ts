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
  IWatchCreateRequest,
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
  type WatchBatch,
  type WatchRequest,
} from './kv.ts';

const RESULTS = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const;

/** etcd's texts are its contract: the gRPC codes are too coarse to tell these apart. */
const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/has been compacted/, 'compacted'],
  [/is a future revision/, 'future-revision'],
  [/requested lease not found/, 'lease-not-found'],
  [/request is too large|message larger than max/, 'too-large'],
  [/database space exceeded/, 'no-space'],
  [/duplicate key|key is not provided|too many operations/, 'invalid'],
  [/lease already exists|too large lease TTL/, 'invalid'],
];

/** Everything that is not an answer about the request says that etcd could not be asked. */
export function errorFromWire(error: unknown): StoreError {
  if (StoreError.is(error)) return error;
  const { message } = error as Error;
  const code = CODES.find(([pattern]) => pattern.test(message))?.[1];
  if (code !== undefined) return new StoreError(code, message, { cause: error });
  return new StoreError('unavailable', `etcd does not answer: ${message}`, { cause: error });
}

export function rangeToWire(request: RangeRequest): IRangeRequest {
  const { limit = 0, revision = 0, keysOnly = false, countOnly = false } = request;
  return { ...keysToWire(request), limit, revision, keys_only: keysOnly, count_only: countOnly };
}

export function rangeFromWire(response: IRangeResponse): RangeResponse {
  return {
    revision: revisionOf(response),
    kvs: response.kvs.map(keyValueFromWire),
    more: response.more,
    count: Number(response.count),
  };
}

export function putToWire({ key, value, lease = '0', prevKv = false }: PutRequest): IPutRequest {
  return { key: bytesOf(key), value: asBuffer(value), lease, prev_kv: prevKv };
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

export function compareToWire(compare: Compare): ICompare {
  const result = RESULTS[compare.result];
  const key = bytesOf(compare.key);
  switch (compare.target) {
    case 'mod':
      return { key, result, target: 'Mod', mod_revision: compare.value };
    case 'create':
      return { key, result, target: 'Create', create_revision: compare.value };
    case 'version':
      return { key, result, target: 'Version', version: compare.value };
    case 'value':
      return { key, result, target: 'Value', value: asBuffer(compare.value) };
    default:
      return compare satisfies never;
  }
}

export function opToWire(op: Op): IRequestOp {
  switch (op.kind) {
    case 'range':
      return { request_range: rangeToWire(op) };
    case 'put':
      return { request_put: putToWire(op) };
    case 'delete':
      return { request_delete_range: deleteToWire(op) };
    default:
      return op satisfies never;
  }
}

/** The answers inside a transaction may have no header of their own: they are of the transaction's revision. */
export function opFromWire(op: Op, response: IResponseOp, header: IResponseHeader): OpResponse {
  switch (op.kind) {
    case 'range':
      return { kind: 'range', ...rangeFromWire({ ...response.response_range, header }) };
    case 'put':
      return { kind: 'put', ...putFromWire({ ...response.response_put, header }) };
    case 'delete':
      return { kind: 'delete', ...deleteFromWire({ ...response.response_delete_range, header }) };
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
  };
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

// KvService: etcd's service KV over a KeyValueStore: range, put, delete, transaction, compaction.
//
// Each method does three things: message → request of the store, ask the store, answer → message. What is wrong with a request
// is for the store to say, in etcd's words; here is only what the store never sees (an operation of an unknown kind).
// Upstream: etcd, etcdserver/api/v3rpc/key.go.
import type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  KeyValueStore,
  Op,
  PutRequest,
  RangeRequest,
  SortTarget,
  TxnRequest,
} from '../kv.ts';
import {
  type ResponseContext,
  toDeleteRangeResponse,
  toPutResponse,
  toRangeResponse,
  toTxnResponse,
} from './kv-responses.ts';
import {
  type CompareMessage,
  copyOf,
  type DeleteRangeRequestMessage,
  decimalOf,
  type Int64,
  keyOf,
  numberOf,
  type PutRequestMessage,
  type RangeRequestMessage,
  type RequestOpMessage,
  type TxnRequestMessage,
} from './messages.ts';
import { GrpcError } from './status.ts';

const SORT_TARGETS: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const SORT_DESCEND = 2;
const COMPARE_RESULTS: readonly CompareResult[] = ['=', '>', '<', '!='];

export interface CompactionRequestMessage {
  readonly revision: Int64;
  readonly physical: boolean;
}

export type KvService = ReturnType<typeof kvService>;

export function kvService(store: KeyValueStore, { headerOf }: ResponseContext) {
  return {
    Range: async (message: RangeRequestMessage) =>
      toRangeResponse(await store.range(rangeRequestOf(message)), headerOf),
    Put: async (message: PutRequestMessage) =>
      toPutResponse(await store.put(putRequestOf(message)), headerOf),
    DeleteRange: async (message: DeleteRangeRequestMessage) =>
      toDeleteRangeResponse(await store.deleteRange(deleteRangeRequestOf(message)), headerOf),
    Txn: async (message: TxnRequestMessage) =>
      toTxnResponse(await store.txn(txnRequestOf(message)), headerOf),
    Compact: async ({ revision, physical }: CompactionRequestMessage) => {
      await store.compact(numberOf(revision), { physical });
      return { header: headerOf((await store.status()).revision) };
    },
  };
}

export function rangeRequestOf(message: RangeRequestMessage): RangeRequest {
  const sort = sortOf(message);
  return {
    key: keyOf(message.key),
    rangeEnd: keyOf(message.rangeEnd),
    limit: numberOf(message.limit),
    // What a negative one means depends on where it stands: alone it is "now", in a transaction an error.
    revision: numberOf(message.revision),
    keysOnly: message.keysOnly,
    countOnly: message.countOnly,
    ...(sort === undefined ? {} : { sort }),
    minModRevision: numberOf(message.minModRevision),
    maxModRevision: numberOf(message.maxModRevision),
    minCreateRevision: numberOf(message.minCreateRevision),
    maxCreateRevision: numberOf(message.maxCreateRevision),
    serializable: message.serializable,
  };
}

/** Without an order a target means ascending; keys ascend anyway. */
function sortOf({ sortTarget, sortOrder }: RangeRequestMessage): RangeRequest['sort'] {
  const target = SORT_TARGETS[sortTarget];
  if (target === undefined) {
    throw new GrpcError('INVALID_ARGUMENT', `etcdserver: unknown sort target ${sortTarget}`);
  }
  const order = sortOrder === SORT_DESCEND ? 'descend' : 'ascend';
  return target === 'key' && order === 'ascend' ? undefined : { target, order };
}

export function putRequestOf(message: PutRequestMessage): PutRequest {
  return {
    key: keyOf(message.key),
    value: copyOf(message.value),
    lease: decimalOf(message.lease),
    prevKv: message.prevKv,
    ignoreValue: message.ignoreValue,
    ignoreLease: message.ignoreLease,
  };
}

export function deleteRangeRequestOf(message: DeleteRangeRequestMessage): DeleteRangeRequest {
  return { key: keyOf(message.key), rangeEnd: keyOf(message.rangeEnd), prevKv: message.prevKv };
}

export function txnRequestOf({ compare, success, failure }: TxnRequestMessage): TxnRequest {
  return {
    compare: compare.map(compareOf),
    success: success.map(opOf),
    failure: failure.map(opOf),
  };
}

function opOf(message: RequestOpMessage): Op {
  const { requestRange, requestPut, requestDeleteRange, requestTxn } = message;
  if (requestRange) return { kind: 'range', ...rangeRequestOf(requestRange) };
  if (requestPut) return { kind: 'put', ...putRequestOf(requestPut) };
  if (requestDeleteRange) return { kind: 'delete', ...deleteRangeRequestOf(requestDeleteRange) };
  if (requestTxn) return { kind: 'txn', ...txnRequestOf(requestTxn) };
  // etcd's own answer, odd as it is.
  throw new GrpcError('INVALID_ARGUMENT', 'etcdserver: key not found');
}

function compareOf(message: CompareMessage): Compare {
  const result = COMPARE_RESULTS[message.result];
  if (result === undefined) {
    throw new GrpcError('INVALID_ARGUMENT', `etcdserver: unknown comparison ${message.result}`);
  }
  const base = { key: keyOf(message.key), rangeEnd: keyOf(message.rangeEnd), result };
  switch (message.target) {
    case 0:
      return { ...base, target: 'version', value: numberOf(message.version) };
    case 1:
      return { ...base, target: 'create', value: numberOf(message.createRevision) };
    case 2:
      return { ...base, target: 'mod', value: numberOf(message.modRevision) };
    case 3:
      return { ...base, target: 'value', value: copyOf(message.value) };
    case 4:
      return { ...base, target: 'lease', value: decimalOf(message.lease) };
    default:
      throw new GrpcError(
        'INVALID_ARGUMENT',
        `etcdserver: unknown compare target ${message.target}`,
      );
  }
}

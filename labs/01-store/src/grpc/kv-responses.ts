// The answers of the store as messages of etcd's API.
//
// Fields with their default value are left out, as Go leaves them out: an answer of ours has the same bytes as one of etcd's.
// Upstream: etcd, etcdserver/etcdserverpb/rpc.proto; only the outermost response of a transaction has the ids of the member.
import type {
  DeleteRangeResponse,
  KeyValue,
  OpResponse,
  PutResponse,
  RangeResponse,
  TxnResponse,
} from '../kv.ts';
import type { ResponseHeader } from './identity.ts';
import { bytesOf } from './messages.ts';

export type HeaderOf = (revision: number) => Partial<ResponseHeader>;

export interface ResponseContext {
  readonly headerOf: HeaderOf;
}

/** The header of an operation inside a transaction. */
const innerHeaderOf: HeaderOf = (revision) => ({ revision });

export function keyValueMessage(kv: KeyValue): object {
  return {
    key: bytesOf(kv.key),
    createRevision: kv.createRevision || undefined,
    modRevision: kv.modRevision,
    version: kv.version || undefined,
    value: kv.value.length === 0 ? undefined : kv.value,
    lease: kv.lease === '0' ? undefined : kv.lease,
  };
}

export function toRangeResponse(response: RangeResponse, headerOf: HeaderOf): object {
  return {
    header: headerOf(response.revision),
    kvs: response.kvs.map(keyValueMessage),
    more: response.more || undefined,
    count: response.count || undefined,
  };
}

export function toPutResponse({ revision, prevKv }: PutResponse, headerOf: HeaderOf): object {
  const header = headerOf(revision);
  return prevKv === undefined ? { header } : { header, prevKv: keyValueMessage(prevKv) };
}

export function toDeleteRangeResponse(response: DeleteRangeResponse, headerOf: HeaderOf): object {
  return {
    header: headerOf(response.revision),
    deleted: response.deleted || undefined,
    prevKvs: response.prevKvs.map(keyValueMessage),
  };
}

export function toTxnResponse(response: TxnResponse, headerOf: HeaderOf): object {
  return {
    header: headerOf(response.revision),
    succeeded: response.succeeded || undefined,
    responses: response.responses.map(opResponseMessage),
  };
}

function opResponseMessage(response: OpResponse): object {
  switch (response.kind) {
    case 'range':
      return { responseRange: toRangeResponse(response, innerHeaderOf) };
    case 'put':
      return { responsePut: toPutResponse(response, innerHeaderOf) };
    case 'delete':
      return { responseDeleteRange: toDeleteRangeResponse(response, innerHeaderOf) };
    case 'txn':
      return { responseTxn: toTxnResponse(response, innerHeaderOf) };
    default:
      return response satisfies never;
  }
}

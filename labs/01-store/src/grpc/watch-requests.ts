// WatchRequests: what a client may ask on a stream of watches, and why a watch cannot be.
//
// A refusal is no error of the call: it goes into a response, and the stream lives on.
// Upstream: etcd, api/etcdserverpb/rpc.proto (WatchRequest); etcdserver/api/v3rpc/watch.go and mvcc/watcher.go.
import type { WatchRequest } from '../kv.ts';
import { decimalOf, type Int64, type Int64Like, keyOf, numberOf } from './messages.ts';
import { GrpcError, goNameOf } from './status.ts';

export interface WatchRequestMessage {
  readonly createRequest?: WatchCreateRequestMessage | null;
  readonly cancelRequest?: { readonly watchId: Int64 } | null;
  readonly progressRequest?: object | null;
}

export interface WatchCreateRequestMessage {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: Int64;
  readonly progressNotify: boolean;
  /** 0 = no puts, 1 = no deletes. */
  readonly filters: readonly number[];
  readonly prevKv: boolean;
  readonly watchId: Int64;
  readonly fragment: boolean;
}

export interface WatchRange {
  readonly key: string;
  readonly rangeEnd: string;
}

const EVERY_KEY = '\0';

export function rangeOf({ key, rangeEnd }: WatchCreateRequestMessage): WatchRange {
  return { key: keyOf(key) || EVERY_KEY, rangeEnd: keyOf(rangeEnd) };
}

/** What the store is asked for; without a start of its own, a watch starts behind `revision`. */
export function storeRequestOf(message: WatchCreateRequestMessage, revision: number): WatchRequest {
  return {
    ...rangeOf(message),
    startRevision: numberOf(message.startRevision) || revision + 1,
    prevKv: message.prevKv,
    progressNotify: message.progressNotify,
    noPut: message.filters.includes(0),
    noDelete: message.filters.includes(1),
  };
}

/** Why this watch cannot be, in etcd's words. `permit` throws when the caller may not read the range. */
export function refusalOf(
  message: WatchCreateRequestMessage,
  permit: (range: WatchRange) => void,
  isTaken: (id: string) => boolean,
): string | undefined {
  if (numberOf(message.startRevision) < 0) {
    return 'etcdserver: mvcc: required revision has been compacted';
  }
  const range = rangeOf(message);
  try {
    permit(range);
  } catch (error) {
    if (error instanceof GrpcError) return rpcErrorText(error);
    throw error;
  }
  const { key, rangeEnd } = range;
  if (rangeEnd !== '' && rangeEnd !== EVERY_KEY && rangeEnd <= key) {
    return 'mvcc: watcher range is empty';
  }
  const id = decimalOf(message.watchId);
  return id !== '0' && isTaken(id)
    ? 'mvcc: duplicate watch ID provided on the WatchStream'
    : undefined;
}

/** Ids that clients choose may have 63 bits; the usual ones are small, and cheap as numbers. */
export function wireId(id: string): Int64Like {
  const number = Number(id);
  return Number.isSafeInteger(number) ? number : id;
}

/** An error as Go prints one that came from gRPC: etcd puts it into a reason like that. */
function rpcErrorText({ code, message }: GrpcError): string {
  return `rpc error: code = ${goNameOf(code)} desc = ${message}`;
}

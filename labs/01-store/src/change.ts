// Change: what a transaction does to one key. The state makes an event of it, and the log keeps it.
//
// A change has no revision: the place where it stands says which, in a commit of the log, or among the staged ones.
// Upstream: etcd, api/mvccpb/kv.proto; there the log has the whole request, and every member works out the changes.
import type { Key, KeyValue, StoreEvent } from './kv.ts';

export const NO_BYTES = new Uint8Array(0);

/** One change of a revision. With the state before it, it says everything about the version it makes. */
export type Change =
  | { readonly type: 'put'; readonly key: Key; readonly value: Uint8Array; readonly lease: string }
  | { readonly type: 'delete'; readonly key: Key };

export function changeOf({ type, kv: { key, value, lease } }: StoreEvent): Change {
  return type === 'put' ? { type, key, value, lease } : { type, key };
}

/** What stands for a key that is gone: in events, and where a snapshot begins. */
export function tombstoneOf(key: Key, modRevision: number): KeyValue {
  return { key, value: NO_BYTES, createRevision: 0, modRevision, version: 0, lease: '0' };
}

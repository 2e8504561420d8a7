// KeyRange: which keys a request means: one, all from `key` up to `rangeEnd`, or all from `key` on.
//
// Every range of the API is this pair: of reads, deletes, comparisons and watches. There is no other way to name several keys:
// a prefix is a range too, from itself to the first key behind all that start with it.
// Upstream: etcd, api/etcdserverpb/rpc.proto (RangeRequest); client/v3/op.go (GetPrefixRangeEnd).
import type { Key } from './kv.ts';

/** The rangeEnd that makes a range of all keys that start with `prefix`; of '' it is '\0', every key. */
export function prefixEnd(prefix: Key): Key {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '\0';
}

/** Whether a request with this key and rangeEnd means `key`. */
export function inRange(key: Key, range: { key: Key; rangeEnd?: Key }): boolean {
  if (!range.rangeEnd) return key === range.key;
  return key >= range.key && (range.rangeEnd === '\0' || key < range.rangeEnd);
}

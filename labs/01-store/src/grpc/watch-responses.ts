// The events of a revision as responses of a watch, in fragments where the client allows them.
//
// A fragment is not longer than a limit, unless it is one event, and all but the last are marked: their revision is not complete.
// Upstream: etcd, etcdserver/api/v3rpc/watch.go (sendFragments).
import type { KeyValue, StoreEvent } from '../kv.ts';
import { keyValueMessage } from './kv-responses.ts';

/** Enough for the numbers, tags and lengths of a key-value or an event, whatever their values. */
const KEY_VALUE_OVERHEAD_BYTES = 70;
const DELETE = 1;

export function* eventResponses(
  base: object,
  events: readonly StoreEvent[],
  bytesMax: number,
): Generator<object> {
  let fragment: object[] = [];
  let fragmentBytes = 0;
  for (const event of events) {
    const bytes = eventBytes(event);
    if (fragment.length > 0 && fragmentBytes + bytes > bytesMax) {
      yield { ...base, fragment: true, events: fragment };
      fragment = [];
      fragmentBytes = 0;
    }
    fragment.push(eventMessage(event));
    fragmentBytes += bytes;
  }
  yield { ...base, events: fragment };
}

function eventMessage({ type, kv, prevKv }: StoreEvent): object {
  return {
    type: type === 'delete' ? DELETE : undefined,
    kv: keyValueMessage(kv),
    prevKv: prevKv && keyValueMessage(prevKv),
  };
}

/** At most so many bytes on the wire. */
function eventBytes({ kv, prevKv }: StoreEvent): number {
  return keyValueBytes(kv) + (prevKv === undefined ? 0 : keyValueBytes(prevKv));
}

function keyValueBytes({ key, value }: KeyValue): number {
  return key.length + value.length + KEY_VALUE_OVERHEAD_BYTES;
}

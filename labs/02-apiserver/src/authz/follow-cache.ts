// follow-cache: keeps an index in step with a resource's watch cache.
//
// The index gets the whole state first and every change after it, in order. When the cache loses track of the store, the index is told the
// whole state again: what it holds and is not there any more is taken out, so nobody keeps a right that was withdrawn meanwhile.
// Until the cache is full the index is empty, and an empty index allows nothing.
//
// Same idea upstream: client-go's shared informers, which feed the authorizers.

import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { WatchCache } from '../registry/watch-cache.ts';

export interface Follower {
  set(object: ReadonlyApiObject): void;
  delete(object: ReadonlyApiObject): void;
}

/** What of a WatchCache is needed. */
export type FollowedCache = Pick<WatchCache, 'list' | 'ready' | 'revision' | 'subscribe'>;

/** Resolves when the follower has the first whole state; goes on until the signal aborts. Never rejects later. */
export async function followCache(
  cache: FollowedCache,
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  const held = new Map<string, ReadonlyApiObject>();
  const attach = async (): Promise<void> => {
    await cache.ready();
    if (signal.aborted) return;
    takeOver(cache.list(), held, follower);
    const stop = cache.subscribe(cache.revision, {
      onEvent({ type, current }) {
        if (type === 'DELETED') drop(current.key, held, follower);
        else put(current, held, follower);
      },
      onEnd() {
        signal.removeEventListener('abort', stop);
        if (!signal.aborted) void attach();
      },
    });
    signal.addEventListener('abort', stop, { once: true });
  };
  await attach();
}

/** What is there now replaces what was there before. */
function takeOver(
  objects: readonly StoredObject[],
  held: Map<string, ReadonlyApiObject>,
  follower: Follower,
): void {
  const keys = new Set(objects.map(({ key }) => key));
  for (const key of [...held.keys()]) if (!keys.has(key)) drop(key, held, follower);
  for (const stored of objects) put(stored, held, follower);
}

function put(stored: StoredObject, held: Map<string, ReadonlyApiObject>, follower: Follower): void {
  held.set(stored.key, stored.object);
  follower.set(stored.object);
}

function drop(key: string, held: Map<string, ReadonlyApiObject>, follower: Follower): void {
  const object = held.get(key);
  held.delete(key);
  if (object !== undefined) follower.delete(object);
}

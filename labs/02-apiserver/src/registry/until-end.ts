// untilEnd: a subscription to a watch cache as something to wait for.
//
// It ends when the cache loses track of the store (whoever follows it then looks at everything anew), or when the signal aborts.

import type { CacheEvent, WatchCache } from './watch-cache.ts';

/** Calls back for every event after `fromRevision`; resolves when no more will come. Leaves no listener behind. */
export function untilEnd(
  cache: Pick<WatchCache, 'subscribe'>,
  fromRevision: number,
  onEvent: (event: CacheEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = cache.subscribe(fromRevision, { onEvent, onEnd: () => end() });
    const end = (): void => {
      signal.removeEventListener('abort', end);
      unsubscribe();
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}

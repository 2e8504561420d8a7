// compaction: the store keeps history for as long as watches and paged lists may want it, and no longer.
//
// Every five minutes what was the present five minutes ago becomes the oldest that can be read.
//
// Same rule upstream: apiserver, storage/etcd3/compact.go (`--etcd-compaction-interval`).

import { sleep } from '../client/clock.ts';
import type { PostStartHook } from './post-start-hooks.ts';

const INTERVAL_MS = 5 * 60_000;

export function compaction(intervalMs = INTERVAL_MS): PostStartHook {
  return {
    name: 'start-storage-compaction',
    async start({ store, log }, signal) {
      let last = 0;
      while (!signal.aborted) {
        await sleep(intervalMs, signal);
        if (signal.aborted) return;
        try {
          if (last > 0) await store.compact(last);
          last = (await store.status()).revision;
        } catch (error) {
          // Another server beside us may have compacted further already.
          log.debug('Cannot compact the store', { revision: last, error });
        }
      }
    },
    // Nobody waits for it.
    ready() {},
  };
}

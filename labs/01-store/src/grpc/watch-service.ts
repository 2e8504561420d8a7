// WatchService: etcd's service Watch: a call of it is a stream of requests, and one of answers.
//
// What happens on a stream is in watch-stream.ts; here is when it is over: when the client has gone, or asks for nothing more and
// no watch is left.
// Upstream: etcd, etcdserver/api/v3rpc/watch.go.
import type { ServerCall } from './call.ts';
import type { WatchRequestMessage } from './watch-requests.ts';
import {
  type WatchableStore,
  type WatchCounts,
  WatchStream,
  type WatchStreamOptions,
} from './watch-stream.ts';

export type WatchServiceOptions = Omit<WatchStreamOptions, 'counts'>;

export function watchService(store: WatchableStore, options: WatchServiceOptions) {
  const counts: WatchCounts = { streams: 0, watchers: 0, events: 0 };
  return {
    counts,
    Watch: async (requests: AsyncIterable<WatchRequestMessage>, call: ServerCall) => {
      counts.streams++;
      const stream = new WatchStream(store, call, { ...options, counts });
      try {
        for await (const request of requests) await stream.handle(request);
        // A client that will ask for nothing more may go on listening; for one that has gone nobody reads any further.
        call.signal.addEventListener('abort', () => stream.cancelAll());
        if (call.signal.aborted) stream.cancelAll();
        await stream.ended();
      } finally {
        stream.cancelAll();
        counts.streams--;
      }
    },
  };
}

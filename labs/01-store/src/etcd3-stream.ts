// The streams of etcd's client: a watch from the answer that it exists on, one keep-alive, a snapshot.
//
// Rules of use
//   - open… resolves when etcd has answered, so a member that is silent is known before anybody relies on it.
//   - Whoever reads a stream ends it with endStream(), in a finally: the package ends none by itself.
// A header cannot be given to the package, so an interceptor of its transport adds it.
// Upstream: etcd, clientv3/watch.go and clientv3/lease.go; the headers are in api/v3rpc/rpctypes/metadatafields.go.
import type { Etcd3, IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import { watchToWire } from './etcd3-wire.ts';
import { StoreError, type WatchRequest } from './kv.ts';
import { leaseNotFound } from './lease.ts';

type CallOptions = NonNullable<Parameters<Etcd3['watchClient']['watch']>[0]>;
type Interceptor = NonNullable<CallOptions['interceptors']>[number];

export interface EndedByHand {
  end(): void;
  cancel(): void;
}

export interface WatchStream {
  /** Beginning with the answer that the watch was created, or refused. */
  readonly responses: AsyncIterable<IWatchResponse>;
  readonly stream: EndedByHand;
}

/** A watch on a stream of its own. Throws when the member does not answer in time. */
export async function openWatch(
  client: Etcd3,
  request: WatchRequest,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<WatchStream> {
  // Without this header a member that lost its cluster keeps its watchers, and tells them nothing.
  const options = { interceptors: [withHeader('hasleader', 'true')] };
  const stream = (await client.watchClient.watch(options)) as IDuplexStream<
    IWatchRequest,
    IWatchResponse
  > &
    AsyncIterable<IWatchResponse>;
  const end = () => endStream(stream);
  const tooLate = setTimeout(end, timeoutMs);
  stop.addEventListener('abort', end, { once: true });
  try {
    if (stop.aborted) end();
    else stream.write({ create_request: watchToWire(request) });
    const iterator = stream[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done) throw new StoreError('unavailable', 'etcd did not begin the watch in time');
    return { responses: startingWith(first.value, iterator), stream };
  } catch (error) {
    end();
    throw error;
  } finally {
    clearTimeout(tooLate);
    stop.removeEventListener('abort', end);
  }
}

/** The seconds that the lease has again. */
export async function keepAliveOnce(client: Etcd3, id: string, timeoutMs: number): Promise<number> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline: Date.now() + timeoutMs });
  try {
    // Listening comes first: a refusal of the write itself arrives as the stream's error.
    const answer = firstOf(stream as unknown as AsyncIterable<{ TTL: string }>);
    stream.write({ ID: id });
    const ttlSeconds = Number((await answer).TTL);
    if (ttlSeconds <= 0) throw leaseNotFound();
    return ttlSeconds;
  } finally {
    endStream(stream);
  }
}

/** end() before cancel(): the package takes a cancelled open stream for a failed host, and closes all others. */
export function endStream(stream: EndedByHand): void {
  stream.end();
  stream.cancel();
}

/** Adds a header to a call. */
export function withHeader(name: string, value: string): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      const ours = metadata.clone(); // The package shares one among all its calls.
      ours.set(name, value);
      start(ours, listener);
    };
    return call as ReturnType<Interceptor>;
  };
}

async function* startingWith<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T, void, void> {
  yield first;
  for (;;) {
    const next = await rest.next();
    if (next.done) return;
    yield next.value;
  }
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new StoreError('unavailable', 'etcd ended the stream');
}

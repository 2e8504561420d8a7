// Etcd3Store: a KeyValueStore whose data lives in a real etcd, through the npm package etcd3.
//
// Rules of use
//   - No call waits for ever: each has a deadline, and a lost connection ends a watch with 'unavailable'.
//     The reader lists again; the store never reconnects behind its back, as it could miss events then.
//   - A read is tried on another endpoint. A write only when it certainly never left: one that got no
//     answer may have happened, and doing it twice is not the same as once.
//   - A slow watcher holds back its own stream, and etcd waits for it: no 'slow-consumer' here.
// Only the package's plain clients are used (kv, watchClient, …), not its Watcher, which hides revisions.
// Left out: authentication by password, the hasleader header of watches.
// Upstream: kube-apiserver does this job in apiserver/pkg/storage/etcd3.
import { noop } from 'cockatiel';
import { Etcd3, type IDuplexStream, type IWatchRequest, type IWatchResponse } from 'etcd3';
import {
  batchesFromWire,
  compareToWire,
  deleteFromWire,
  deleteToWire,
  errorFromWire,
  opFromWire,
  opToWire,
  putFromWire,
  putToWire,
  rangeFromWire,
  rangeToWire,
  revisionOf,
  watchToWire,
} from './etcd3-wire.ts';
import {
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type KeyValueStore,
  type LeaseTimeToLive,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  StoreError,
  type StoreStatus,
  type TxnRequest,
  type TxnResponse,
  type WatchBatch,
  type WatchRequest,
} from './kv.ts';
import { checkTtl, leaseNotFound } from './lease.ts';
import { checkRange, checkTxn } from './txn.ts';

const REQUEST_TIMEOUT_MS = 5000;
/** etcd allows a ping every 5 s at most. */
const KEEPALIVE_MS = 10_000;
const FIRST_KEY = '\0';

export interface Etcd3StoreOptions {
  /** For example http://127.0.0.1:2379. */
  endpoints: readonly string[];
  /** PEM files' contents, for https. */
  tls?: { ca: Buffer; cert?: Buffer; key?: Buffer };
  requestTimeoutMs?: number;
}

/** Throws 'unavailable' when no endpoint answers. */
export async function openEtcd3Store(options: Etcd3StoreOptions): Promise<KeyValueStore> {
  const store = new Etcd3Store(options);
  try {
    await store.status();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    const text = `cannot reach etcd at ${options.endpoints.join(', ')}: ${(error as Error).message}`;
    throw new StoreError('unavailable', text, { cause: error });
  }
}

type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse> & AsyncIterable<IWatchResponse>;

class Etcd3Store implements KeyValueStore {
  readonly #client: Etcd3;
  readonly #attemptsMax: number;
  readonly #timeoutMs: number;
  readonly #closed = new AbortController();

  constructor({ endpoints, tls, requestTimeoutMs = REQUEST_TIMEOUT_MS }: Etcd3StoreOptions) {
    this.#attemptsMax = endpoints.length;
    this.#timeoutMs = requestTimeoutMs;
    // With one endpoint a circuit breaker would only make its return be noticed later.
    const host = endpoints.length === 1 ? { host: () => noop } : {};
    this.#client = new Etcd3({
      hosts: [...endpoints],
      ...(tls === undefined ? {} : { credentials: credentialsOf(tls) }),
      faultHandling: { global: noop, ...host },
      defaultCallOptions: ({ isStream }) =>
        isStream ? {} : { deadline: Date.now() + requestTimeoutMs },
      grpcOptions: {
        'grpc.max_receive_message_length': -1,
        'grpc.keepalive_time_ms': KEEPALIVE_MS,
        'grpc.keepalive_timeout_ms': requestTimeoutMs,
      },
    });
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    checkRange(request);
    return rangeFromWire(await this.#read(() => this.#client.kv.range(rangeToWire(request))));
  }

  async put(request: PutRequest): Promise<PutResponse> {
    checkTxn({ compare: [], success: [{ kind: 'put', ...request }], failure: [] });
    return putFromWire(await this.#write(() => this.#client.kv.put(putToWire(request))));
  }

  async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    checkRange(request);
    const wire = deleteToWire(request);
    return deleteFromWire(await this.#write(() => this.#client.kv.deleteRange(wire)));
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    checkTxn(request);
    const wire = {
      compare: request.compare.map(compareToWire),
      success: request.success.map(opToWire),
      failure: request.failure.map(opToWire),
    };
    const { header, succeeded, responses } = await this.#write(() => this.#client.kv.txn(wire));
    const ops = succeeded ? request.success : request.failure;
    return {
      revision: revisionOf({ header }),
      succeeded,
      responses: ops.map((op, i) => {
        const response = responses[i];
        if (response === undefined) throw new StoreError('unavailable', 'etcd left out an answer');
        return opFromWire(op, response, header);
      }),
    };
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchBatch, void, void> {
    checkRange(request);
    if (signal.aborted) return;
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    try {
      for await (const response of this.#watchResponses(request, stop)) {
        if (response.canceled) throw canceledError(response);
        const isProgress = !response.created && response.events.length === 0;
        if (isProgress) yield { revision: revisionOf(response), events: [] };
        else yield* batchesFromWire(response.events);
      }
    } catch (error) {
      if (!signal.aborted) throw errorFromWire(error);
    }
    if (!signal.aborted) throw new StoreError('unavailable', 'etcd ended the watch');
  }

  async compact(revision: number): Promise<void> {
    await this.#write(() => this.#client.kv.compact({ revision }));
  }

  async grantLease(ttlSeconds: number, id = '0'): Promise<{ id: string; ttlSeconds: number }> {
    checkTtl(ttlSeconds);
    const wish = { TTL: ttlSeconds, ID: id };
    const { ID, TTL } = await this.#write(() => this.#client.leaseClient.leaseGrant(wish));
    return { id: ID, ttlSeconds: Number(TTL) };
  }

  async revokeLease(id: string): Promise<void> {
    await this.#write(() => this.#client.leaseClient.leaseRevoke({ ID: id }));
  }

  async keepAliveLease(id: string): Promise<{ ttlSeconds: number }> {
    const deadline = Date.now() + this.#timeoutMs;
    const stream = await this.#read(() => this.#client.leaseClient.leaseKeepAlive({ deadline }));
    try {
      const answer = firstOf<{ TTL: string }>(stream as unknown as AsyncIterable<{ TTL: string }>);
      stream.write({ ID: id });
      const ttlSeconds = Number((await answer).TTL);
      if (ttlSeconds <= 0) throw leaseNotFound();
      return { ttlSeconds };
    } catch (error) {
      throw errorFromWire(error);
    } finally {
      endStream(stream);
    }
  }

  async leaseTimeToLive(id: string): Promise<LeaseTimeToLive> {
    const { leaseClient } = this.#client;
    const { TTL, grantedTTL, keys } = await this.#read(() =>
      leaseClient.leaseTimeToLive({ ID: id, keys: true }),
    );
    return {
      ttlSeconds: Number(TTL),
      grantedTtlSeconds: Number(grantedTTL),
      keys: keys.map((key) => key.toString('latin1')).sort(),
    };
  }

  async status(): Promise<StoreStatus> {
    const status = await this.#read(() => this.#client.maintenance.status());
    return {
      revision: revisionOf(status),
      compactRevision: await this.#compactRevision(),
      dbSizeBytes: Number(status.dbSize),
      version: status.version,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#client.close();
  }

  /** One watch on a stream of its own, from the answer that it was created on. */
  async *#watchResponses(
    request: WatchRequest,
    stop: AbortSignal,
  ): AsyncGenerator<IWatchResponse, void, void> {
    const stream = (await this.#read(() => this.#client.watchClient.watch())) as WatchStream;
    const end = () => endStream(stream);
    const tooLate = setTimeout(end, this.#timeoutMs);
    stop.addEventListener('abort', end, { once: true });
    try {
      if (stop.aborted) return;
      stream.write({ create_request: watchToWire(request) });
      for await (const response of stream) {
        clearTimeout(tooLate);
        yield response;
      }
    } finally {
      clearTimeout(tooLate);
      stop.removeEventListener('abort', end);
      end();
    }
  }

  /** etcd has no request for it, but tells a watch that starts too early. */
  async #compactRevision(): Promise<number> {
    const oldest = { key: FIRST_KEY, startRevision: 1 };
    try {
      await this.range({ key: FIRST_KEY, revision: 1, countOnly: true });
      return 0;
    } catch (error) {
      if (!StoreError.is(error, 'compacted')) throw error;
    }
    const stop = AbortSignal.timeout(this.#timeoutMs);
    for await (const response of this.#watchResponses(oldest, stop)) {
      if (response.canceled) return Number(response.compact_revision);
    }
    throw new StoreError('unavailable', 'etcd ended the watch');
  }

  #read<T>(call: () => Promise<T>): Promise<T> {
    return this.#attempt(call, (error) => error.code === 'unavailable');
  }

  #write<T>(call: () => Promise<T>): Promise<T> {
    return this.#attempt(call, (error) => /No connection established/.test(error.message));
  }

  /** The package chooses an endpoint for each call. */
  async #attempt<T>(call: () => Promise<T>, mayRepeat: (error: StoreError) => boolean): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#closed.signal.aborted) throw new StoreError('unavailable', 'the store is closed');
        return await call();
      } catch (cause) {
        const error = errorFromWire(cause);
        if (attempt >= this.#attemptsMax || !mayRepeat(error)) throw error;
      }
    }
  }
}

function credentialsOf({ ca, cert, key }: NonNullable<Etcd3StoreOptions['tls']>) {
  return {
    rootCertificate: ca,
    ...(key === undefined ? {} : { privateKey: key }),
    ...(cert === undefined ? {} : { certChain: cert }),
  };
}

function canceledError({ compact_revision, cancel_reason }: IWatchResponse): StoreError {
  if (Number(compact_revision) === 0) return errorFromWire(new Error(cancel_reason));
  return new StoreError('compacted', 'etcdserver: mvcc: required revision has been compacted');
}

/** end() before cancel(): the package takes a cancelled open stream for a failed host, and closes all others. */
function endStream(stream: { end(): void; cancel(): void }): void {
  stream.end();
  stream.cancel();
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new StoreError('unavailable', 'etcd ended the stream');
}

// Etcd3Store: a KeyValueStore whose data lives in a real etcd, of one member or several, through the npm package etcd3.
//
// Rules of use
//   - No call waits for ever: each has a deadline, and a lost connection ends a watch with 'unavailable'.
//     The reader goes on from the revision after the last one it got, or lists again; the store never
//     reconnects behind its back, as only the reader knows how far he is.
//   - Reads move on to another member, writes only when they certainly never left: see etcd3-endpoints.ts.
//   - A slow watcher holds back its own stream, and etcd waits for it: no 'slow-consumer' here.
// Only the package's plain clients are used (kv, watchClient, …), not its Watcher, which hides revisions.
// Upstream: kube-apiserver does this job in apiserver/pkg/storage/etcd3.
import type { Etcd3, IWatchResponse } from 'etcd3';
import { checkRange, checkTtl } from './check.ts';
import { Etcd3Endpoints, type Etcd3EndpointsOptions } from './etcd3-endpoints.ts';
import { Etcd3Maintenance } from './etcd3-maintenance.ts';
import { endStream, keepAliveOnce, openWatch } from './etcd3-stream.ts';
import {
  batchesFromWire,
  canceledFromWire,
  deleteFromWire,
  deleteToWire,
  errorFromWire,
  putFromWire,
  putToWire,
  rangeFromWire,
  rangeToWire,
  revisionOf,
  txnFromWire,
  txnToWire,
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
import type { Maintenance } from './maintenance.ts';
import { checkTxn } from './txn-check.ts';

const REQUEST_TIMEOUT_MS = 5000;
const FIRST_KEY = '\0';

export type Etcd3StoreOptions = Omit<Etcd3EndpointsOptions, 'requestTimeoutMs'> & {
  requestTimeoutMs?: number;
};

/** Throws 'unavailable' when no endpoint answers, 'invalid' when it does not know us. */
export async function openEtcd3Store(
  options: Etcd3StoreOptions,
): Promise<KeyValueStore & { readonly maintenance: Maintenance }> {
  const store = new Etcd3Store({ requestTimeoutMs: REQUEST_TIMEOUT_MS, ...options });
  try {
    await store.reach();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    const { code, message } = errorFromWire(error);
    const text = `cannot reach etcd at ${options.endpoints.join(', ')}: ${message}`;
    throw new StoreError(code, text, { cause: error });
  }
}

class Etcd3Store implements KeyValueStore {
  readonly maintenance: Maintenance;
  readonly #endpoints: Etcd3Endpoints;
  readonly #timeoutMs: number;
  readonly #logsIn: boolean;

  constructor(options: Etcd3EndpointsOptions) {
    this.#endpoints = new Etcd3Endpoints(options);
    this.maintenance = new Etcd3Maintenance(this.#endpoints, options.auth);
    this.#timeoutMs = options.requestTimeoutMs;
    this.#logsIn = options.auth !== undefined;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    checkRange(request);
    const wire = rangeToWire(request);
    return rangeFromWire(await this.#endpoints.read(({ kv }) => kv.range(wire)));
  }

  async put(request: PutRequest): Promise<PutResponse> {
    checkTxn({ compare: [], success: [{ kind: 'put', ...request }], failure: [] });
    const wire = putToWire(request);
    return putFromWire(await this.#endpoints.write(({ kv }) => kv.put(wire)));
  }

  async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    checkRange(request);
    const wire = deleteToWire(request);
    return deleteFromWire(await this.#endpoints.write(({ kv }) => kv.deleteRange(wire)));
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    checkTxn(request);
    const wire = txnToWire(request);
    return txnFromWire(request, await this.#endpoints.write(({ kv }) => kv.txn(wire)));
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchBatch, void, void> {
    checkRange(request);
    if (signal.aborted) return;
    const stop = AbortSignal.any([signal, this.#endpoints.closed]);
    try {
      for await (const response of this.#watchResponses(request, stop)) {
        if (response.canceled) throw canceledFromWire(response);
        const isProgress = !response.created && response.events.length === 0;
        if (isProgress) yield { revision: revisionOf(response), events: [] };
        else yield* batchesFromWire(response.events);
      }
    } catch (error) {
      if (!signal.aborted) throw errorFromWire(error);
    }
    if (!signal.aborted) throw new StoreError('unavailable', 'etcd ended the watch');
  }

  async compact(revision: number, { physical = false }: { physical?: boolean } = {}) {
    await this.#endpoints.write(({ kv }) => kv.compact({ revision, physical }));
  }

  async grantLease(ttlSeconds: number, id = '0'): Promise<{ id: string; ttlSeconds: number }> {
    checkTtl(ttlSeconds);
    const wish = { TTL: ttlSeconds, ID: id };
    const { ID, TTL } = await this.#endpoints.write(({ leaseClient }) =>
      leaseClient.leaseGrant(wish),
    );
    return { id: ID, ttlSeconds: Number(TTL) };
  }

  async revokeLease(id: string): Promise<void> {
    await this.#endpoints.write(({ leaseClient }) => leaseClient.leaseRevoke({ ID: id }));
  }

  async keepAliveLease(id: string): Promise<{ ttlSeconds: number }> {
    const ttlSeconds = await this.#endpoints.read((client) =>
      keepAliveOnce(client, id, this.#timeoutMs),
    );
    return { ttlSeconds };
  }

  async leaseTimeToLive(id: string): Promise<LeaseTimeToLive> {
    const { TTL, grantedTTL, keys } = await this.#endpoints.read(({ leaseClient }) =>
      leaseClient.leaseTimeToLive({ ID: id, keys: true }),
    );
    return {
      ttlSeconds: Number(TTL),
      grantedTtlSeconds: Number(grantedTTL),
      keys: keys.map((key) => key.toString('latin1')).sort(),
    };
  }

  async leases(): Promise<readonly string[]> {
    const { leases } = await this.#endpoints.read(({ leaseClient }) => leaseClient.leaseLeases());
    return leases.map(({ ID }) => ID);
  }

  /** Throws unless a member answers, and knows us if we say who we are. */
  async reach(): Promise<void> {
    await this.#endpoints.read(({ maintenance }) => maintenance.status());
  }

  /** To find the last compaction it must be allowed to read the key '\\0'. */
  async status(): Promise<StoreStatus> {
    const status = await this.#endpoints.read(({ maintenance }) => maintenance.status());
    return {
      revision: revisionOf(status),
      compactRevision: await this.#compactRevision(),
      dbSizeBytes: Number(status.dbSize),
      version: status.version,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endpoints.close();
  }

  /** One watch on a stream of its own, from the answer that it was created on. */
  async *#watchResponses(
    request: WatchRequest,
    stop: AbortSignal,
  ): AsyncGenerator<IWatchResponse, void, void> {
    const { responses, stream } = await this.#endpoints.read(async (client) => {
      if (this.#logsIn) await renewLogin(client, request);
      return openWatch(client, request, this.#timeoutMs, stop);
    }, stop);
    const end = () => endStream(stream);
    stop.addEventListener('abort', end, { once: true });
    try {
      if (!stop.aborted) yield* responses;
    } finally {
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
}

/** A read notices that the token has expired, and the package logs in again; a watch would only be refused. */
async function renewLogin({ kv }: Etcd3, { key, rangeEnd }: WatchRequest): Promise<void> {
  await kv.range(rangeToWire({ key, ...(rangeEnd && { rangeEnd }), countOnly: true }));
}

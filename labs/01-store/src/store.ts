// Store: the parts put together. Every write goes the same way:
//
//   check → change the state (txn.ts, mvcc.ts) → journal → durable: show it, tell the watchers, answer
//                                                        → failed: undo it, answer with the error
// Up to the journal all happens in one turn of the event loop, so writes never interleave. Reads look
// at the last durable revision and wait for nothing.
// Invariants: what was acknowledged was durable; what anybody saw was durable; watchers hear revisions in order.
// Upstream: etcd, server/etcdserver/v3_server.go and server/storage/mvcc/watchable_store.go.
// Left out: consensus: this store has one member.
import assert from 'node:assert/strict';
import { changeOf } from './change.ts';
import { checkInteger, checkRange, checkTtl } from './check.ts';
import type { Entry, Journal } from './journal.ts';
import {
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type KeyValueStore,
  type LeaseTimeToLive,
  type Op,
  type OpResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  StoreError,
  type StoreEvent,
  type StoreStatus,
  type TxnRequest,
  type TxnResponse,
  type Watch,
  type WatchRequest,
} from './kv.ts';
import type { LeaseBook } from './lease.ts';
import type { Maintenance } from './maintenance.ts';
import type { Meta } from './meta.ts';
import { assertReadable, type Mvcc } from './mvcc.ts';
import { LEASE_COST, type Quota, txnCost } from './quota.ts';
import { orderedRange } from './range-order.ts';
import { choose, execute } from './txn.ts';
import { checkChosen, checkTxn, type TxnLimits } from './txn-check.ts';
import type { WatchHub } from './watch-hub.ts';

/** The etcd version whose behaviour this store has. */
const VERSION = '3.4.0';

export interface StoreParts {
  readonly mvcc: Mvcc;
  readonly leases: LeaseBook;
  readonly hub: WatchHub;
  readonly journal: Journal;
  readonly limits?: TxnLimits;
  /** Absent = none. */
  readonly quota?: Quota;
  readonly meta?: Meta;
  readonly maintenance?: Maintenance;
}

export class Store implements KeyValueStore {
  readonly #parts: StoreParts;
  readonly #mvcc: Mvcc;
  readonly #leases: LeaseBook;
  readonly #hub: WatchHub;
  readonly #journal: Journal;
  readonly #quota: Quota | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#mvcc = parts.mvcc;
    this.#leases = parts.leases;
    this.#hub = parts.hub;
    this.#journal = parts.journal;
    this.#quota = parts.quota;
    // A failed expiry is tried again by the book: the lease is alive as long as it is not durably gone.
    this.#leases.start((id) => void this.revokeLease(id).catch(() => undefined));
  }

  /** Of a store that openStore() or openMemoryStore() made. */
  get maintenance(): Maintenance {
    assert(this.#parts.maintenance !== undefined, 'this store was made without maintenance');
    return this.#parts.maintenance;
  }

  /** Likewise. */
  get meta(): Meta {
    assert(this.#parts.meta !== undefined, 'this store was made without meta');
    return this.#parts.meta;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    checkRange(request);
    const now = this.#mvcc.durableRevision;
    const revision = Math.max(0, request.revision ?? 0) || now;
    assertReadable(this.#mvcc, revision);
    return { revision: now, ...orderedRange(this.#mvcc, request, revision) };
  }

  async put(request: PutRequest): Promise<PutResponse> {
    const response = await this.#single({ kind: 'put', ...request });
    assert(response.kind === 'put');
    const { revision, prevKv } = response;
    return prevKv === undefined ? { revision } : { revision, prevKv };
  }

  async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    const response = await this.#single({ kind: 'delete', ...request });
    assert(response.kind === 'delete');
    const { revision, deleted, prevKvs } = response;
    return { revision, deleted, prevKvs };
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    this.#assertOpen();
    checkTxn(request, this.#parts.limits);
    if (this.#quota?.admits(txnCost(request)) === false) await this.#quota.refuse();
    const { succeeded, ops } = choose(this.#mvcc, request);
    checkChosen(this.#mvcc, this.#leases, ops);
    const executed = execute(this.#mvcc, ops);
    await this.#commit(executed.events);
    return { revision: executed.revision, succeeded, responses: executed.responses };
  }

  watch(request: WatchRequest, signal: AbortSignal): Watch {
    return this.#hub.watch(request, signal);
  }

  async compact(revision: number, { physical = false } = {}): Promise<void> {
    this.#assertOpen();
    checkInteger('revision', revision);
    if (revision <= this.#mvcc.compactRevision) assertReadable(this.#mvcc, revision - 1);
    assertReadable(this.#mvcc, revision);
    await this.#append([{ kind: 'compact', revision }], () => {
      // Another compaction, on its way at the same time, may already have gone further.
      if (revision > this.#mvcc.compactRevision) this.#mvcc.compact(revision);
    });
    if (physical) await this.#journal.checkpoint?.();
  }

  async grantLease(seconds: number, wish?: string): Promise<{ id: string; ttlSeconds: number }> {
    this.#assertOpen();
    const ttlSeconds = checkTtl(seconds);
    if (this.#quota?.admits(LEASE_COST) === false) await this.#quota.refuse();
    const id = this.#leases.chooseId(wish);
    this.#leases.grant(id, ttlSeconds);
    const undo = () => this.#leases.remove(id);
    await this.#append([{ kind: 'lease-grant', id, ttlSeconds }], () => undefined, undo);
    return { id, ttlSeconds };
  }

  async revokeLease(id: string): Promise<void> {
    this.#assertOpen();
    const keys = [...this.#leases.alive(id).keys].sort();
    this.#leases.setState(id, 'revoking');
    const ops = keys.map((key) => ({ kind: 'delete', key }) as const);
    const { events } = execute(this.#mvcc, ops);
    const durable = () => this.#leases.remove(id);
    await this.#commit(events, {
      entry: { kind: 'lease-revoke', id },
      durable,
      failed: () => this.#leases.setState(id, 'alive'),
    });
  }

  async keepAliveLease(id: string): Promise<{ ttlSeconds: number }> {
    this.#assertOpen();
    return { ttlSeconds: this.#leases.keepAlive(id).grantedTtlSeconds };
  }

  async leaseTimeToLive(id: string): Promise<LeaseTimeToLive> {
    this.#assertOpen();
    const lease = this.#leases.find(id);
    if (lease === undefined) return { ttlSeconds: -1, grantedTtlSeconds: 0, keys: [] };
    const { grantedTtlSeconds, keys } = lease;
    return {
      ttlSeconds: this.#leases.remainingSeconds(lease),
      grantedTtlSeconds,
      keys: [...keys].sort(),
    };
  }

  async leases(): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#leases.all().map(({ id }) => id);
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    const { durableRevision, compactRevision, sizeBytes } = this.#mvcc;
    return {
      revision: durableRevision,
      compactRevision,
      dbSizeBytes: this.#quota?.sizeBytes ?? sizeBytes,
      dbSizeInUseBytes: sizeBytes,
      version: VERSION,
    };
  }

  /** Asserts every invariant of the state: for tests. */
  check(): void {
    this.#mvcc.check();
  }

  /** Finishes the writes that are on their way; watches end with 'unavailable'. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leases.stop();
    this.#hub.close(closed());
    await this.#journal.close();
  }

  async #single(op: Op): Promise<OpResponse> {
    const { responses } = await this.txn({ compare: [], success: [op], failure: [] });
    const [response] = responses;
    assert(response !== undefined);
    return response;
  }

  /** Resolves when the newest revision, with these events, is durable and everybody knows; with what else must be durable together. */
  #commit(events: readonly StoreEvent[], also?: Also): Promise<void> {
    const { revision } = this.#mvcc;
    const entries: Entry[] = also === undefined ? [] : [also.entry];
    if (events.length > 0) {
      this.#leases.follow(events);
      entries.push({ kind: 'commit', revision, changes: events.map(changeOf) });
    }
    const durable = () => {
      also?.durable();
      if (events.length === 0) return;
      this.#mvcc.markDurable(revision);
      this.#hub.publish(revision, events);
    };
    const failed = () => {
      if (events.length > 0) {
        this.#leases.unfollow(events);
        this.#mvcc.undo();
      }
      also?.failed();
    };
    return this.#append(entries, durable, failed);
  }

  #append(entries: readonly Entry[], durable: () => void, failed?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#journal.append(entries, {
        durable: () => {
          durable();
          resolve();
        },
        failed: (error) => {
          failed?.();
          if (error.code === 'no-space') void this.#quota?.raise();
          reject(error);
        },
      });
    });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

interface Also {
  readonly entry: Entry;
  durable(): void;
  failed(): void;
}

function closed(): StoreError {
  return new StoreError('unavailable', 'the store is closed');
}

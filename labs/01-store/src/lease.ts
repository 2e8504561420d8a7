// Leases: a promise to delete some keys unless somebody keeps saying that he is alive.
//
//   granted → alive ──keepAlive──→ alive …        revoked, or its time is over → revoking → gone
// Rules of use
//   - The book knows leases and their keys; the store does the deleting. When a time is over the book
//     calls expire(id), and again after a second if that lease is still alive then.
//   - Only the granted time is durable, not the moment of expiry: after a restart every lease has its
//     full time again. A promise may last longer than it said, never shorter.
//   - Keys follow the versions: a put with a lease attaches its key, a put without one or a delete
//     detaches it.
// Invariant: at most one timer runs, and it is due no later than the first lease.
// Upstream: etcd, server/lease/lessor.go. Left out: checkpoints of the remaining time; a minimum that comes from the
// time of an election (2 s in etcd): there is none here, so it is one second.
import { randomBytes } from 'node:crypto';
import { checkLeaseId } from './check.ts';
import type { Clock } from './clock.ts';
import { type Key, StoreError, type StoreEvent } from './kv.ts';

const NO_LEASE = '0';
const RETRY_MS = 1000;
/** Node's timers hold 31 bits; a longer wait is made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface Lease {
  readonly id: string;
  readonly grantedTtlSeconds: number;
  readonly keys: ReadonlySet<Key>;
  readonly state: 'alive' | 'revoking';
  readonly expiresAtMs: number;
}

type MutableLease = { -readonly [K in keyof Lease]: Lease[K] } & { readonly keys: Set<Key> };

/** The leases whose time is over, and when to look again. */
export function due(leases: Iterable<Lease>, nowMs: number): { expired: string[]; nextMs: number } {
  const expired: string[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { id, state, expiresAtMs } of leases) {
    if (state === 'revoking') continue;
    if (expiresAtMs <= nowMs) expired.push(id);
    nextMs = Math.min(nextMs, Math.max(expiresAtMs, nowMs + RETRY_MS));
  }
  return { expired, nextMs };
}

export class LeaseBook {
  readonly #leases = new Map<string, MutableLease>();
  readonly #clock: Clock;
  /** Undefined while time stands still: before start() and after stop(). */
  #expire: ((id: string) => void) | undefined;
  #timer: { handle: unknown; dueMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on leases expire. Before that (recovery) time stands still for them. */
  start(expire: (id: string) => void): void {
    this.#expire = expire;
    for (const lease of this.#leases.values()) lease.expiresAtMs = this.#deadlineOf(lease);
    this.#arm(due(this.#leases.values(), this.#clock.now()).nextMs);
  }

  stop(): void {
    this.#expire = undefined;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  /** All leases that a restart must bring back. One that is being revoked is not gone before that is durable. */
  all(): readonly Lease[] {
    return [...this.#leases.values()];
  }

  /** An id that is free, or the wish if it is. */
  chooseId(wish = NO_LEASE): string {
    if (wish !== NO_LEASE) {
      const id = checkLeaseId(wish);
      if (!this.#leases.has(id)) return id;
      throw new StoreError('invalid', 'etcdserver: lease already exists');
    }
    for (;;) {
      const id = (randomBytes(8).readBigUInt64BE() & (2n ** 63n - 1n)).toString();
      if (id !== NO_LEASE && !this.#leases.has(id)) return id;
    }
  }

  grant(id: string, grantedTtlSeconds: number): void {
    const lease: MutableLease = {
      id,
      grantedTtlSeconds,
      keys: new Set(),
      state: 'alive',
      expiresAtMs: this.#clock.now() + grantedTtlSeconds * 1000,
    };
    this.#leases.set(id, lease);
    this.#arm(lease.expiresAtMs);
  }

  remove(id: string): void {
    this.#leases.delete(id);
  }

  /** The lease, if a put may use it or somebody may revoke it. */
  alive(id: string): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.state !== 'alive') throw leaseNotFound();
    return lease;
  }

  find(id: string): Lease | undefined {
    return this.#leases.get(id);
  }

  remainingSeconds(lease: Lease): number {
    return Math.max(0, Math.ceil((lease.expiresAtMs - this.#clock.now()) / 1000));
  }

  /** Fails when the time is over, even if nobody had time yet to delete the keys. */
  keepAlive(id: string): Lease {
    const lease = this.#leases.get(this.alive(id).id);
    if (lease === undefined || lease.expiresAtMs <= this.#clock.now()) throw leaseNotFound();
    lease.expiresAtMs = this.#deadlineOf(lease);
    return lease;
  }

  setState(id: string, state: Lease['state']): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.state = state;
  }

  /** Keeps the keys of the leases in step with events that happened. */
  follow(events: readonly StoreEvent[]): void {
    for (const { kv, prevKv } of events) {
      if (prevKv !== undefined) this.#leases.get(prevKv.lease)?.keys.delete(kv.key);
      this.#leases.get(kv.lease)?.keys.add(kv.key);
    }
  }

  /** The opposite of follow(), the last event first. */
  unfollow(events: readonly StoreEvent[]): void {
    for (const { kv, prevKv } of events.toReversed()) {
      this.#leases.get(kv.lease)?.keys.delete(kv.key);
      if (prevKv !== undefined) this.#leases.get(prevKv.lease)?.keys.add(kv.key);
    }
  }

  #deadlineOf(lease: Lease): number {
    return this.#clock.now() + lease.grantedTtlSeconds * 1000;
  }

  #arm(dueMs: number): void {
    if (this.#expire === undefined || dueMs === Number.POSITIVE_INFINITY) return;
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer.handle);
    const waitMs = Math.min(TIMER_MS_MAX, Math.max(0, dueMs - this.#clock.now()));
    const handle = this.#clock.setTimeout(() => this.#onTimer(), waitMs);
    this.#timer = { handle, dueMs };
  }

  #onTimer(): void {
    this.#timer = undefined;
    const { expired, nextMs } = due(this.#leases.values(), this.#clock.now());
    this.#arm(nextMs);
    for (const id of expired) this.#expire?.(id);
  }
}

export function leaseNotFound(): StoreError {
  return new StoreError('lease-not-found', 'etcdserver: requested lease not found');
}

// LeaderElector: of several processes that could do a job, one does it, as long as it keeps renewing a lease.
//
//   1. Whoever holds the lease writes renewTime every retryPeriodMs. When that fails for renewDeadlineMs it stops leading.
//   2. The others take the lease when it has not changed for leaseDurationMs of their own clock; clocks of different
//      machines are never compared. renewDeadlineMs < leaseDurationMs: the old leader stops before a new one starts.
//   3. Writes carry the resourceVersion that was read, so of two that take the lease at once one gets a Conflict.
//   4. A leader that is told to stop gives the lease back, and the next one need not wait.
//
// Same idea and timers upstream: k8s.io/client-go/tools/leaderelection. Left out: its events, coordinated elections.

import { type Logger, silentLogger } from '@kube-labs/store';
import type { Lease } from 'kubernetes-types/coordination/v1';
import { ApiError } from '../api-error.ts';
import type { Client } from './client.ts';
import { type Clock, realClock, sleep } from './clock.ts';
import { type ObjectRef, resources } from './resources.ts';

export interface LeaderElectorOptions {
  readonly lease: ObjectRef;
  /** Unique to this process: host name and a random part. */
  readonly identity: string;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: Logger;
}

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2_000;
/** Those who wait ask at slightly different times. */
const JITTER_FACTOR = 1.2;

export class LeaderElector {
  readonly #client: Client;
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** What the lease said when we last saw it change, and when that was by our own clock. */
  #observed: { readonly record: string; readonly at: number } | undefined;
  #leading = false;

  constructor(client: Client, options: LeaderElectorOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#log = options.log ?? silentLogger;
    this.#leaseDurationMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
    this.#retryPeriodMs = options.retryPeriodMs ?? RETRY_PERIOD_MS;
  }

  get isLeader(): boolean {
    return this.#leading;
  }

  /**
   * Waits until we lead, then runs `onStartedLeading` with a signal that aborts when the lease is lost. Returns when
   * `signal` aborts or the work ends; rejects with "leader election lost" when another took over.
   */
  async run(
    signal: AbortSignal,
    onStartedLeading: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    this.#leading = true;
    this.#log.info('Successfully acquired lease', { lease: this.#options.lease.name });
    const term = new AbortController();
    const end = (): void => term.abort();
    signal.addEventListener('abort', end);
    try {
      const lost = this.#renewUntilLost(term.signal).finally(end);
      await onStartedLeading(term.signal).finally(end);
      if (await lost) throw new Error('leader election lost');
      await this.#release();
    } finally {
      this.#leading = false;
      signal.removeEventListener('abort', end);
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { random = Math.random } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew(signal)) return true;
      await sleep(this.#retryPeriodMs * (1 + random() * JITTER_FACTOR), signal, this.#clock);
    }
    return false;
  }

  /** True when the lease was lost, false when the term was ended. */
  async #renewUntilLost(signal: AbortSignal): Promise<boolean> {
    let renewedAt = this.#clock.now();
    while (!signal.aborted) {
      await sleep(this.#retryPeriodMs, signal, this.#clock);
      if (signal.aborted) return false;
      const limit = this.#renewDeadlineMs - (this.#clock.now() - renewedAt);
      if (limit <= 0) return true;
      if (await this.#renewWithin(limit, signal)) renewedAt = this.#clock.now();
    }
    return false;
  }

  /** One renewal; a server that does not answer in time is as good as one that refuses. */
  async #renewWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    const attempt = new AbortController();
    const end = (): void => attempt.abort();
    const timer = this.#clock.setTimeout(end, ms);
    signal.addEventListener('abort', end);
    try {
      return await this.#tryAcquireOrRenew(attempt.signal);
    } finally {
      this.#clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    try {
      const lease = await this.#read(signal);
      if (lease === undefined) {
        await this.#client.create(resources.leases, this.#claim(undefined), signal);
        return true;
      }
      this.#observe(lease);
      if (!this.#mayTake(lease)) return false;
      await this.#client.update(resources.leases, this.#claim(lease), signal);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#log.debug('Could not write the lease', { err: error });
      return false;
    }
  }

  async #read(signal?: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.get(resources.leases, this.#options.lease, signal);
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #observe(lease: Lease): void {
    const record = JSON.stringify(lease.spec ?? {});
    if (this.#observed?.record === record) return;
    this.#observed = { record, at: this.#clock.now() };
  }

  #mayTake({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity) return true;
    const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1000;
    return (this.#observed?.at ?? 0) + durationMs <= this.#clock.now();
  }

  /** The lease with us as its holder. */
  #claim(current: Lease | undefined): Lease {
    const { lease, identity } = this.#options;
    const now = microTime(this.#clock.now());
    const isOurs = current?.spec?.holderIdentity === identity;
    const transitions = current?.spec?.leaseTransitions ?? 0;
    return {
      metadata: current?.metadata ?? {
        name: lease.name,
        ...(lease.namespace === undefined ? {} : { namespace: lease.namespace }),
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
        acquireTime: (isOurs ? current?.spec?.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: current === undefined || isOurs ? transitions : transitions + 1,
      },
    };
  }

  /** Best effort: whoever waits takes over at once instead of after the lease ran out. */
  async #release(): Promise<void> {
    try {
      const current = await this.#read();
      if (current?.spec?.holderIdentity !== this.#options.identity) return;
      const spec = { ...this.#claim(current).spec, holderIdentity: '', leaseDurationSeconds: 1 };
      await this.#client.update(resources.leases, { ...current, spec });
    } catch (error) {
      this.#log.debug('Could not release the lease', { err: error });
    }
  }
}

/** metav1.MicroTime: six digits behind the second. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

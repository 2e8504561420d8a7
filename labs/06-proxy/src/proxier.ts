// Proxier: keeps the kernel's rules equal to what the API server says.
//
// A change asks for a sync; a sync works out the whole RuleSet anew (pure, a few milliseconds) and sends only the
// difference from the one that the kernel holds. Changes that come together go together: the first is applied at
// once, the next ones wait until minSyncPeriodMs has passed. Each sync is one run of `nft -f -`; that costs 10 ms where a
// long-lived `nft -i` would cost less than one, but its exit code says without doubt whether the kernel agreed.
//
// Invariants:
//   1. what the kernel holds is known, or everything is sent: after a start, after a failure, and every syncPeriodMs
//      in case somebody else touched the table;
//   2. nothing is sent before all services and endpoints were listed once: half a list would cut working services;
//   3. rules stay when the API server is away, and when the proxy ends.
//
// Same idea upstream: pkg/proxy/nftables/proxier.go, pkg/proxy/runner.
// Left out here: removing the conntrack entries of UDP flows whose endpoint went; no tool on the node can do it. Such a
// flow ends when its client pauses for the kernel's timeout (30 s) or takes another source port.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Command } from './command.ts';
import type { ProxyMetrics } from './metrics.ts';
import { afterChanges, changes, replaceAll } from './nft-script.ts';
import { buildRules, type RuleSet, type RulesOptions, staticRules } from './rules.ts';
import { buildServiceMap } from './service-map.ts';
import { ensureSink } from './sink.ts';

export interface ProxierOptions extends RulesOptions {
  readonly nodeName: string;
  readonly minSyncPeriodMs: number;
  readonly syncPeriodMs: number;
}

export interface ProxierDeps {
  services(): readonly Service[];
  endpointSlices(): readonly EndpointSlice[];
  readonly run: Command;
  readonly clock: Clock;
  readonly metrics: ProxyMetrics;
  readonly log: Logger;
}

export interface SyncState {
  /** Milliseconds since 1970 of the last sync that worked; undefined: none yet. */
  readonly lastSyncedAt: number | undefined;
  /** Since when a change waits that the kernel does not have; undefined: none. */
  readonly pendingSince: number | undefined;
  readonly lastError: string | undefined;
}

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

export class Proxier {
  readonly #options: ProxierOptions;
  readonly #deps: ProxierDeps;
  /** What the kernel holds; undefined: not known. */
  #applied: RuleSet | undefined;
  #fullSyncAt = 0;
  #lastSyncedAt: number | undefined;
  #pendingSince: number | undefined;
  #lastError: string | undefined;
  #failures = 0;
  #wake: (() => void) | undefined;

  constructor(options: ProxierOptions, deps: ProxierDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get state(): SyncState {
    return {
      lastSyncedAt: this.#lastSyncedAt,
      pendingSince: this.#pendingSince,
      lastError: this.#lastError,
    };
  }

  /** Something changed. Cheap; the work is done by run(). */
  requestSync(): void {
    const now = this.#deps.clock.now();
    this.#pendingSince ??= now;
    this.#deps.metrics.lastQueued.set(now / 1000);
    this.#wake?.();
  }

  /** Call when the first lists are complete. Returns when the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.requestSync();
    while (!signal.aborted) {
      await this.#untilDue(signal);
      if (signal.aborted) return;
      await this.#sync();
      const retryMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (this.#failures - 1));
      const pauseMs = this.#failures > 0 ? retryMs : this.#options.minSyncPeriodMs;
      await sleep(pauseMs, signal, this.#deps.clock);
    }
  }

  /** Waits for a change, or for the time of the next full sync. */
  #untilDue(signal: AbortSignal): Promise<void> {
    if (this.#pendingSince !== undefined) return Promise.resolve();
    const { clock } = this.#deps;
    return new Promise((resolve) => {
      const finish = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        this.#wake = undefined;
        resolve();
      };
      const waitMs = Math.max(0, this.#fullSyncAt - clock.now());
      const timer = clock.setTimeout(finish, waitMs);
      signal.addEventListener('abort', finish);
      this.#wake = finish;
    });
  }

  async #sync(): Promise<void> {
    const { clock, metrics, log } = this.#deps;
    const startedAt = clock.now();
    const pendingSince = this.#pendingSince;
    // A change that comes while nft runs is a new one.
    this.#pendingSince = undefined;
    if (startedAt >= this.#fullSyncAt) this.#applied = undefined;
    const full = this.#applied === undefined;
    try {
      await this.#apply();
    } catch (error) {
      this.#applied = undefined;
      this.#failures++;
      this.#pendingSince = pendingSince ?? startedAt;
      this.#lastError = messageOf(error);
      metrics.syncFailures.inc();
      log.error('Sync failed, will retry', { err: error, failures: this.#failures });
      return;
    }
    const seconds = (clock.now() - startedAt) / 1000;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#lastSyncedAt = clock.now();
    metrics.lastSync.set(this.#lastSyncedAt / 1000);
    metrics.syncSeconds.observe(seconds);
    if (full) {
      this.#fullSyncAt = clock.now() + this.#options.syncPeriodMs;
      metrics.fullSyncSeconds.observe(seconds);
    }
    log.debug('Synced proxy rules', { full, seconds });
  }

  async #apply(): Promise<void> {
    const { run, metrics } = this.#deps;
    const { nodeName, clusterDns, serviceRange, nodeIP } = this.#options;
    const map = buildServiceMap(this.#deps.services(), this.#deps.endpointSlices(), {
      nodeName,
      skipClusterIPs: clusterDns === undefined ? [] : [clusterDns],
    });
    const rules = buildRules(map, this.#options);
    const applied = this.#applied;
    if (applied === undefined) {
      await ensureSink(run, { serviceRange, nodeIP, clusterDns });
      await run('nft', ['-f', '-'], { input: replaceAll(staticRules(this.#options), rules) });
      this.#applied = rules;
    } else {
      const script = changes(applied, rules);
      if (script !== '') await run('nft', ['-f', '-'], { input: script });
      this.#applied = afterChanges(applied, rules);
    }
    metrics.services.set(map.length);
  }
}

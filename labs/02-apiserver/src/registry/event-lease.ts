// EventLease: the store's lease under which short-lived objects are written, so that they expire by themselves.
//
// One lease serves all objects of a minute: a lease each would cost the store more than the events do. An object thus
// lives between `ttlSeconds` and a minute more.
//
// Same idea upstream: apiserver, storage/etcd3/lease_manager.go.

import type { KeyValueStore } from '@kube-labs/store';
import { type Clock, realClock } from '../client/clock.ts';

const REUSE_SECONDS = 60;

export class EventLease {
  readonly #store: KeyValueStore;
  readonly #ttlSeconds: number;
  readonly #clock: Clock;
  #granted: { readonly id: Promise<string>; readonly untilMs: number } | undefined;

  constructor(store: KeyValueStore, ttlSeconds: number, clock: Clock = realClock) {
    this.#store = store;
    this.#ttlSeconds = ttlSeconds;
    this.#clock = clock;
  }

  async current(): Promise<string> {
    const nowMs = this.#clock.now();
    if (this.#granted === undefined || this.#granted.untilMs <= nowMs) {
      const id = this.#store.grantLease(this.#ttlSeconds + REUSE_SECONDS).then((lease) => lease.id);
      this.#granted = { id, untilMs: nowMs + REUSE_SECONDS * 1000 };
    }
    try {
      return await this.#granted.id;
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  forget(): void {
    this.#granted = undefined;
  }
}

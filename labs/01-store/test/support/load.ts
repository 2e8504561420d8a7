// Load: writers, a reader, a watcher and a lease on one store, and afterwards the proof that nothing was lost or done twice.
//
//   counters   compare "is still n", put n + 1: a write that was done twice fails its own comparison
//   uniques    put a new key each: done twice, its version is 2
// 'unavailable' means that nobody knows: such a write may have happened once, never more often.
import assert from 'node:assert/strict';
import { prefixEnd } from '#src/key-range.ts';
import { type KeyValueStore, StoreError, type TxnRequest } from '#src/kv.ts';
import { eventually } from './eventually.ts';
import { bytes, text } from './store-helpers.ts';

const COUNTERS = 3;
const UNIQUES = 3;
/** Longer than any election, and than a machine that stands still for a while. */
const LEASE_SECONDS = 90;
const PATIENT_MS = 90_000;

interface Write {
  readonly key: string;
  readonly value: string;
  /** Undefined = the answer was 'unavailable'. */
  readonly revision: number | undefined;
}

export class Load {
  readonly #store: KeyValueStore;
  readonly #prefix: string;
  readonly #startRevision: number;
  readonly #lease: string;
  readonly #stop = new AbortController();
  readonly #stopWatching = new AbortController();
  readonly #writes: Write[] = [];
  readonly #events: { revision: number; key: string; value: string }[] = [];
  #running: Promise<unknown>[] = [];
  #watching: Promise<void> = Promise.resolve();
  reads = 0;
  watchesEnded = 0;

  private constructor(store: KeyValueStore, prefix: string, revision: number, lease: string) {
    this.#store = store;
    this.#prefix = prefix;
    this.#startRevision = revision + 1;
    this.#lease = lease;
  }

  static async start(store: KeyValueStore, prefix: string): Promise<Load> {
    const { revision } = await store.status();
    const { id } = await store.grantLease(LEASE_SECONDS);
    const load = new Load(store, prefix, revision, id);
    await store.put({ key: `${prefix}leased`, value: bytes(''), lease: id });
    load.#watching = load.#watch();
    load.#running = [
      ...Array.from({ length: COUNTERS }, (_, i) => load.#count(`${prefix}counter/${i}`)),
      ...Array.from({ length: UNIQUES }, (_, i) => load.#unique(`${prefix}unique/${i}/`)),
      load.#read(`${prefix}counter/0`),
      load.#keepAlive(),
    ];
    return load;
  }

  /** So many more writes were acknowledged. A worker that failed is the reason why they were not. */
  async acknowledged(more: number): Promise<void> {
    const goal = this.#acknowledged().length + more;
    const reached = eventually(() => assert(this.#acknowledged().length >= goal), PATIENT_MS);
    await Promise.race([reached, Promise.all(this.#running)]);
  }

  /** Ends the load; the watcher first gets everything that was written. */
  async stop(): Promise<void> {
    this.#stop.abort();
    try {
      await Promise.all(this.#running);
      const last = Math.max(...this.#acknowledged().map(({ revision }) => revision ?? 0));
      await eventually(() => assert((this.#events.at(-1)?.revision ?? 0) >= last), PATIENT_MS);
    } finally {
      this.#stopWatching.abort();
      await this.#watching;
    }
  }

  async check(): Promise<void> {
    await this.#checkWatch();
    const happened = new Map(this.#events.map((e) => [`${e.key}=${e.value}`, e]));
    assert.equal(happened.size, this.#events.length, 'a write happened twice');
    for (const { key, value, revision } of this.#acknowledged()) {
      assert.equal(happened.get(`${key}=${value}`)?.revision, revision, `${key}=${value} is lost`);
    }
    const { kvs } = await this.#store.range(this.#range());
    for (const { key, version } of kvs) {
      if (key.startsWith(`${this.#prefix}unique/`))
        assert.equal(version, 1, `${key} was put twice`);
    }
    const { ttlSeconds, keys } = await this.#store.leaseTimeToLive(this.#lease);
    assert(ttlSeconds > 0, 'the lease is gone');
    assert.deepEqual(keys, [`${this.#prefix}leased`]);
  }

  summary(): string {
    const unknown = this.#writes.length - this.#acknowledged().length;
    return `${this.#acknowledged().length} writes acknowledged, ${unknown} unknown, ${this.reads} reads, ${this.watchesEnded} watches ended`;
  }

  #acknowledged(): readonly Write[] {
    return this.#writes.filter(({ revision }) => revision !== undefined);
  }

  #range() {
    return { key: this.#prefix, rangeEnd: prefixEnd(this.#prefix) };
  }

  /** Raises one counter. It is the only one who writes it, so a comparison may only fail after an unknown write. */
  async #count(key: string): Promise<void> {
    let n = 0;
    let isUnknown = false;
    while (!this.#stop.signal.aborted) {
      const answer = await this.#write(key, `${n + 1}`, () => this.#store.txn(countTo(key, n + 1)));
      if (answer === undefined) {
        isUnknown = true;
        continue;
      }
      const [response] = answer.responses;
      if (answer.succeeded) n++;
      else {
        assert(isUnknown, `${key}: a write was done twice and nobody was told`);
        assert(
          response?.kind === 'range' && text(response.kvs[0]?.value ?? bytes('')) === `${++n}`,
        );
      }
      isUnknown = false;
    }
  }

  async #unique(prefix: string): Promise<void> {
    for (let n = 1; !this.#stop.signal.aborted; n++) {
      const request = { key: `${prefix}${n}`, value: bytes('once') };
      await this.#write(request.key, 'once', () => this.#store.put(request));
    }
  }

  /** Undefined when nobody knows whether it happened. A comparison that failed is no write. */
  async #write<T extends { revision: number; succeeded?: boolean }>(
    key: string,
    value: string,
    write: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const answer = await write();
      if (answer.succeeded !== false) this.#writes.push({ key, value, revision: answer.revision });
      return answer;
    } catch (error) {
      if (!StoreError.is(error, 'unavailable')) throw error;
      this.#writes.push({ key, value, revision: undefined });
      return undefined;
    }
  }

  /** Every read succeeds, and none sees less than what was acknowledged before it began. */
  async #read(key: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const known = this.#acknowledged().filter((write) => write.key === key).length;
      const { kvs } = await this.#store.range({ key });
      const seen = Number(text(kvs[0]?.value ?? bytes('0')));
      assert(seen >= known, `${key}: read ${seen} after ${known} was acknowledged`);
      this.reads++;
    }
  }

  async #keepAlive(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { ttlSeconds } = await this.#store.keepAliveLease(this.#lease);
      assert.equal(ttlSeconds, LEASE_SECONDS);
      await aborted(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(500)]));
    }
  }

  /** Goes on from the revision after the last one that it got. */
  async #watch(): Promise<void> {
    const { signal } = this.#stopWatching;
    let startRevision = this.#startRevision;
    while (!signal.aborted) {
      const request = { ...this.#range(), startRevision };
      try {
        for await (const { revision, events } of this.#store.watch(request, signal)) {
          startRevision = revision + 1;
          for (const { kv } of events)
            this.#events.push({ revision, key: kv.key, value: text(kv.value) });
        }
      } catch (error) {
        if (!StoreError.is(error, 'unavailable')) throw error;
        this.watchesEnded++;
      }
    }
  }

  /** What the watcher got in pieces is what one that never ended gets. */
  async #checkWatch(): Promise<void> {
    const last = this.#events.at(-1)?.revision ?? 0;
    // Members that have just come back may choose a leader once more, which ends it too: then another begins.
    const all = await eventually(() => this.#history(last), PATIENT_MS);
    assert.deepEqual(this.#events, all);
  }

  /** In one piece. */
  async #history(last: number) {
    const all: { revision: number; key: string; value: string }[] = [];
    const request = { ...this.#range(), startRevision: this.#startRevision };
    for await (const batch of this.#store.watch(request, AbortSignal.timeout(PATIENT_MS))) {
      const { revision, events } = batch;
      all.push(...events.map(({ kv }) => ({ revision, key: kv.key, value: text(kv.value) })));
      if (revision >= last) break;
    }
    return all;
  }
}

function countTo(key: string, n: number): TxnRequest {
  const target =
    n === 1
      ? { target: 'create' as const, value: 0 }
      : { target: 'value' as const, value: bytes(`${n - 1}`) };
  return {
    compare: [{ key, result: '=', ...target }],
    success: [{ kind: 'put', key, value: bytes(`${n}`) }],
    failure: [{ kind: 'range', key }],
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

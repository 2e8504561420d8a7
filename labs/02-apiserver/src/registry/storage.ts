// Storage: one resource in the key-value store.
//
// Reads are as fresh as the store itself. Writes are transactions that compare the revision which the writer saw, so that
// of two writers one always loses and knows it; other keys (an address that is being allocated, say) can join the same
// transaction. What is in the store is parsed once, be it by the writer or by the watch cache, and both share the object.
//
// Same idea upstream: apiserver, storage/etcd3/store.go. Left out: the lease manager's statistics.

import {
  type Compare,
  type KeyValue,
  type KeyValueStore,
  type Op,
  StoreError,
  type TxnResponse,
} from '@kube-labs/store';
import type { KubernetesObject } from '../client/resources.ts';
import type { Transformer } from '../encryption/transformer.ts';
import type { EventLease } from './event-lease.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import { encodeForStorage, StoredObject } from './stored-object.ts';
import type { WatchCache } from './watch-cache.ts';
import { WrittenValue } from './written-value.ts';

/** What must be true, and be written, together with an object. */
export interface TxnParts {
  readonly compare: readonly Compare[];
  readonly ops: readonly Op[];
}

export interface WriteRequest {
  readonly key: string;
  /** The revision that the writer saw; 0 when it saw nothing. */
  readonly seenRevision: number;
  /** Undefined removes the key. */
  readonly object: KubernetesObject | undefined;
  readonly parts?: TxnParts | undefined;
}

export type WriteResult =
  | {
      readonly kind: 'written';
      readonly stored: StoredObject | undefined;
      readonly revision: number;
    }
  /** Somebody else was faster, on this key or on one of the parts. */
  | { readonly kind: 'lost'; readonly current: StoredObject | undefined };

/** How long a read waits for the cache before it asks the store itself. */
const PROGRESS_MS_MAX = 3000;

export interface StorageOptions {
  /** Objects go away by themselves. */
  readonly lease?: EventLease | undefined;
  /** Encryption at rest; the watch cache reads through the same one. */
  readonly transformer?: Transformer | undefined;
  /** See ResourceDefinition; the watch cache has the same one. */
  readonly readStored?: ResourceDefinition['readStored'] | undefined;
}

export class Storage {
  readonly store: KeyValueStore;
  readonly cache: WatchCache;
  readonly #lease: EventLease | undefined;
  readonly #transformer: Transformer | undefined;
  readonly #readStored: ResourceDefinition['readStored'] | undefined;

  constructor(store: KeyValueStore, cache: WatchCache, options: StorageOptions = {}) {
    this.store = store;
    this.cache = cache;
    this.#lease = options.lease;
    this.#transformer = options.transformer;
    this.#readStored = options.readStored;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const { kvs } = await this.store.range({ key });
    return kvs[0] === undefined ? undefined : this.decode(kvs[0]);
  }

  async write(request: WriteRequest): Promise<WriteResult> {
    try {
      return await this.#write(request);
    } catch (error) {
      // The lease ran out between our looking at it and its use: once more, with a new one.
      if (this.#lease === undefined || !StoreError.is(error, 'lease-not-found')) throw error;
      this.#lease.forget();
      return await this.#write(request);
    }
  }

  /** The write of an object as a part of somebody else's transaction, which must compare its revision. */
  put(key: string, object: KubernetesObject): Op {
    return { kind: 'put', key, value: this.#toStorage(key, encodeForStorage(object)) };
  }

  async #write({ key, seenRevision, object, parts }: WriteRequest): Promise<WriteResult> {
    const value = object === undefined ? undefined : encodeForStorage(object);
    const lease = value === undefined ? undefined : await this.#lease?.current();
    const bytes = value === undefined ? undefined : this.#toStorage(key, value);
    const op: Op =
      bytes === undefined
        ? { kind: 'delete', key }
        : { kind: 'put', key, value: bytes, ...(lease === undefined ? {} : { lease }) };
    const written =
      value === undefined || bytes === undefined
        ? undefined
        : new WrittenValue(key, bytes, (revision) =>
            StoredObject.fromValue(key, revision, value).seenBy(this.#readStored),
          );
    const result = await this.#commit({ key, seenRevision, parts, op }, written);
    if (result.succeeded) {
      const { revision } = result;
      return { kind: 'written', stored: written?.at(revision), revision };
    }
    const [found] = result.responses;
    const kv = found?.kind === 'range' ? found.kvs[0] : undefined;
    return { kind: 'lost', current: kv === undefined ? undefined : this.decode(kv) };
  }

  /** The one transaction. `written` is what the cache may expect as long as it is not lost; undefined when `op` deletes. */
  async #commit(
    { key, seenRevision, parts, op }: Omit<WriteRequest, 'object'> & { readonly op: Op },
    written: WrittenValue | undefined,
  ): Promise<TxnResponse> {
    const forget = written === undefined ? undefined : this.cache.expect(key, written);
    let succeeded = false;
    try {
      const result = await this.store.txn({
        compare: [
          { key, target: 'mod', result: '=', value: seenRevision },
          ...(parts?.compare ?? []),
        ],
        success: [op, ...(parts?.ops ?? [])],
        failure: [{ kind: 'range', key }],
      });
      succeeded = result.succeeded;
      return result;
    } finally {
      if (!succeeded) forget?.();
    }
  }

  #toStorage(key: string, plain: Buffer): Uint8Array {
    return this.#transformer?.toStorage(plain, key) ?? plain;
  }

  /** True when the cache shows everything that was written before this call; false when nobody can tell soon. */
  async isCacheCurrent(): Promise<boolean> {
    const { cache } = this;
    await cache.ready();
    // No object has this key: the answer is only how far the store is, and costs it next to nothing.
    const { revision } = await this.store.range({ key: cache.prefix });
    return cache.reach(revision, PROGRESS_MS_MAX);
  }

  decode(kv: KeyValue): StoredObject {
    const cached = this.cache.get(kv.key);
    return cached?.revision === kv.modRevision
      ? cached
      : StoredObject.decode(kv, this.#transformer).seenBy(this.#readStored);
  }
}

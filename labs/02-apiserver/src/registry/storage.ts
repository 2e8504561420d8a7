// Storage: one resource in the key-value store.
//
// Reads are as fresh as the store itself. Writes are transactions that compare the revision which the writer saw, so that
// of two writers one always loses and knows it; other keys (an address that is being allocated, say) can join the same
// transaction. Bytes that the watch cache has parsed already are not parsed again.
//
// Same idea upstream: apiserver, storage/etcd3/store.go. Left out: the lease manager's statistics.

import {
  type Compare,
  type KeyValue,
  type KeyValueStore,
  type Op,
  StoreError,
} from '@kube-labs/store';
import type { KubernetesObject } from '../client/resources.ts';
import type { Transformer } from '../encryption/transformer.ts';
import type { EventLease } from './event-lease.ts';
import type { ResourceDefinition } from './resource-definition.ts';
import { encodeForStorage, StoredObject } from './stored-object.ts';
import type { WatchCache } from './watch-cache.ts';

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
    const op: Op =
      value === undefined
        ? { kind: 'delete', key }
        : {
            kind: 'put',
            key,
            value: this.#toStorage(key, value),
            ...(lease === undefined ? {} : { lease }),
          };
    const result = await this.store.txn({
      compare: [
        { key, target: 'mod', result: '=', value: seenRevision },
        ...(parts?.compare ?? []),
      ],
      success: [op, ...(parts?.ops ?? [])],
      failure: [{ kind: 'range', key }],
    });
    if (result.succeeded) {
      const { revision } = result;
      if (value === undefined) return { kind: 'written', stored: undefined, revision };
      const stored = StoredObject.fromValue(key, revision, value).seenBy(this.#readStored);
      return { kind: 'written', stored, revision };
    }
    const [found] = result.responses;
    const kv = found?.kind === 'range' ? found.kvs[0] : undefined;
    return { kind: 'lost', current: kv === undefined ? undefined : this.decode(kv) };
  }

  #toStorage(key: string, plain: Buffer): Uint8Array {
    return this.#transformer?.toStorage(plain, key) ?? plain;
  }

  decode(kv: KeyValue): StoredObject {
    const cached = this.cache.get(kv.key);
    return cached?.revision === kv.modRevision
      ? cached
      : StoredObject.decode(kv, this.#transformer).seenBy(this.#readStored);
  }
}

// Subject: the store that a contract is tried on, and what the contracts say again and again.

import { prefixEnd } from '#src/key-range.ts';
import { type KeyValueStore, StoreError } from '#src/kv.ts';
import { bytes, line } from '../support/store-helpers.ts';

export class Subject {
  readonly #name: string;
  #store: KeyValueStore | undefined;
  #spaces = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get store(): KeyValueStore {
    if (this.#store === undefined) throw new Error('the store is not open yet');
    return this.#store;
  }

  set store(store: KeyValueStore) {
    this.#store = store;
  }

  /** A prefix that only this test has. */
  space(): string {
    return `/${this.#name}/${this.#spaces++}/`;
  }

  /** Puts the key, by default as its own value; the revision. */
  async put(key: string, value = key): Promise<number> {
    return (await this.store.put({ key, value: bytes(value) })).revision;
  }

  async lines(prefix: string, revision = 0): Promise<string[]> {
    return (await this.store.range({ ...under(prefix), revision })).kvs.map(line);
  }
}

/** All keys that start with this. */
export function under(prefix: string): { key: string; rangeEnd: string } {
  return { key: prefix, rangeEnd: prefixEnd(prefix) };
}

/** The code of the error, or what came instead of one. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );
}

/** Code and text, without what a client writes around it: etcd's texts are part of the contract. */
export function failureText(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) =>
      StoreError.is(error)
        ? `${error.code}: ${error.message.replace(/^.*?(?=etcdserver: )| is expired or revoked$/g, '')}`
        : error,
  );
}

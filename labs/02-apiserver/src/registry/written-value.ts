// written-value: a value on its way into the store, whose event will bring the very same bytes back.
//
// The server that writes an object gets it again from its own watch. It is parsed once, by whoever wants it first, and then shared.
// What is expected and never comes (the write was lost, the watch broke) is forgotten.
//
// Left out upstream: the API server decodes both times.

import type { KeyValue } from '@kube-labs/store';
import type { StoredObject } from './stored-object.ts';

/** What is being written; parsed when the first of the writer and the watch cache wants it, and then shared. */
export class WrittenValue {
  readonly #key: string;
  /** As the store has it. */
  readonly #bytes: Uint8Array;
  readonly #parse: (revision: number) => StoredObject;
  #stored: StoredObject | undefined;

  constructor(key: string, bytes: Uint8Array, parse: (revision: number) => StoredObject) {
    this.#key = key;
    this.#bytes = bytes;
    this.#parse = parse;
  }

  at(revision: number): StoredObject {
    if (this.#stored?.revision !== revision) this.#stored = this.#parse(revision);
    return this.#stored;
  }

  storedAt({ key, value, modRevision }: KeyValue): StoredObject | undefined {
    const isSame = value === this.#bytes || Buffer.compare(value, this.#bytes) === 0;
    return isSame && key === this.#key ? this.at(modRevision) : undefined;
  }
}

/** The writes that are under way, by key. */
export class ExpectedWrites {
  readonly #byKey = new Map<string, WrittenValue>();

  /** Returns what forgets it, for a write that failed. */
  add(key: string, write: WrittenValue): () => void {
    this.#byKey.set(key, write);
    return () => {
      if (this.#byKey.get(key) === write) this.#byKey.delete(key);
    };
  }

  /** What an event tells, if it is one of these writes. */
  take(kv: KeyValue): StoredObject | undefined {
    const found = this.#byKey.get(kv.key)?.storedAt(kv);
    if (found !== undefined) this.#byKey.delete(kv.key);
    return found;
  }

  clear(): void {
    this.#byKey.clear();
  }
}

// StoredObject: an object as it lies in the store, and how its bytes go out.
//
// The value in the store is the object's JSON without resourceVersion (the revision of the write is not known before the
// write). It always begins with kind, apiVersion and metadata, so that what clients get is the value with
// `"resourceVersion":"N",` put in: one parse per write to look at labels and fields, and no serialization at all, however
// many watchers and lists send the object. The bytes are put together where they are sent and not kept: the value is in
// memory anyway, as the store holds the very same bytes.
//
// Same idea upstream: apiserver, storage/etcd3 (versioner) and storage/cacher/caching_object.go.
// Other versions of a kind than the stored one are made in served.ts.

import type { KeyValue } from '@kube-labs/store';
import type { KubernetesObject } from '../client/resources.ts';
import type { Transformer } from '../encryption/transformer.ts';
import type { ReadonlyApiObject } from './api-object.ts';

const METADATA_START = Buffer.from('"metadata":{');

export class StoredObject {
  readonly key: string;
  readonly revision: number;
  readonly object: ReadonlyApiObject;
  readonly #value: Buffer;
  /** Where resourceVersion goes in the value; found on first use. */
  #split = 0;
  #isStale = false;

  private constructor(key: string, revision: number, object: ReadonlyApiObject, value: Uint8Array) {
    this.key = key;
    this.revision = revision;
    this.object = object;
    this.#value = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }

  static decode({ key, modRevision, value }: KeyValue, transformer?: Transformer): StoredObject {
    if (transformer === undefined) return StoredObject.fromValue(key, modRevision, value);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const { plain, isStale } = transformer.fromStorage(bytes, key);
    const stored = StoredObject.fromValue(key, modRevision, plain);
    stored.#isStale = isStale;
    return stored;
  }

  /** Revision 0 is for what was not written at all: the answer to a dry run. */
  static fromValue(key: string, revision: number, value: Uint8Array): StoredObject {
    const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
    const object = JSON.parse(text) as ReadonlyApiObject;
    if (revision > 0) {
      (object.metadata as { resourceVersion?: string }).resourceVersion = String(revision);
    }
    return new StoredObject(key, revision, object, value);
  }

  /** As it is to be seen today: see ResourceDefinition.readStored. */
  seenBy(read: ((object: ReadonlyApiObject) => ReadonlyApiObject) | undefined): StoredObject {
    const object = read?.(this.object) ?? this.object;
    if (object === this.object) return this;
    const seen = this.as(object);
    seen.#isStale = this.#isStale;
    return seen;
  }

  /** The value has to be written anew, whatever it says: its encryption is not today's. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** The same state under a later revision: what a watcher is shown when the object was deleted at that revision. */
  atRevision(revision: number): StoredObject {
    const metadata = { ...this.object.metadata, resourceVersion: String(revision) };
    return new StoredObject(this.key, revision, { ...this.object, metadata }, this.#value);
  }

  /** The same state in another version of its kind. */
  as(object: ReadonlyApiObject): StoredObject {
    const value = encodeForStorage(object as KubernetesObject);
    return new StoredObject(this.key, this.revision, object, value);
  }

  /** The object's JSON, resourceVersion included; put together anew each time. */
  get bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length);
    this.copyTo(bytes, 0);
    return bytes;
  }

  /** Of `bytes`. */
  get length(): number {
    return this.#value.length + this.#inserted.length;
  }

  /** Writes `bytes` at that place; returns the place behind them. */
  copyTo(target: Buffer, at: number): number {
    const value = this.#value;
    const inserted = this.#inserted;
    if (inserted === '') return at + value.copy(target, at);
    this.#split ||= value.indexOf(METADATA_START) + METADATA_START.length;
    let end = at + value.copy(target, at, 0, this.#split);
    end += target.write(inserted, end, 'latin1');
    return end + value.copy(target, end, this.#split);
  }

  get #inserted(): string {
    return this.revision === 0 ? '' : `"resourceVersion":"${this.revision}",`;
  }
}

/** The value to store for an object. */
export function encodeForStorage(object: KubernetesObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _dropped, ...meta } = metadata ?? {};
  const text = JSON.stringify({ kind, apiVersion, metadata: meta, ...rest });
  // It stays for long: as a slice of Node's pool it would keep alive whatever else was cut from that.
  const value = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  value.write(text);
  return value;
}

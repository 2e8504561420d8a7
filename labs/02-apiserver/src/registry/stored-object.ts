// StoredObject: an object as it lies in the store, and how its bytes go out.
//
// The value in the store is the object's JSON without resourceVersion (the revision of the write is not known before the
// write). It always begins with kind, apiVersion and metadata, so that what clients get is the value with
// `"resourceVersion":"N",` put in: one parse per write to look at labels and fields, and no serialization at all, however
// many watchers and lists send the object. The bytes are put together where they are sent and not kept: the value is in
// memory anyway, as the store holds the very same bytes. What stands before the revision is the same for a whole kind, so an
// object is its kind's head, the digits of its revision, and the rest of its value: two copies and no string.
//
// Same idea upstream: apiserver, storage/etcd3 (versioner) and storage/cacher/caching_object.go.
// Other versions of a kind than the stored one are made in served.ts.

import type { KeyValue } from '@kube-labs/store';
import type { KubernetesObject } from '../client/resources.ts';
import type { Transformer } from '../encryption/transformer.ts';
import type { ReadonlyApiObject } from './api-object.ts';
import { parseSharingFields } from './shared-fields.ts';

const METADATA_START = Buffer.from('"metadata":{');
const REVISION_END = Buffer.from('",');
const DIGIT_ZERO = 0x30;
const HEADS_MAX = 10_000;
/** `{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"` by what it begins with. */
const heads = new Map<string, Buffer>();

export class StoredObject {
  readonly key: string;
  readonly revision: number;
  readonly object: ReadonlyApiObject;
  /** Shared by all of a kind. */
  readonly #head: Buffer;
  /** The value behind `"metadata":{`, or all of it when there is no revision to put in. */
  readonly #rest: Buffer;
  #isStale = false;

  /** `source` is the value, or another state of the object that has the same. */
  private constructor(
    key: string,
    revision: number,
    object: ReadonlyApiObject,
    source: Uint8Array | StoredObject,
  ) {
    this.key = key;
    this.revision = revision;
    this.object = object;
    if (source instanceof StoredObject) {
      this.#head = source.#head;
      this.#rest = source.#rest;
      return;
    }
    const bytes = bufferOf(source);
    const split = revision === 0 ? 0 : bytes.indexOf(METADATA_START) + METADATA_START.length;
    this.#head = headOf(bytes.toString('latin1', 0, split));
    this.#rest = bytes.subarray(split);
  }

  static decode({ key, modRevision, value }: KeyValue, transformer?: Transformer): StoredObject {
    if (transformer === undefined) return StoredObject.fromValue(key, modRevision, value);
    const bytes = bufferOf(value);
    const { plain, isStale } = transformer.fromStorage(bytes, key);
    const stored = StoredObject.fromValue(key, modRevision, plain);
    stored.#isStale = isStale;
    return stored;
  }

  /** Revision 0 is for what was not written at all: the answer to a dry run. */
  static fromValue(key: string, revision: number, value: Uint8Array): StoredObject {
    const object = parseSharingFields(bufferOf(value).toString('utf8'));
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
    return new StoredObject(this.key, revision, { ...this.object, metadata }, this);
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
    const { revision } = this;
    const inserted = revision === 0 ? 0 : digitsOf(revision) + REVISION_END.length;
    return this.#head.length + inserted + this.#rest.length;
  }

  /** Writes `bytes` at that place; returns the place behind them. */
  copyTo(target: Buffer, at: number): number {
    const { revision } = this;
    let end = at;
    if (revision !== 0) {
      target.set(this.#head, end);
      end = writeDigits(target, end + this.#head.length, revision);
      target.set(REVISION_END, end);
      end += REVISION_END.length;
    }
    target.set(this.#rest, end);
    return end + this.#rest.length;
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function headOf(start: string): Buffer {
  const known = heads.get(start);
  if (known !== undefined) return known;
  const text = start === '' ? '' : `${start}"resourceVersion":"`;
  // As below: it stays for ever, and a slice of Node's pool would keep 64 KiB.
  const head = Buffer.allocUnsafeSlow(text.length);
  head.write(text, 'latin1');
  // There is one for each version of a kind; custom kinds come and go.
  if (heads.size >= HEADS_MAX) heads.clear();
  heads.set(start, head);
  return head;
}

function digitsOf(revision: number): number {
  let digits = 1;
  for (let rest = revision; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  return digits;
}

/** Returns the place behind them. Far cheaper than the text of a number. */
function writeDigits(target: Buffer, at: number, revision: number): number {
  const end = at + digitsOf(revision);
  let rest = revision;
  for (let place = end - 1; place >= at; place -= 1) {
    target[place] = DIGIT_ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return end;
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

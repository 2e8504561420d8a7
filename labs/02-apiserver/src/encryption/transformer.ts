// Transformer: what happens to the bytes of a resource between the API server and the store.
//
//   object → JSON → toStorage → store → fromStorage → JSON → object
// The first of the providers writes. All of them read: which one wrote a value stands in front of it. A value that not the first one
// wrote is `stale`: the next write of the object, even one that changes nothing, brings it up to date.
// Invariant: what was read and not understood is never taken for an object, and nothing of it appears in an error.
// Upstream: apiserver, pkg/storage/value/transformer.go (prefixTransformers).
import { internalError } from '../api-error.ts';
import type { Cipher } from './providers.ts';

export interface Transformer {
  toStorage(plain: Buffer, key: string): Buffer;
  /** Throws a 500 in upstream's words: the data is there, but nobody here can read it. */
  fromStorage(stored: Buffer, key: string): { readonly plain: Buffer; readonly isStale: boolean };
}

export interface KeyedCipher {
  /** `k8s:enc:aescbc:v1:key1:`; '' = identity. */
  readonly prefix: string;
  /** Undefined = identity. */
  readonly cipher: Cipher | undefined;
}

const ENCRYPTED = Buffer.from('k8s:enc:');

export function transformerOf(ciphers: readonly [KeyedCipher, ...KeyedCipher[]]): Transformer {
  const [writer] = ciphers;
  const readers = ciphers.map((keyed) => ({ ...keyed, prefixBytes: Buffer.from(keyed.prefix) }));
  return {
    toStorage: (plain, key) =>
      writer.cipher === undefined
        ? plain
        : Buffer.concat([Buffer.from(writer.prefix), writer.cipher.seal(plain, key)]),
    fromStorage: (stored, key) => {
      const isEncrypted = startsWith(stored, ENCRYPTED);
      const index = readers.findIndex(({ cipher, prefixBytes }) =>
        cipher === undefined ? !isEncrypted : startsWith(stored, prefixBytes),
      );
      const reader = readers[index];
      if (reader === undefined) throw unreadable(key, reasonFor(isEncrypted, readers));
      if (reader.cipher === undefined) return { plain: stored, isStale: index > 0 };
      try {
        const sealed = stored.subarray(reader.prefixBytes.length);
        return { plain: reader.cipher.open(sealed, key), isStale: index > 0 };
      } catch (error) {
        throw unreadable(key, (error as Error).message);
      }
    },
  };
}

function reasonFor(isEncrypted: boolean, readers: readonly KeyedCipher[]): string {
  const hasIdentity = readers.some(({ cipher }) => cipher === undefined);
  return isEncrypted && hasIdentity
    ? 'identity transformer tried to read encrypted data'
    : 'no matching prefix found';
}

function unreadable(key: string, reason: string): Error {
  return internalError(`unable to transform key ${JSON.stringify(key)}: ${reason}`);
}

function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return (
    bytes.length >= prefix.length && bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
  );
}

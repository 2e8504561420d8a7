// Providers: how one value is made unreadable in the store, and readable again.
//
//   aescbc     16 random bytes, AES-CBC with PKCS#7 padding
//   aesgcm     12 random bytes, AES-GCM; the object's key in the store is authenticated too: a value moved to another key is refused
//   secretbox  24 random bytes, XSalsa20 and Poly1305
//   identity   nothing
// What is stored names the provider and its key in front of the bytes: `k8s:enc:aescbc:v1:key1:`. So keys can be rotated: all
// of them read, the first one writes.
// Upstream: apiserver, pkg/storage/value/encrypt (aes, secretbox, identity).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

/** Encrypts and decrypts with one key. `context` is the object's key in the store. Both throw what the caller has to explain. */
export interface Cipher {
  seal(plain: Uint8Array, context: string): Buffer;
  open(sealed: Uint8Array, context: string): Buffer;
}

export type ProviderName = 'aescbc' | 'aesgcm' | 'secretbox';

interface Provider {
  /** Bytes that a key may have. */
  readonly keyBytes: readonly number[];
  cipher(key: Uint8Array): Cipher;
}

const CBC_IV_BYTES = 16;
const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;
const SECRETBOX_NONCE_BYTES = 24;

export const PROVIDERS: Readonly<Record<ProviderName, Provider>> = {
  aescbc: { keyBytes: [16, 24, 32], cipher: aescbc },
  aesgcm: { keyBytes: [16, 24, 32], cipher: aesgcm },
  secretbox: { keyBytes: [32], cipher: secretbox },
};

function aescbc(key: Uint8Array): Cipher {
  const algorithm = `aes-${key.length * 8}-cbc`;
  return {
    seal: (plain) => {
      const iv = randomBytes(CBC_IV_BYTES);
      const cipher = createCipheriv(algorithm, key, iv);
      return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
    },
    open: (sealed) => {
      if (sealed.length < CBC_IV_BYTES) {
        throw new Error('the stored data was shorter than the required size');
      }
      if (sealed.length % CBC_IV_BYTES !== 0) {
        throw new Error('the stored data is not a multiple of the block size');
      }
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, CBC_IV_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(CBC_IV_BYTES)), decipher.final()]);
      } catch {
        throw new Error('invalid padding on input');
      }
    },
  };
}

function aesgcm(key: Uint8Array): Cipher {
  const algorithm = `aes-${key.length * 8}-gcm` as 'aes-256-gcm';
  const options = { authTagLength: GCM_TAG_BYTES };
  return {
    seal: (plain, context) => {
      const nonce = randomBytes(GCM_NONCE_BYTES);
      const cipher = createCipheriv(algorithm, key, nonce, options).setAAD(Buffer.from(context));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed, context) => {
      const bodyEnd = sealed.length - GCM_TAG_BYTES;
      if (bodyEnd < GCM_NONCE_BYTES) {
        throw new Error('the stored data was shorter than the required size');
      }
      const decipher = createDecipheriv(
        algorithm,
        key,
        sealed.subarray(0, GCM_NONCE_BYTES),
        options,
      )
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(bodyEnd));
      const plain = decipher.update(sealed.subarray(GCM_NONCE_BYTES, bodyEnd));
      try {
        return Buffer.concat([plain, decipher.final()]);
      } catch {
        throw new Error('cipher: message authentication failed');
      }
    },
  };
}

function secretbox(key: Uint8Array): Cipher {
  return {
    seal: (plain) => {
      const nonce = randomBytes(SECRETBOX_NONCE_BYTES);
      return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(plain)]);
    },
    open: (sealed) => {
      if (sealed.length < SECRETBOX_NONCE_BYTES) {
        throw new Error('the stored data was shorter than the required size');
      }
      const nonce = sealed.subarray(0, SECRETBOX_NONCE_BYTES);
      try {
        const body = sealed.subarray(SECRETBOX_NONCE_BYTES);
        return Buffer.from(xsalsa20poly1305(key, nonce).decrypt(body));
      } catch {
        throw new Error('output array was not large enough for encryption');
      }
    },
  };
}

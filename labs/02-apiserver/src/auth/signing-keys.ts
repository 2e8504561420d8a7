// signing-keys: the keys of service-account tokens: one that signs, and those whose signatures are believed.
//
// Keys come as PEM, private or public, RSA (RS256) or ECDSA on P-256, P-384, P-521 (ES256, ES384, ES512). A file may hold several.
// A key's id is a hash of its public half, so that all servers call it alike; a token names the id of the key that signed it. The algorithm
// belongs to the key and is never taken from a token: a token that names another one is not looked at.
//
// To change the key without refusing anybody: believe the new one on all servers, sign with it, and later forget the old one.
//
// Same rule upstream: pkg/serviceaccount/jwt.go (keyIDFromPublicKey), client-go, util/keyutil.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

export interface VerificationKey {
  readonly id: string;
  readonly algorithm: 'RS256' | 'ES256' | 'ES384' | 'ES512';
  readonly publicKey: KeyObject;
}

export interface SigningKey extends VerificationKey {
  readonly privateKey: KeyObject;
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
const CURVE_ALGORITHMS = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
} as const;
const RSA_BITS_MIN = 2048;

/** ECDSA P-256 as PEM: quick to make, and taken by everybody who checks tokens. */
export function createSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** `where` is for the error: the flag or file that the text comes from. */
export function signingKeyOf(pem: string, where: string): SigningKey {
  const privateKey = parsed(() => createPrivateKey(pem), where);
  return { ...verificationKeyOf(privateKey, where), privateKey };
}

/** Every key in the text; public ones, and the public halves of private ones. Throws when there is none. */
export function verificationKeysOf(pem: string, where: string): VerificationKey[] {
  // OpenSSL writes the parameters of a curve in front of its key.
  const blocks = [...pem.matchAll(PEM_BLOCK)].filter(([, type]) => type !== 'EC PARAMETERS');
  if (blocks.length === 0) {
    throw new Error(
      `Cannot use ${where}: data does not contain any valid RSA or ECDSA public keys`,
    );
  }
  return blocks.map(([block, type = '']) => {
    const isPrivate = type.endsWith('PRIVATE KEY');
    const key = parsed(() => (isPrivate ? createPrivateKey(block) : createPublicKey(block)), where);
    return verificationKeyOf(key, where);
  });
}

function verificationKeyOf(key: KeyObject, where: string): VerificationKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const bytes = publicKey.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(bytes).digest('base64url');
  return { id, algorithm: algorithmOf(publicKey, where), publicKey };
}

function algorithmOf(key: KeyObject, where: string): VerificationKey['algorithm'] {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    if (modulusLength >= RSA_BITS_MIN) return 'RS256';
    const why = `an RSA key of ${modulusLength} bits is too short, it needs ${RSA_BITS_MIN}`;
    throw new Error(`Cannot use ${where}: ${why}`);
  }
  const found = Object.entries(CURVE_ALGORITHMS).find(([curve]) => curve === namedCurve);
  if (key.asymmetricKeyType === 'ec' && found !== undefined) return found[1];
  throw new Error(
    `Cannot use ${where}: it needs a key of RSA or of ECDSA on P-256, P-384 or P-521`,
  );
}

/** What OpenSSL says of a key may quote it, so it is not passed on. */
function parsed(read: () => KeyObject, where: string): KeyObject {
  try {
    return read();
  } catch {
    throw new Error(`Cannot use ${where}: it needs a key in PEM that is not encrypted`);
  }
}

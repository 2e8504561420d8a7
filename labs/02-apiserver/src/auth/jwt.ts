// jwt: signed tokens: making them, and finding out whether one is what it says.
//
// A token is looked at in this order: is it of one of our issuers at all (else it is somebody else's business), which key does it name,
// did that key sign it. Only then are its claims believed. Cryptography costs a tenth of a millisecond, so what was good is
// remembered for ten seconds; what must be true besides (time, objects) is asked again at every request and is not this file's.
//
// Invariants:
//   1. the algorithm is the key's, never the token's: neither `none` nor a public key as a password gets through.
//   2. no token is kept, logged, or part of an error: the memory holds hashes, and at most so many.
//
// Same idea upstream: pkg/serviceaccount/jwt.go and apiserver, authentication/token/cache.

import { createHash } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';
import type { SigningKey, VerificationKey } from './signing-keys.ts';
import type { Claims } from './token-claims.ts';

export type Verification =
  | { readonly kind: 'claims'; readonly claims: Claims }
  /** No token, or one of another issuer. */
  | { readonly kind: 'foreign' }
  /** `why` is upstream's words. */
  | { readonly kind: 'rejected'; readonly why: string };

export interface TokenVerifierOptions {
  readonly keys: readonly VerificationKey[];
  readonly issuers: readonly string[];
  /** In milliseconds. */
  readonly now: () => number;
  /** How many tokens are remembered. */
  readonly rememberedMax?: number;
}

interface Remembered {
  readonly claims: Claims;
  readonly untilMs: number;
}

const FOREIGN: Verification = { kind: 'foreign' };
const REMEMBER_MS = 10_000;
const REMEMBERED_MAX = 10_000;
/** No header holds more; a review's body could. */
const TOKEN_LENGTH_MAX = 64 * 1024;
const ALGORITHMS: ReadonlySet<unknown> = new Set(['RS256', 'ES256', 'ES384', 'ES512']);
/** Strictly: decoders overlook white space, and one token would have many spellings. */
const THREE_PARTS = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/;
const BAD_SIGNATURE = 'go-jose/go-jose: error in cryptographic primitive';

export function signToken(claims: Claims, key: SigningKey): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: key.algorithm, kid: key.id })
    .sign(key.privateKey);
}

export class TokenVerifier {
  readonly #keys: readonly VerificationKey[];
  readonly #issuers: ReadonlySet<unknown>;
  readonly #now: () => number;
  readonly #rememberedMax: number;
  /** By the token's hash, oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor({ keys, issuers, now, rememberedMax = REMEMBERED_MAX }: TokenVerifierOptions) {
    this.#keys = keys;
    this.#issuers = new Set(issuers);
    this.#now = now;
    this.#rememberedMax = rememberedMax;
  }

  async verify(token: string): Promise<Verification> {
    if (token.length > TOKEN_LENGTH_MAX) return FOREIGN;
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#remembered.get(hash);
    if (known !== undefined && known.untilMs > this.#now()) {
      return { kind: 'claims', claims: known.claims };
    }
    const verification = await this.#verify(token);
    if (verification.kind === 'claims') this.#remember(hash, verification.claims);
    return verification;
  }

  async #verify(token: string): Promise<Verification> {
    const [, head, body] = THREE_PARTS.exec(token) ?? [];
    const header = readPart(head);
    const unproven = readPart(body);
    if (header === undefined || unproven === undefined) return FOREIGN;
    if (!this.#issuers.has(unproven.iss) || !ALGORITHMS.has(header.alg)) return FOREIGN;
    const { kid = '' } = header;
    const keys = this.#keys.filter(({ id }) => kid === '' || id === kid);
    if (keys.length === 0) return { kind: 'rejected', why: 'invalid signature, no keys found' };
    for (const key of keys) {
      const outcome = await checkSignature(token, key);
      if (outcome === 'foreign') return FOREIGN;
      if (outcome !== 'bad') return { kind: 'claims', claims: outcome };
    }
    return { kind: 'rejected', why: BAD_SIGNATURE };
  }

  #remember(hash: string, claims: Claims): void {
    this.#remembered.delete(hash);
    this.#remembered.set(hash, { claims, untilMs: this.#now() + REMEMBER_MS });
    if (this.#remembered.size <= this.#rememberedMax) return;
    for (const [oldest] of this.#remembered) {
      this.#remembered.delete(oldest);
      break;
    }
  }
}

/** The claims when this key signed them; `foreign` for what is no token at all. */
async function checkSignature(
  token: string,
  { publicKey, algorithm }: VerificationKey,
): Promise<Claims | 'bad' | 'foreign'> {
  try {
    const { payload } = await compactVerify(token, publicKey, { algorithms: [algorithm] });
    return readJson(Buffer.from(payload).toString('utf8')) ?? 'foreign';
  } catch (error) {
    const isOther =
      error instanceof errors.JWSSignatureVerificationFailed ||
      error instanceof errors.JOSEAlgNotAllowed;
    return isOther ? 'bad' : 'foreign';
  }
}

function readPart(part: string | undefined): Record<string, unknown> | undefined {
  return part === undefined ? undefined : readJson(Buffer.from(part, 'base64url').toString('utf8'));
}

function readJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

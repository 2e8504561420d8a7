// TokenIssuer: gives service accounts their tokens.
//
// It signs what it is told; whether the account and the bound object exist, and who may ask, is for the caller (server/token-requests.ts,
// or whoever else needs a token in the server itself).
//
// Same idea upstream: pkg/serviceaccount, TokenGenerator and Claims.

import { randomUUID } from 'node:crypto';
import { signToken } from './jwt.ts';
import { type NamedUid, serviceAccountUsername } from './service-account.ts';
import type { SigningKey } from './signing-keys.ts';
import { type Binding, claimsOf, legacyClaimsOf } from './token-claims.ts';

export interface TokenIssuerOptions {
  readonly issuer: string;
  readonly key: SigningKey;
  /** Of tokens for which nobody names others: this server's. */
  readonly audiences: readonly string[];
  /** Tokens hold no longer than that. */
  readonly maxExpirationSeconds?: number | undefined;
  /** Whether tokens of pods that are not read anew in time still hold for a year. Default: true, as upstream. */
  readonly extendExpiration?: boolean | undefined;
  /** In milliseconds. */
  readonly now: () => number;
}

export interface IssueRequest {
  readonly namespace: string;
  readonly account: Required<NamedUid>;
  readonly binding?: Binding | undefined;
  /** Default: this server's. */
  readonly audiences?: readonly string[];
  readonly expirationSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly tokenId: string;
  /** When its holder should have a new one; no later than its real end. */
  readonly expirationMs: number;
}

/** Whoever asks for this many seconds reads tokens from a volume; upstream adds the seven to tell. */
const VOLUME_EXPIRATION_SECONDS = 3607;
const EXTENDED_EXPIRATION_SECONDS = 365 * 24 * 3600;

export class TokenIssuer {
  readonly #options: TokenIssuerOptions;

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
  }

  get audiences(): readonly string[] {
    return this.#options.audiences;
  }

  get maxExpirationSeconds(): number | undefined {
    return this.#options.maxExpirationSeconds;
  }

  async issue(request: IssueRequest): Promise<IssuedToken> {
    const { issuer, key, now } = this.#options;
    const { namespace, account, binding, audiences = this.audiences } = request;
    const nowMs = now();
    const tokenId = randomUUID();
    const isExtended = this.#isExtended(request);
    const { expirationSeconds } = request;
    const claims = claimsOf({
      issuer,
      subject: serviceAccountUsername(namespace, account.name),
      audiences,
      nowSeconds: Math.floor(nowMs / 1000),
      expirationSeconds: isExtended ? EXTENDED_EXPIRATION_SECONDS : expirationSeconds,
      warnAfterSeconds: isExtended ? expirationSeconds : undefined,
      tokenId,
      namespace,
      account,
      binding,
    });
    const token = await signToken(claims, key);
    return { token, tokenId, expirationMs: nowMs + expirationSeconds * 1000 };
  }

  /** A token without an end, for a secret: it holds as long as the secret is there. */
  issueLegacy(namespace: string, account: Required<NamedUid>, secretName: string): Promise<string> {
    const subject = serviceAccountUsername(namespace, account.name);
    return signToken(
      legacyClaimsOf({ subject, namespace, account, secretName }),
      this.#options.key,
    );
  }

  /** Of pods only, and only of tokens for this server: others would trust an old one. */
  #isExtended({ binding, expirationSeconds, audiences }: IssueRequest): boolean {
    return (
      (this.#options.extendExpiration ?? true) &&
      binding?.kind === 'pod' &&
      expirationSeconds === VOLUME_EXPIRATION_SECONDS &&
      (audiences ?? this.audiences).every((audience) => this.audiences.includes(audience))
    );
  }
}

// service-account-issuer: the options of service-account tokens, and what a server makes of them.
//
// Without options a server makes a key for itself, so that tokens work in every test; they are worth nothing to any other server and
// nothing after a restart. A real one gets its keys from its flags.
//
// Same idea upstream: kubeapiserver/options/authentication.go (ServiceAccountAuthenticationOptions).

import { TokenVerifier } from './jwt.ts';
import type { OpenidOptions } from './openid.ts';
import {
  createSigningKey,
  type SigningKey,
  signingKeyOf,
  type VerificationKey,
  verificationKeysOf,
} from './signing-keys.ts';
import { LEGACY_ISSUER } from './token-claims.ts';
import { TokenIssuer } from './token-issuer.ts';

/** The name that kubeadm gives. */
export const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface ServiceAccountOptions {
  /** PEM of the private key that signs. */
  readonly signingKey?: string;
  /** PEM of more keys whose signatures are believed, private or public. That of the signing key always is. */
  readonly keys?: readonly string[];
  /** The first is written into tokens, all are believed. */
  readonly issuers?: readonly string[];
  readonly jwksUri?: string;
  readonly maxExpirationSeconds?: number;
  /** Default: true. */
  readonly extendExpiration?: boolean;
}

export interface ServiceAccountIssuer {
  readonly issuer: TokenIssuer;
  readonly verifier: TokenVerifier;
  readonly audiences: readonly string[];
  readonly openid: OpenidOptions;
}

/** `audiences`: whom tokens must be for; default: the issuers. `now` in milliseconds. */
export function buildServiceAccountIssuer(
  options: ServiceAccountOptions,
  audiences: readonly string[] | undefined,
  now: () => number,
): ServiceAccountIssuer {
  const { issuers = [DEFAULT_ISSUER], jwksUri, maxExpirationSeconds, extendExpiration } = options;
  const [issuer = DEFAULT_ISSUER] = issuers;
  const key = signingKeyOf(options.signingKey ?? createSigningKey(), 'the signing key');
  const keys = believedKeys(key, options.keys ?? []);
  const own = audiences ?? issuers;
  return {
    issuer: new TokenIssuer({
      issuer,
      key,
      audiences: own,
      maxExpirationSeconds,
      extendExpiration,
      now,
    }),
    verifier: new TokenVerifier({ keys, issuers: [...issuers, LEGACY_ISSUER], now }),
    audiences: own,
    openid: { issuer, keys, jwksUri },
  };
}

/** Each key once, the signing one first. */
function believedKeys(key: SigningKey, others: readonly string[]): readonly VerificationKey[] {
  const all = [key, ...others.flatMap((pem) => verificationKeysOf(pem, 'a verification key'))];
  return all.filter(({ id }, index) => all.findIndex((other) => other.id === id) === index);
}

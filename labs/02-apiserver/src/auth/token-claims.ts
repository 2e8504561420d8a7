// token-claims: what is written in a service account's token, and when it holds.
//
//   {"iss":…,"sub":"system:serviceaccount:shop:cart","aud":[…],"exp":…,"iat":…,"nbf":…,"jti":…,
//    "kubernetes.io":{"namespace":"shop","serviceaccount":{name, uid},"pod"|"secret"|"node":{name, uid},"warnafter":…}}
//
// A token is bound to its account, and may be bound to one object more: when that is gone, the token is of no use. A token of a pod also
// names the pod's node, as a hint. Old tokens, which live in secrets, have claims of another shape and never end by themselves.
//
// Pure. Same shape upstream: pkg/serviceaccount/claims.go and legacy.go; leeway and its errors: go-jose, jwt/validation.go.

import type { NamedUid } from './service-account.ts';

/** Clocks of issuers and servers differ a little. */
export const LEEWAY_SECONDS = 60;
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

const LEGACY = 'kubernetes.io/serviceaccount/';
/** The names of the old claims. */
export const LEGACY_CLAIMS = {
  namespace: `${LEGACY}namespace`,
  secret: `${LEGACY}secret.name`,
  account: `${LEGACY}service-account.name`,
  uid: `${LEGACY}service-account.uid`,
} as const;

export type Claims = Readonly<Record<string, unknown>>;

/** What a token can be bound to besides its account. */
export interface Binding {
  readonly kind: 'pod' | 'secret' | 'node';
  readonly object: Required<NamedUid>;
  /** Of a pod: where it runs. */
  readonly node?: NamedUid | undefined;
}

export interface ClaimParts {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly nowSeconds: number;
  readonly expirationSeconds: number;
  /** From when on its use is a sign that a client does not read its token anew. */
  readonly warnAfterSeconds?: number | undefined;
  readonly tokenId: string;
  readonly namespace: string;
  readonly account: Required<NamedUid>;
  readonly binding?: Binding | undefined;
}

export function claimsOf(parts: ClaimParts): Claims {
  const { issuer, subject, audiences, nowSeconds, binding, warnAfterSeconds } = parts;
  return {
    aud: audiences,
    exp: nowSeconds + parts.expirationSeconds,
    iat: nowSeconds,
    iss: issuer,
    jti: parts.tokenId,
    'kubernetes.io': {
      namespace: parts.namespace,
      ...(binding?.node === undefined ? {} : { node: binding.node }),
      ...(binding === undefined ? {} : { [binding.kind]: binding.object }),
      serviceaccount: parts.account,
      ...(warnAfterSeconds === undefined ? {} : { warnafter: nowSeconds + warnAfterSeconds }),
    },
    nbf: nowSeconds,
    sub: subject,
  };
}

export interface LegacyParts {
  readonly subject: string;
  readonly namespace: string;
  readonly account: Required<NamedUid>;
  readonly secretName: string;
}

export function legacyClaimsOf(parts: LegacyParts): Claims {
  return {
    iss: LEGACY_ISSUER,
    [LEGACY_CLAIMS.namespace]: parts.namespace,
    [LEGACY_CLAIMS.secret]: parts.secretName,
    [LEGACY_CLAIMS.account]: parts.account.name,
    [LEGACY_CLAIMS.uid]: parts.account.uid,
    sub: parts.subject,
  };
}

/** Why the claims do not hold at this time, or undefined. */
export function timeProblem(claims: Claims, nowSeconds: number): string | undefined {
  const { nbf, exp, iat } = claims;
  if (isAfter(nbf, nowSeconds + LEEWAY_SECONDS)) return 'service account token is not valid yet';
  if (typeof exp === 'number' && nowSeconds - LEEWAY_SECONDS > exp) {
    return 'service account token has expired';
  }
  if (isAfter(iat, nowSeconds + LEEWAY_SECONDS)) {
    return 'service account token is issued in the future';
  }
  return undefined;
}

/** What a bound token says of its objects. What is not of the right type is as good as absent. */
export function boundClaims(claims: Claims): {
  readonly namespace: string;
  readonly account: Required<NamedUid>;
  readonly pod?: Required<NamedUid> | undefined;
  readonly secret?: Required<NamedUid> | undefined;
  readonly node?: Required<NamedUid> | undefined;
} {
  const own = recordOf(claims['kubernetes.io']) ?? {};
  return {
    namespace: textOf(own.namespace),
    account: referenceOf(own.serviceaccount) ?? { name: '', uid: '' },
    pod: referenceOf(own.pod),
    secret: referenceOf(own.secret),
    node: referenceOf(own.node),
  };
}

export function audiencesOf({ aud }: Claims): readonly string[] {
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) ? aud.filter((one) => typeof one === 'string') : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isAfter(value: unknown, seconds: number): boolean {
  return typeof value === 'number' && value > seconds;
}

function referenceOf(value: unknown): Required<NamedUid> | undefined {
  const record = recordOf(value);
  return record === undefined ? undefined : { name: textOf(record.name), uid: textOf(record.uid) };
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

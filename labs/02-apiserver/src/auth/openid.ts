// openid: what others need to check this cluster's tokens by themselves: the issuer's document, and its public keys.
//
//   /.well-known/openid-configuration     /openid/v1/jwks
//
// Only an issuer that is an https URL can be found by others; for any other name there are no documents.
//
// Pure. Same documents upstream: pkg/serviceaccount/openidmetadata.go and pkg/routes/openidmetadata.go.

import type { VerificationKey } from './signing-keys.ts';

export interface OpenidDocument {
  readonly contentType: string;
  readonly body: object;
}

export interface OpenidOptions {
  readonly issuer: string;
  readonly keys: readonly VerificationKey[];
  /** Where others get the keys. Default: at this server's address. */
  readonly jwksUri?: string | undefined;
}

export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/openid/v1/jwks';

/** `serverAddress` is host and port of this server as others reach it. */
export function openidDocument(
  path: string,
  { issuer, keys, jwksUri }: OpenidOptions,
  serverAddress: string,
): OpenidDocument | undefined {
  if (!isDiscoverable(issuer)) return undefined;
  if (path === JWKS_PATH) {
    return { contentType: 'application/jwk-set+json', body: { keys: keys.map(jwkOf) } };
  }
  if (path !== OPENID_CONFIGURATION_PATH) return undefined;
  return {
    contentType: 'application/json',
    body: {
      issuer,
      jwks_uri: jwksUri ?? `https://${serverAddress}${JWKS_PATH}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [
        ...new Set(keys.map(({ algorithm }) => algorithm)),
      ].sort(),
    },
  };
}

function isDiscoverable(issuer: string): boolean {
  if (!URL.canParse(issuer)) return false;
  const { protocol, search, hash } = new URL(issuer);
  return protocol === 'https:' && search === '' && hash === '';
}

function jwkOf({ id, algorithm, publicKey }: VerificationKey): object {
  const { kty, ...rest } = publicKey.export({ format: 'jwk' });
  return { use: 'sig', kty, kid: id, alg: algorithm, ...rest };
}

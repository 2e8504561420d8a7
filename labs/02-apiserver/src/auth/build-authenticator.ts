// build-authenticator: the chain of those who are asked who sends a request, in upstream's order.
//
//   client certificate → bearer token (file, then those that were handed in) → other proofs → anonymous, where it is allowed
//
// Same order upstream: kubeapiserver/authenticator/config.go.

import type { Authorizer } from '../authz/authorizer.ts';
import type { ServerEnv } from '../server/server-env.ts';
import {
  type AnonymousAccess,
  type Authenticator,
  type TokenAuthenticator,
  unionAuthenticator,
  unionTokenAuthenticator,
} from './authenticator.ts';
import { bearerTokenAuthenticator } from './bearer-token.ts';
import type { Impersonator } from './impersonator.ts';
import { staticTokenAuthenticator, type TokenEntry } from './static-token.ts';
import { x509Authenticator } from './x509.ts';

export interface AuthenticationOptions {
  /** Whether requests without any proof come from system:anonymous. Undefined: for health and version only. */
  readonly anonymous?: boolean;
  /** More kinds of bearer tokens: service accounts', bootstrap tokens. */
  readonly tokenAuthenticators?: (env: ServerEnv) => readonly TokenAuthenticator[];
  /** More proofs than certificates and tokens: a proxy's headers. They are asked first. */
  readonly authenticators?: (env: ServerEnv) => readonly Authenticator[];
  /** Lets users act as others. `authorizer` is undefined where everything is allowed. */
  readonly impersonator?: (env: ServerEnv, authorizer: Authorizer | undefined) => Impersonator;
}

export interface Authentications {
  readonly authenticator: Authenticator;
  /** All kinds of tokens together, for TokenReview. */
  readonly tokenAuthenticator: TokenAuthenticator;
  readonly isAnonymousAllowed: AnonymousAccess;
}

/** Paths that answer anybody unless told otherwise, so that load balancers and probes need no credentials. */
const PUBLIC_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/;

export function buildAuthenticator(
  env: ServerEnv,
  { anonymous, tokenAuthenticators, authenticators }: AuthenticationOptions,
  tokens: readonly TokenEntry[],
): Authentications {
  const kinds = [staticTokenAuthenticator(tokens), ...(tokenAuthenticators?.(env) ?? [])];
  return {
    authenticator: unionAuthenticator([
      ...(authenticators?.(env) ?? []),
      x509Authenticator(() => env.clock.now()),
      bearerTokenAuthenticator(kinds),
    ]),
    tokenAuthenticator: unionTokenAuthenticator(kinds),
    isAnonymousAllowed: (path) => anonymous ?? PUBLIC_PATH.test(path),
  };
}

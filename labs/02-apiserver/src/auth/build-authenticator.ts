// Authentication: who sends a request, as the options of one server want it found out.
//
//   a proxy's headers → client certificate → bearer token (file, service account, bootstrap, those handed in) → anonymous, where allowed
//
// It also holds what belongs to the answer: the issuer of service accounts' tokens with its public documents, impersonation, and the
// hooks that fill token secrets, sign certificates, and tell extension servers whom to trust.
//
// Same order upstream: kubeapiserver/authenticator/config.go. Left out: OIDC and webhook authenticators.

import type { AuthorizerAndRules } from '../authz/authorizer.ts';
import type { PostStartHook } from '../server/post-start-hooks.ts';
import type { ServerEnv } from '../server/server-env.ts';
import { forThisServer } from './audience.ts';
import { authenticationInfo } from './authentication-info.ts';
import {
  type AnonymousAccess,
  type Authentication as Answer,
  type Authenticator,
  type TokenAuthenticator,
  unionAuthenticator,
  unionTokenAuthenticator,
} from './authenticator.ts';
import { bearerTokenAuthenticator } from './bearer-token.ts';
import { bootstrapTokenAuthenticator } from './bootstrap-token.ts';
import { tableLookup } from './bound-objects.ts';
import { type CertificateSigningOptions, certificateHooks } from './certificate-controllers.ts';
import { certificatesOf } from './client-certificate.ts';
import { type Impersonator, impersonatorOf } from './impersonator.ts';
import { lastUsedNotes } from './last-used.ts';
import { type OpenidDocument, openidDocument } from './openid.ts';
import { type RequestHeaderOptions, requestHeaderAuthenticator } from './request-header.ts';
import { rootCaPublisher } from './root-ca.ts';
import {
  buildServiceAccountIssuer,
  type ServiceAccountIssuer,
  type ServiceAccountOptions,
} from './service-account-issuer.ts';
import { serviceAccountTokenAuthenticator } from './service-account-token.ts';
import { staticTokenAuthenticator, type TokenEntry } from './static-token.ts';
import type { TokenIssuer } from './token-issuer.ts';
import { tokenSecretController } from './token-secrets.ts';
import { x509Authenticator } from './x509.ts';

export interface AuthenticationOptions {
  /** Whether requests without any proof come from system:anonymous. Undefined: for health and version only. */
  readonly anonymous?: boolean;
  /** Whether secrets of kube-system are bootstrap tokens. Default: no, as upstream. */
  readonly bootstrapTokens?: boolean;
  /** Default: a key that dies with the server. */
  readonly serviceAccounts?: ServiceAccountOptions;
  /** What tokens must be for to be good here. Default: the issuers of service accounts' tokens. */
  readonly apiAudiences?: readonly string[];
  /** Proxies that speak for users. */
  readonly requestHeader?: RequestHeaderOptions;
  /** Signs approved certificate requests. Upstream's controller manager does that; without it nobody does. */
  readonly certificateSigning?: CertificateSigningOptions;
  /** PEM of this server's authority, published in every namespace for pods. Default: not published. */
  readonly rootCa?: string;
  /** More kinds of bearer tokens. */
  readonly tokenAuthenticators?: (env: ServerEnv) => readonly TokenAuthenticator[];
  /** More proofs than headers, certificates and tokens. They are asked first. */
  readonly authenticators?: (env: ServerEnv) => readonly Authenticator[];
}

export interface AuthenticationDeps {
  readonly env: ServerEnv;
  readonly authorizer: AuthorizerAndRules;
  /** PEM of the authority whose certificates prove users. */
  readonly clientCa?: string | undefined;
  readonly tokens?: readonly TokenEntry[] | undefined;
}

/** Paths that answer anybody unless told otherwise, so that load balancers and probes need no credentials. */
const PUBLIC_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/;

export class Authentication {
  readonly authenticator: Authenticator;
  /** All kinds of tokens together, for TokenReview. */
  readonly tokenAuthenticator: TokenAuthenticator;
  readonly isAnonymousAllowed: AnonymousAccess;
  readonly impersonator: Impersonator;
  readonly tokenIssuer: TokenIssuer;
  /** What the server does for it once it runs. */
  readonly hooks: readonly PostStartHook[];
  readonly #accounts: ServiceAccountIssuer;

  constructor(
    options: AuthenticationOptions,
    { env, authorizer, clientCa, tokens }: AuthenticationDeps,
  ) {
    const { anonymous, serviceAccounts = {}, apiAudiences, requestHeader } = options;
    const { certificateSigning: signing, rootCa } = options;
    const now = (): number => env.clock.now();
    this.#accounts = buildServiceAccountIssuer(serviceAccounts, apiAudiences, now);
    this.tokenIssuer = this.#accounts.issuer;
    this.tokenAuthenticator = unionTokenAuthenticator(this.#kindsOfTokens(options, env, tokens));
    const rest = { clientCa, tokenAuthenticator: this.tokenAuthenticator };
    this.authenticator = logged(unionAuthenticator(proofs(options, env, rest)), env);
    this.isAnonymousAllowed = (path) => anonymous ?? PUBLIC_PATH.test(path);
    this.impersonator = impersonatorOf(authorizer);
    this.hooks = [
      tokenSecretController({ issuer: this.tokenIssuer, rootCa: rootCa ?? clientCa }),
      ...(rootCa === undefined ? [] : [rootCaPublisher(rootCa)]),
      ...(signing === undefined ? [] : certificateHooks(signing, authorizer)),
      ...(requestHeader === undefined ? [] : [authenticationInfo(clientCa, requestHeader)]),
    ];
  }

  /** The documents with which others check this server's tokens. */
  document(path: string, serverAddress: string): OpenidDocument | undefined {
    return openidDocument(path, this.#accounts.openid, serverAddress);
  }

  #kindsOfTokens(
    { bootstrapTokens = false, tokenAuthenticators }: AuthenticationOptions,
    env: ServerEnv,
    tokens: readonly TokenEntry[] = [],
  ): readonly TokenAuthenticator[] {
    const { audiences, verifier } = this.#accounts;
    const now = (): number => env.clock.now();
    const objects = tableLookup(env.table);
    const bootstrap = bootstrapTokens ? [bootstrapTokenAuthenticator(env)] : [];
    return [
      forThisServer(staticTokenAuthenticator(tokens), audiences),
      serviceAccountTokenAuthenticator({
        verifier,
        objects,
        audiences,
        now,
        noteUse: lastUsedNotes(env),
      }),
      ...bootstrap.map((one) => forThisServer(one, audiences)),
      ...(tokenAuthenticators?.(env) ?? []),
    ];
  }
}

/** Why somebody was refused is for the log alone, at -v4: anybody can fill it. No reason holds a proof. */
function logged(authenticator: Authenticator, { log }: ServerEnv): Authenticator {
  const told = (answer: Answer): Answer => {
    if (answer.kind === 'rejected') {
      log.debug('Unable to authenticate the request', { why: answer.why });
    }
    return answer;
  };
  return {
    name: authenticator.name,
    authenticate(request) {
      const answer = authenticator.authenticate(request);
      return answer instanceof Promise ? answer.then(told) : told(answer);
    },
  };
}

/** The authorities for whose certificates TLS asks clients: those of users and those of proxies. */
export function clientAuthorities(
  clientCa: string | undefined,
  { requestHeader }: AuthenticationOptions = {},
): string | undefined {
  const all = [clientCa, requestHeader?.clientCa].flatMap((pem) => pem ?? []);
  return all.length === 0 ? undefined : all.join('\n');
}

function proofs(
  { authenticators, requestHeader }: AuthenticationOptions,
  env: ServerEnv,
  rest: {
    readonly clientCa: string | undefined;
    readonly tokenAuthenticator: TokenAuthenticator;
  },
): readonly Authenticator[] {
  const { clientCa, tokenAuthenticator } = rest;
  const now = (): number => env.clock.now();
  const bearer = bearerTokenAuthenticator([tokenAuthenticator]);
  const own = authenticators?.(env) ?? [];
  if (requestHeader === undefined) return [...own, x509Authenticator(now), bearer];
  const proxies = certificatesOf(requestHeader.clientCa, '--requestheader-client-ca-file');
  const users = clientCa === undefined ? [] : certificatesOf(clientCa, '--client-ca-file');
  return [
    ...own,
    requestHeaderAuthenticator(requestHeader, proxies, now),
    x509Authenticator(now, users),
    bearer,
  ];
}

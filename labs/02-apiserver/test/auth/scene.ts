// scene: an API server whose signing key the test has, so that it can make tokens of every kind, good and bad.

import { createHmac, createPublicKey } from 'node:crypto';
import type { AuthenticationOptions } from '#src/auth/build-authenticator.ts';
import { signToken } from '#src/auth/jwt.ts';
import { createSigningKey, signingKeyOf } from '#src/auth/signing-keys.ts';
import type { Claims } from '#src/auth/token-claims.ts';
import type { ApiServerOptions } from '#src/server/api-server-options.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type WireAnswer, wire } from '../server/wire.ts';

export const ISSUER = 'https://issuer.example.com';
export const NAMESPACE_PATH = '/api/v1/namespaces/default';
export const ADMIN = 'admin-token';

export interface Scene extends AsyncDisposable {
  readonly server: TestApiServer;
  /** `post /path` with this token; null shows nothing. */
  as(token: string | null, asked: string, body?: object): Promise<WireAnswer>;
  /** As an administrator; fails the test when the answer is an error. */
  make(asked: string, body: object): Promise<WireAnswer['json']>;
  /** Makes an account and gives its uid. */
  account(name: string): Promise<string>;
  /** A token as the server's own, with these claims. */
  sign(claims: Claims): Promise<string>;
  /** The good claims of an account's token; `over` replaces some. */
  claims(account: { name: string; uid: string }, over?: Claims): Claims;
  /** The status of a TokenReview. */
  review(token: string, audiences?: readonly string[]): Promise<WireAnswer['json']>;
  readonly signingKey: string;
}

export async function startScene(
  authentication: AuthenticationOptions = {},
  options: Partial<ApiServerOptions> = {},
): Promise<Scene> {
  const signingKey = createSigningKey();
  const key = signingKeyOf(signingKey, 'test');
  const server = await startTestApiServer({
    authentication: {
      anonymous: true,
      ...authentication,
      serviceAccounts: { signingKey, issuers: [ISSUER], ...authentication.serviceAccounts },
    },
    tokens: [{ token: ADMIN, user: 'admin', groups: ['system:masters'] }],
    ...options,
  });
  const as: Scene['as'] = (token, asked, body) => {
    const [method = 'get', path = '/'] = asked.split(' ');
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const type = method === 'patch' ? { 'content-type': 'application/merge-patch+json' } : {};
    const text = body === undefined ? undefined : JSON.stringify(body);
    // Node sends no length by itself with a DELETE.
    const length = text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) };
    return wire(server, path, {
      method: method.toUpperCase(),
      headers: { 'content-type': 'application/json', ...type, ...length, ...authorization },
      anonymous: true,
      ...(text === undefined ? {} : { body: text }),
    });
  };
  const make: Scene['make'] = async (asked, body) => {
    const { status, json, text } = await as(ADMIN, asked, body);
    if (status >= 400) throw new Error(`${asked}: ${text}`);
    return json;
  };
  return {
    server,
    signingKey,
    as,
    make,
    async account(name) {
      const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
      const made = await make(`post ${NAMESPACE_PATH}/serviceaccounts`, body);
      return String(made.metadata.uid);
    },
    sign: (claims) => signToken(claims, key),
    claims({ name, uid }, over = {}) {
      const now = Math.floor(Date.now() / 1000);
      return {
        iss: ISSUER,
        aud: [ISSUER],
        sub: `system:serviceaccount:default:${name}`,
        iat: now,
        nbf: now,
        exp: now + 3600,
        jti: 'an-id',
        'kubernetes.io': { namespace: 'default', serviceaccount: { name, uid } },
        ...over,
      };
    },
    async review(token, audiences) {
      const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      const { status, json } = await as(
        ADMIN,
        'post /apis/authentication.k8s.io/v1/tokenreviews',
        body,
      );
      if (status !== 201) throw new Error(json.message);
      return json.status;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A token in three parts, whatever they say. */
export function assembled(header: object, claims: object, signature = 'c2ln'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** The old trick: the public key, which everybody has, as the password of a symmetric algorithm. */
export function signedWithPublicKey(signingKey: string, kid: string, claims: object): string {
  const password = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' });
  const unsigned = assembled({ alg: 'HS256', kid }, claims, '').slice(0, -1);
  return `${unsigned}.${createHmac('sha256', password).update(unsigned).digest('base64url')}`;
}

export function pod(name: string, account: string, node?: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      serviceAccountName: account,
      containers: [{ name: 'c', image: 'i' }],
      ...(node === undefined ? {} : { nodeName: node }),
    },
  };
}

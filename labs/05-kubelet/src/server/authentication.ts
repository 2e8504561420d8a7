// Authentication: who asks the kubelet, by a client certificate of the cluster's authority or by a token of the cluster.
//
//   a certificate of --client-ca-file     the user is its common name, the groups are its organizations
//   Authorization: Bearer TOKEN           the API server says whose it is (TokenReview)
//   nothing                               system:anonymous, where --anonymous-auth allows it
//
// Whoever shows something that is no good is refused, also where nobody would have had to show anything. TLS has checked
// the certificate's signature, dates and purpose when the connection was made.
//
// Same idea upstream: BuildAuthn in kubernetes, cmd/kubelet/app/auth.go.

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Client, Clock, ResourceType, User } from '@kube-labs/apiserver';
import type { TokenReview } from 'kubernetes-types/authentication/v1';
import { HttpError } from './http-error.ts';
import { REVIEW_TIMEOUT_MS, ReviewCache } from './review-cache.ts';

export interface AuthenticationOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** Whether there is an authority whose certificates count. */
  readonly certificates: boolean;
  readonly anonymous: boolean;
  readonly tokenWebhook: boolean;
  readonly tokenCacheTtlMs: number;
}

/** Throws the refusal. */
export type Authenticate = (request: IncomingMessage) => Promise<User>;

type Found = User | 'nothing shown' | 'no good';

const tokenReviews: ResourceType<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  resource: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

const AUTHENTICATED = 'system:authenticated';
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export function authentication(options: AuthenticationOptions): Authenticate {
  const users = new ReviewCache<Found>(options.clock, () => options.tokenCacheTtlMs);
  const byToken = async (request: IncomingMessage): Promise<Found> => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (!options.tokenWebhook || token === undefined) return 'nothing shown';
    // Not the token itself: what is kept for a while is no secret.
    const key = createHash('sha256').update(token).digest('base64');
    return users.get(key, () => reviewToken(options.client, token));
  };
  return async (request) => {
    const shown = [options.certificates ? byCertificate(request) : 'nothing shown'];
    if (typeof shown[0] === 'string') shown.push(await byToken(request).catch(() => 'no good'));
    const user = shown.find((found) => typeof found !== 'string');
    if (user !== undefined) return withGroup(user);
    if (!options.anonymous || shown.includes('no good')) throw new HttpError(401, 'Unauthorized');
    return ANONYMOUS;
  };
}

function byCertificate({ socket }: IncomingMessage): Found {
  const { authorized } = socket as TLSSocket;
  // Without a certificate there is an object without members.
  const { subject, valid_to } = (socket as TLSSocket).getPeerCertificate();
  if (subject === undefined) return 'nothing shown';
  // A connection that is kept open does not outlive its certificate.
  if (!authorized || Date.parse(valid_to) < Date.now()) return 'no good';
  const { CN: name, O: organizations = [] } = subject as { CN?: string; O?: string | string[] };
  return name === undefined || name === ''
    ? 'nothing shown'
    : { name, groups: [organizations].flat() };
}

async function reviewToken(client: Client, token: string): Promise<Found> {
  const signal = AbortSignal.timeout(REVIEW_TIMEOUT_MS);
  const { status } = await client.create(tokenReviews, { spec: { token } }, signal);
  const { username = '', uid, groups = [], extra } = status?.user ?? {};
  if (status?.authenticated !== true || username === '') return 'no good';
  return {
    ...{ name: username, groups },
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  };
}

function withGroup(user: User): User {
  if (user.groups.includes(AUTHENTICATED)) return user;
  return { ...user, groups: [...user.groups, AUTHENTICATED] };
}

// bootstrap-token: a token that a machine shows once, to get a certificate of its own: ID.SECRET, kept in a secret of kube-system.
//
//   name: bootstrap-token-ID     type: bootstrap.kubernetes.io/token
//   data: token-id, token-secret, usage-bootstrap-authentication: "true", expiration (RFC 3339), auth-extra-groups
//
// The user is system:bootstrap:ID in the group system:bootstrappers and those that the secret adds, all of which begin with
// system:bootstrappers: too. A secret that is not right in every point is no reason to tell the client more than that its token is unknown.
//
// Same rule upstream: plugin/pkg/auth/authenticator/token/bootstrap and cluster-bootstrap, util/secrets.

import { timingSafeEqual } from 'node:crypto';
import type { Secret } from 'kubernetes-types/core/v1';
import { objectKey } from '../registry/resource-definition.ts';
import type { ServerEnv } from '../server/server-env.ts';
import { NONE, type TokenAuthenticator } from './authenticator.ts';
import type { User } from './user.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = 'system:bootstrappers';
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export function bootstrapTokenAuthenticator({
  table,
  clock,
  log,
}: Pick<ServerEnv, 'table' | 'clock' | 'log'>): TokenAuthenticator {
  const { storage, definition } = table.registry('', 'secrets');
  return {
    name: 'bootstrap-token',
    authenticateToken(token) {
      const [, id = '', tokenSecret = ''] = TOKEN.exec(token) ?? [];
      if (id === '') return NONE;
      const name = `bootstrap-token-${id}`;
      const stored = storage.cache.get(objectKey(definition, { namespace: 'kube-system', name }));
      if (stored === undefined) return NONE;
      const outcome = bootstrapUser(stored.object as Secret, { id, tokenSecret }, clock.now());
      if (typeof outcome !== 'string') return { kind: 'user', user: outcome };
      log.info('A bootstrap token is not accepted', { secret: name, why: outcome });
      return NONE;
    },
  };
}

/** The user that the secret stands for, or why it stands for none; no word of the token itself. */
export function bootstrapUser(
  { type, data = {}, metadata }: Secret,
  { id, tokenSecret }: { readonly id: string; readonly tokenSecret: string },
  nowMs: number,
): User | string {
  const read = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  if (metadata?.deletionTimestamp !== undefined) return 'is deleted and awaiting removal';
  if (type !== 'bootstrap.kubernetes.io/token') {
    return 'has invalid type, expected bootstrap.kubernetes.io/token';
  }
  if (!isSame(read('token-secret'), tokenSecret)) return 'has invalid value for key token-secret';
  if (read('token-id') !== id) return 'has invalid value for key token-id';
  if (hasExpired(read('expiration'), nowMs)) return 'has expired';
  if (read('usage-bootstrap-authentication') !== 'true') {
    return 'not marked usage-bootstrap-authentication=true';
  }
  const extra = read('auth-extra-groups');
  const groups = extra === '' ? [] : extra.split(',');
  if (!groups.every((group) => EXTRA_GROUP.test(group))) {
    return 'has invalid value for key auth-extra-groups';
  }
  return { name: `system:bootstrap:${id}`, groups: [GROUP, ...new Set(groups)].sort() };
}

/** In the same time whatever the difference is. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A time that cannot be read is over. */
function hasExpired(expiration: string, nowMs: number): boolean {
  if (expiration === '') return false;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(expiration);
  return !isTime || !(Date.parse(expiration) > nowMs);
}

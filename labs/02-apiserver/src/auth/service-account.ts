// service-account: what an account in a namespace is called as a user.
//
//   system:serviceaccount:NAMESPACE:NAME in the groups system:serviceaccounts and system:serviceaccounts:NAMESPACE
//
// What its token is bound to is told in `extra`, for admission plugins and the audit log.
//
// Same names upstream: apiserver, authentication/serviceaccount/util.go.

import { dns1123Label, dns1123Subdomain } from '../strategy/name-rules.ts';
import type { User } from './user.ts';

const USERNAME_PREFIX = 'system:serviceaccount:';
const ALL_ACCOUNTS = 'system:serviceaccounts';
const EXTRA = 'authentication.kubernetes.io/';

/** Name and uid of an object, as a token holds them. */
export interface NamedUid {
  readonly name: string;
  /** Absent: only the name is known. */
  readonly uid?: string;
}

export interface AccountIdentity {
  readonly namespace: string;
  readonly account: NamedUid;
  readonly pod?: NamedUid | undefined;
  readonly node?: NamedUid | undefined;
  /** Of the token: its id. */
  readonly tokenId?: string | undefined;
}

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${USERNAME_PREFIX}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return [ALL_ACCOUNTS, `${ALL_ACCOUNTS}:${namespace}`];
}

/** Undefined for a user that is no service account. */
export function splitServiceAccountUsername(
  username: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!username.startsWith(USERNAME_PREFIX)) return undefined;
  const parts = username.slice(USERNAME_PREFIX.length).split(':');
  const [namespace = '', name = ''] = parts;
  const isValid =
    parts.length === 2 &&
    dns1123Label(namespace).length === 0 &&
    dns1123Subdomain(name).length === 0;
  return isValid ? { namespace, name } : undefined;
}

export function serviceAccountUser(identity: AccountIdentity): User {
  const { namespace, account, pod, node, tokenId = '' } = identity;
  const extra = {
    ...(tokenId === '' ? {} : { [`${EXTRA}credential-id`]: [credentialIdOf(tokenId)] }),
    ...extraOf('node', node),
    ...extraOf('pod', pod),
  };
  return {
    name: serviceAccountUsername(namespace, account.name),
    ...(account.uid === undefined ? {} : { uid: account.uid }),
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

export function credentialIdOf(tokenId: string): string {
  return `JTI=${tokenId}`;
}

function extraOf(what: string, of: NamedUid | undefined): Record<string, readonly string[]> {
  if (of === undefined || of.name === '') return {};
  const uid = of.uid ?? '';
  return {
    [`${EXTRA}${what}-name`]: [of.name],
    ...(uid === '' ? {} : { [`${EXTRA}${what}-uid`]: [uid] }),
  };
}

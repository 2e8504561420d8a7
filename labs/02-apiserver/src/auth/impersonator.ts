// Impersonator: may this user act as that one, and who is it then?
//
//   Impersonate-User: jane     Impersonate-Group: devs     Impersonate-Uid: …     Impersonate-Extra-Scopes: view
//
// Each of these is asked of the authorizers by itself, with the verb `impersonate`: on users, serviceaccounts (in their namespace), groups,
// uids and userextras/KEY. One that is not allowed refuses the whole request. What is behind the filter sees only the impersonated user,
// so nobody gains more than that user has.
//
// Same rule upstream: apiserver, endpoints/filters/impersonation.

import type { IncomingMessage } from 'node:http';
import { badRequest } from '../api-error.ts';
import type { Authorizer, ResourceAttributes } from '../authz/authorizer.ts';
import { forbiddenError } from '../authz/forbidden.ts';
import { hasHeaderBehind, headersBehind, headerValues, type RawHeaders } from './header-values.ts';
import { serviceAccountGroups, splitServiceAccountUsername } from './service-account.ts';
import { ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, type User } from './user.ts';

export interface Impersonator {
  /** Undefined: the request does not ask for it. Throws Forbidden when it asks and may not. */
  impersonate(request: IncomingMessage, user: User): User | undefined | Promise<User | undefined>;
}

const GROUP = 'authentication.k8s.io';
const EXTRA_PREFIX = 'impersonate-extra-';

export function impersonatorOf(authorizer: Authorizer): Impersonator {
  return {
    impersonate(request, user) {
      const wanted = wantedUser(request);
      if (wanted === undefined) return undefined;
      for (const attributes of questionsOf(wanted, user)) {
        const { decision, reason } = authorizer.authorize(attributes);
        if (decision !== 'allow') throw forbiddenError(attributes, reason);
      }
      return completed(wanted);
    },
  };
}

/** What the headers ask for, word for word. Throws BadRequest for a part without the user that it belongs to. */
export function wantedUser(request: RawHeaders): User | undefined {
  if (!hasHeaderBehind(request, 'impersonate-')) return undefined;
  const [name = ''] = headerValues(request, 'impersonate-user');
  const groups = headerValues(request, 'impersonate-group');
  const [uid = ''] = headerValues(request, 'impersonate-uid');
  const extra = headersBehind(request, EXTRA_PREFIX);
  const hasExtra = Object.keys(extra).length > 0;
  if (name === '') {
    if (groups.length === 0 && uid === '' && !hasExtra) return undefined;
    const parts = [...groups, ...Object.keys(extra), ...(uid === '' ? [] : [uid])];
    throw badRequest(`requested [${parts.join(' ')}] without impersonating a user`);
  }
  return {
    name,
    groups,
    ...(uid === '' ? {} : { uid }),
    ...(hasExtra ? { extra } : {}),
  };
}

/** One question for everything that makes the wanted user. */
export function questionsOf(wanted: User, user: User): readonly ResourceAttributes[] {
  const ask = (resource: string, name: string, rest: Partial<ResourceAttributes> = {}) => ({
    kind: 'resource' as const,
    user,
    verb: 'impersonate',
    group: '',
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name,
    ...rest,
  });
  const account = splitServiceAccountUsername(wanted.name);
  const { uid, extra = {} } = wanted;
  return [
    account === undefined
      ? ask('users', wanted.name)
      : ask('serviceaccounts', account.name, { namespace: account.namespace }),
    ...wanted.groups.map((name) => ask('groups', name)),
    ...Object.entries(extra).flatMap(([subresource, values]) =>
      values.map((value) => ask('userextras', value, { group: GROUP, subresource })),
    ),
    ...(uid === undefined ? [] : [ask('uids', uid, { group: GROUP })]),
  ];
}

/** The groups that such a user would have after proving who he is. */
function completed(wanted: User): User {
  const account = splitServiceAccountUsername(wanted.name);
  const isBare = wanted.groups.length === 0 && account !== undefined;
  const groups = isBare ? serviceAccountGroups(account.namespace) : wanted.groups;
  if (wanted.name === ANONYMOUS.name) {
    const missing = groups.includes(UNAUTHENTICATED) ? [] : [UNAUTHENTICATED];
    return { ...wanted, groups: [...groups, ...missing] };
  }
  const isPlaced = groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED);
  return { ...wanted, groups: isPlaced ? groups : [...groups, AUTHENTICATED] };
}

// User: who a request comes from, as every later part of the server sees it.
//
// Name and groups decide what is allowed; the uid tells two users of one name apart; extra is what an authenticator wants later parts to
// know (the pod that a token is bound to, say). Nobody changes a User once it is made.
//
// Same idea upstream: apiserver, authentication/user/user.go.

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';

/** The server's own hand, for what it writes by itself. */
export const SYSTEM_USER: User = { name: 'system:apiserver', groups: ['system:masters'] };

/** Somebody who shows nothing at all, where that is allowed. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: [UNAUTHENTICATED] };

/** Users who were placed already: a certificate or a token of a file is the same user at each request. */
const authenticated = new WeakMap<User, User>();

/** Everybody who proved who he is belongs to one more group; it is what "every user" means in a role binding. */
export function withAuthenticatedGroup(user: User): User {
  if (user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED)) return user;
  let placed = authenticated.get(user);
  if (placed === undefined) {
    placed = { ...user, groups: [...user.groups, AUTHENTICATED] };
    authenticated.set(user, placed);
  }
  return placed;
}

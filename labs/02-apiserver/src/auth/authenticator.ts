// authenticator: the question "who sends this?", and the union of those who can answer it.
//
// Each authenticator looks for the one proof that it knows and answers with a user, with `none` ("nothing here that is mine"), or with
// `rejected` ("this is mine, and it is not good"). The first user counts. A rejected proof is no proof of somebody else, so a request
// that shows only rejected ones is refused, also where anonymous requests are allowed: a wrong token is not the same as no token.
//
// To add one: a file with an Authenticator (a proof of its own) or a TokenAuthenticator (one more kind of bearer token), handed to
// ApiServer.start() in `authentication`.
//
// Same idea upstream: apiserver, authentication/request/union, authentication/group and kubeapiserver/authenticator/config.go.

import type { IncomingMessage } from 'node:http';
import { ANONYMOUS, type User, withAuthenticatedGroup } from './user.ts';

export type Authentication =
  | { readonly kind: 'user'; readonly user: User; readonly audiences?: readonly string[] }
  | { readonly kind: 'none' }
  /** `why` is for the log; the client hears only "Unauthorized". */
  | { readonly kind: 'rejected'; readonly why: string };

export const NONE: Authentication = { kind: 'none' };

export interface Authenticator {
  readonly name: string;
  authenticate(request: IncomingMessage): Authentication | Promise<Authentication>;
}

/** One kind of bearer token. `audiences` undefined = those of this server. */
export interface TokenAuthenticator {
  readonly name: string;
  authenticateToken(
    token: string,
    audiences?: readonly string[],
  ): Authentication | Promise<Authentication>;
}

/** Asks one after the other; the first that knows the user decides. */
export function unionAuthenticator(authenticators: readonly Authenticator[]): Authenticator {
  return {
    name: 'union',
    authenticate: (request) =>
      firstUser(authenticators, (authenticator) => authenticator.authenticate(request)),
  };
}

/** The same for tokens: of several kinds the first that knows the token decides. */
export function unionTokenAuthenticator(
  authenticators: readonly TokenAuthenticator[],
): TokenAuthenticator {
  return {
    name: 'union',
    authenticateToken: (token, audiences) =>
      firstUser(authenticators, (authenticator) =>
        authenticator.authenticateToken(token, audiences),
      ),
  };
}

/** A promise only where one of them needs it: who is known by a certificate waits for nothing. `others` answered already. */
function firstUser<T>(
  authenticators: readonly T[],
  ask: (authenticator: T) => Authentication | Promise<Authentication>,
  others: Authentication[] = [],
): Authentication | Promise<Authentication> {
  for (const authenticator of authenticators.slice(others.length)) {
    const answer = ask(authenticator);
    if (answer instanceof Promise) {
      return answer.then((late) =>
        late.kind === 'user' ? late : firstUser(authenticators, ask, [...others, late]),
      );
    }
    if (answer.kind === 'user') return answer;
    others.push(answer);
  }
  return rejectedOrNone(others);
}

function rejectedOrNone(answers: readonly Authentication[]): Authentication {
  const reasons = answers.flatMap((answer) => (answer.kind === 'rejected' ? [answer.why] : []));
  return reasons.length === 0 ? NONE : { kind: 'rejected', why: reasons.join('; ') };
}

/** Who may come without any proof. */
export type AnonymousAccess = (path: string) => boolean;

/** The answer that the filter obeys: a user (with the group of all users), the anonymous one, or a refusal. */
export function decideUser(
  answer: Authentication,
  path: string,
  isAnonymousAllowed: AnonymousAccess,
): User | undefined {
  if (answer.kind === 'user') return withAuthenticatedGroup(answer.user);
  return answer.kind === 'none' && isAnonymousAllowed(path) ? ANONYMOUS : undefined;
}

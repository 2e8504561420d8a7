// Impersonator: may this user act as that one, and who is it then?
//
// The headers Impersonate-User, -Group, -Uid and -Extra-* ask for it. What is behind the filter sees only the impersonated user.
//
// Same idea upstream: apiserver, endpoints/filters/impersonation.go.

import type { IncomingMessage } from 'node:http';
import type { User } from './user.ts';

export interface Impersonator {
  /** Undefined: the request does not ask for it. Throws Forbidden when it asks and may not. */
  impersonate(request: IncomingMessage, user: User): User | undefined | Promise<User | undefined>;
}

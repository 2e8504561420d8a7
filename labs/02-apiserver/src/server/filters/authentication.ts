// authentication: the filter that finds out who sends the request, or answers 401.
//
// The proof itself goes no further: no handler, proxy or log sees a token.
//
// Same rule upstream: apiserver, endpoints/filters/authentication.go.

import { unauthorized } from '../../api-error.ts';
import type { Auditor } from '../../audit/auditor.ts';
import { type AnonymousAccess, type Authenticator, decideUser } from '../../auth/authenticator.ts';
import type { User } from '../../auth/user.ts';
import type { Filter } from '../pipeline.ts';
import { beginAudit } from './audit.ts';

export interface AuthenticationParts {
  readonly authenticator: Authenticator;
  readonly isAnonymousAllowed: AnonymousAccess;
  readonly auditor?: Auditor | undefined;
}

/** Who stands in the audit log for a request that proved nothing. */
const NOBODY: User = { name: '', groups: [] };

export function authentication(parts: AuthenticationParts): Filter {
  const { authenticator, isAnonymousAllowed, auditor } = parts;
  return {
    name: 'authentication',
    async handle(exchange, next) {
      const answer = await authenticator.authenticate(exchange.request);
      const user = decideUser(answer, exchange.path, isAnonymousAllowed);
      if (user === undefined) {
        if (auditor !== undefined) {
          const message = 'Authentication failed';
          const entry = beginAudit(auditor, exchange, NOBODY);
          entry?.stage('ResponseStarted', { code: 401, status: { status: 'Failure', message } });
        }
        throw unauthorized();
      }
      exchange.user = user;
      const { headers } = exchange.request;
      if (headers.authorization !== undefined) delete headers.authorization;
      return next();
    },
  };
}

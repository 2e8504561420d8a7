// authorization: the filter that asks whether this user may do this, or answers 403.
//
// What nobody allows is forbidden. The answer names only what the client asked for, whether it exists or not.
//
// Same rule upstream: apiserver, endpoints/filters/authorization.go.

import type { Authorizer } from '../../authz/authorizer.ts';
import { forbiddenError } from '../../authz/forbidden.ts';
import type { Filter } from '../pipeline.ts';

export function authorization(authorizer: Authorizer): Filter {
  return {
    name: 'authorization',
    handle(exchange, next) {
      const { attributes, audit } = exchange;
      const { decision, reason } = authorizer.authorize(attributes);
      const isAllowed = decision === 'allow';
      audit?.annotate('authorization.k8s.io/decision', isAllowed ? 'allow' : 'forbid');
      audit?.annotate('authorization.k8s.io/reason', reason);
      if (!isAllowed) throw forbiddenError(attributes, reason);
      exchange.authorizer = authorizer;
      return next();
    },
  };
}

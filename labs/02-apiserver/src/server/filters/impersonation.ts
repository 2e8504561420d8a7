// impersonation: the filter behind which a request comes from whom its sender asks to be.
//
// Both users stand in the audit log. The headers go no further.

import type { Impersonator } from '../../auth/impersonator.ts';
import type { Filter } from '../pipeline.ts';

export function impersonation(impersonator: Impersonator): Filter {
  return {
    name: 'impersonation',
    async handle(exchange, next) {
      const { request, user } = exchange;
      const acted = await impersonator.impersonate(request, user);
      if (acted !== undefined) {
        exchange.originalUser = user;
        exchange.user = acted;
        exchange.audit?.impersonated(acted);
        for (const name of Object.keys(request.headers)) {
          if (name.startsWith('impersonate-')) delete request.headers[name];
        }
      }
      return next();
    },
  };
}

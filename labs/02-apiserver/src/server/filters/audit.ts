// audit: the filter that tells the auditor what becomes of a request.
//
//   RequestReceived → ResponseStarted (of what lasts) → ResponseComplete, or Panic when the fault is ours
//
// Same idea upstream: apiserver, endpoints/filters/audit.go.

import { ApiError } from '../../api-error.ts';
import type { AuditEntry, AuditedAnswer, Auditor } from '../../audit/auditor.ts';
import type { User } from '../../auth/user.ts';
import type { Exchange } from '../exchange.ts';
import { isLongRunning } from '../long-running.ts';
import type { Filter } from '../pipeline.ts';
import { toApiError } from '../responses.ts';

const SWITCHING_PROTOCOLS = 101;

export function audit(auditor: Auditor): Filter {
  return {
    name: 'audit',
    async handle(exchange, next) {
      const entry = beginAudit(auditor, exchange, exchange.user);
      if (entry === undefined) return next();
      exchange.audit = entry;
      if (isLongRunning(exchange.info)) {
        exchange.onStarted(() => entry.stage('ResponseStarted', { code: codeOf(exchange) }));
      }
      try {
        await next();
      } catch (error) {
        entry.stage(isPanic(error) ? 'Panic' : 'ResponseComplete', refusal(error));
        throw error;
      }
      entry.stage('ResponseComplete', { code: codeOf(exchange) });
    },
  };
}

/** An entry with RequestReceived written, and its id in the answer. */
export function beginAudit(
  auditor: Auditor,
  exchange: Exchange,
  user: User,
): AuditEntry | undefined {
  const { request, receivedMs, response } = exchange;
  const entry = auditor.begin({
    request,
    user,
    attributes: exchange.attributesFor(user),
    receivedMs: performance.timeOrigin + receivedMs,
  });
  if (entry !== undefined) response?.setHeader('audit-id', entry.auditID);
  return entry;
}

function codeOf({ response }: Exchange): number {
  return response?.statusCode ?? SWITCHING_PROTOCOLS;
}

/** Errors that no handler meant. */
function isPanic(error: unknown): boolean {
  return !ApiError.is(error) && toApiError(error).reason === 'InternalError';
}

function refusal(error: unknown): AuditedAnswer {
  const { code, message, reason } = toApiError(error);
  return { code, status: { status: 'Failure', message, reason } };
}

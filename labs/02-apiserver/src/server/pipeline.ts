// pipeline: what every request passes on its way to a handler, whatever it is for.
//
//   answerErrors → requestInfo → observe → timeLimit → authentication → audit → impersonation → fairness → authorization → handler
//
// A filter sees the exchange, may add to it, and calls next(); or it throws an ApiError, and the request is answered with that. Requests for
// resources, for paths and upgrades all pass the same filters, so that there is one place where each question is asked. Optional
// filters that nobody configured are not in the list.
//
// To add a filter: a file in filters/ and its line in buildFilters(), at the place where it belongs.
//
// Same idea upstream: apiserver, server/config.go (DefaultBuildHandlerChain).

import type { Auditor } from '../audit/auditor.ts';
import type { AnonymousAccess, Authenticator } from '../auth/authenticator.ts';
import type { Impersonator } from '../auth/impersonator.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { FlowController } from '../fairness/flow-controller.ts';
import type { Exchange } from './exchange.ts';
import { answerErrors, type ErrorLog } from './filters/answer-errors.ts';
import { audit } from './filters/audit.ts';
import { authentication } from './filters/authentication.ts';
import { authorization } from './filters/authorization.ts';
import { fairness, type ObjectsToRead } from './filters/fairness.ts';
import { impersonation } from './filters/impersonation.ts';
import { type Observer, observe } from './filters/observe.ts';
import { requestInfo } from './filters/request-info.ts';
import { timeLimit } from './filters/time-limit.ts';

export type Next = () => Promise<void>;

export interface Filter {
  readonly name: string;
  handle(exchange: Exchange, next: Next): Promise<void>;
}

export type Handler = (exchange: Exchange) => Promise<void>;

export interface PipelineParts {
  readonly log: ErrorLog;
  readonly observer: Observer;
  readonly authenticator: Authenticator;
  readonly isAnonymousAllowed: AnonymousAccess;
  /** How long an ordinary request may take. */
  readonly requestTimeoutMs: number;
  readonly auditor?: Auditor | undefined;
  readonly impersonator?: Impersonator | undefined;
  readonly flowController?: FlowController | undefined;
  /** Of one request; default: one. */
  readonly objectsToRead?: ObjectsToRead | undefined;
  readonly authorizer?: Authorizer | undefined;
}

export function buildFilters(parts: PipelineParts): Filter[] {
  const { auditor, impersonator, flowController, authorizer } = parts;
  return [
    answerErrors(parts.log),
    requestInfo(),
    observe(parts.observer),
    timeLimit(parts.requestTimeoutMs),
    authentication(parts),
    ...(auditor === undefined ? [] : [audit(auditor)]),
    ...(impersonator === undefined ? [] : [impersonation(impersonator)]),
    ...(flowController === undefined
      ? []
      : [fairness(flowController, parts.objectsToRead ?? (() => 1))]),
    ...(authorizer === undefined ? [] : [authorization(authorizer)]),
  ];
}

/** One handler out of filters and a handler; the first filter is the outermost. */
export function compose(filters: readonly Filter[], handler: Handler): Handler {
  return filters.reduceRight<Handler>(
    (inner, filter) => (exchange) => filter.handle(exchange, () => inner(exchange)),
    handler,
  );
}

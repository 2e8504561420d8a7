// answerErrors: whatever goes wrong behind this filter, the client hears a Status, and the process goes on.
//
// It is the outermost one. An error that comes when the answer has begun already can only cut the answer off. A body that nobody
// read is still read for a while, and dropped: a client that is cut off while it sends never sees the answer.
//
// Same idea upstream: apiserver, server/filters/wrap.go (panic recovery) and endpoints/handlers/responsewriters/errors.go.

import type { ServerResponse } from 'node:http';
import type { ApiError } from '../../api-error.ts';
import type { Exchange } from '../exchange.ts';
import { errorEncoding } from '../negotiation.ts';
import type { Filter } from '../pipeline.ts';
import { finishBody, send, toApiError } from '../responses.ts';
import { refuseUpgrade } from '../upgrade.ts';

export interface ErrorLog {
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export function answerErrors(log: ErrorLog): Filter {
  return {
    name: 'answerErrors',
    async handle(exchange, next) {
      try {
        await next();
      } catch (error) {
        const apiError = toApiError(error);
        if (apiError.code >= 500) {
          const { method, url: path } = exchange.request;
          log.error('Cannot answer a request', { method, path, error });
        }
        await answer(exchange, apiError);
      }
      if (exchange.upgrade === undefined) finishBody(exchange.request);
    },
  };
}

async function answer(exchange: Exchange, error: ApiError): Promise<void> {
  const { request, response, upgrade } = exchange;
  if (upgrade !== undefined) {
    refuseUpgrade(upgrade.socket, error);
    return;
  }
  if (response === undefined) return;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  discardHeaders(response);
  const retry = error.details?.retryAfterSeconds;
  const headers = retry === undefined ? {} : { 'retry-after': String(retry) };
  const encoding = errorEncoding(request.headers.accept);
  await send(request, response, { status: error.code, body: error.toStatus(), headers, encoding });
}

/** What a handler prepared for its own answer does not belong to the Status; who we are to the client stays. */
function discardHeaders(response: ServerResponse): void {
  for (const name of ['content-encoding', 'content-length', 'etag']) response.removeHeader(name);
}

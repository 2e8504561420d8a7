// requestInfo: the filter that says what is meant, for all the others.

import type { Filter } from '../pipeline.ts';
import { parseRequestInfo } from '../request-info.ts';

export function requestInfo(): Filter {
  return {
    name: 'requestInfo',
    handle(exchange, next) {
      const { request, path, query } = exchange;
      exchange.info = parseRequestInfo({ method: request.method, path, query });
      return next();
    },
  };
}

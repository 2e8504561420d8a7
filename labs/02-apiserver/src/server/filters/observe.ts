// observe: counts every request for a resource and times it, and writes its line in the log at -v4.
//
// Only resources that exist are counted: names out of thin air would make as many series as somebody cares to send.

import type { Logger } from '@kube-labs/store';
import type { Exchange } from '../exchange.ts';
import { isLongRunning } from '../long-running.ts';
import type { RequestLabels, ServerMetrics } from '../metrics.ts';
import type { Filter } from '../pipeline.ts';
import { toApiError } from '../responses.ts';

export interface Observer {
  readonly metrics: ServerMetrics;
  readonly log: Logger;
  /** Undefined: not counted. */
  labelsOf(exchange: Exchange): RequestLabels | undefined;
}

const SWITCHING_PROTOCOLS = 101;

export function observe({ metrics, log, labelsOf }: Observer): Filter {
  return {
    name: 'observe',
    async handle(exchange, next) {
      const labels = labelsOf(exchange);
      const isLong = isLongRunning(exchange.info);
      const ended = labels !== undefined && isLong ? metrics.longRunning(labels) : undefined;
      let code = 500;
      try {
        await next();
        code = exchange.response?.statusCode ?? SWITCHING_PROTOCOLS;
      } catch (error) {
        code = toApiError(error).code;
        throw error;
      } finally {
        ended?.();
        // How long a watch lasted says nothing about how fast the server is.
        const seconds = isLong ? 0 : (performance.now() - exchange.receivedMs) / 1000;
        if (labels !== undefined) metrics.observe(labels, seconds, code);
        const { info, request, userName: user } = exchange;
        log.debug('HTTP', { verb: info.verb, path: request.url, user, code });
      }
    },
  };
}

// timeLimit: an ordinary request is answered within its time, or with 504.
//
// A client that sends its body drop by drop, or a store that does not answer, would hold a request for ever. The client may ask for less
// time than the server gives (`?timeout=5s`), not for more. Watches, logs and the like have no limit. What a handler still does
// after its time is up goes nowhere: the answer has been sent.
//
// Same rule upstream: apiserver, endpoints/filters/request_deadline.go and server/filters/timeout.go (`--request-timeout`).

import { badRequest, timeout } from '../../api-error.ts';
import { isLongRunning } from '../long-running.ts';
import type { Filter } from '../pipeline.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

export function timeLimit(requestTimeoutMs: number): Filter {
  return {
    name: 'timeLimit',
    async handle(exchange, next) {
      if (isLongRunning(exchange.info) || exchange.upgrade !== undefined) return next();
      const asked = askedTimeoutMs(exchange.query.get('timeout'));
      const limitMs = Math.min(asked || requestTimeoutMs, requestTimeoutMs);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), limitMs);
      });
      const handled = next();
      try {
        if ((await Promise.race([handled, late])) !== 'late') return;
        // An answer that has begun goes on to its end.
        if (exchange.response?.headersSent) return await handled;
        handled.catch(() => undefined);
        throw timeout('request did not complete within the allotted timeout', 0);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Go's durations, `1m30s`; 0 or nothing = no wish. */
export function askedTimeoutMs(text: string | null): number {
  if (text === null || text === '' || text === '0') return 0;
  if (!/^\+?(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) {
    throw badRequest(`invalid timeout specified in the request URL: ${JSON.stringify(text)}`);
  }
  let totalMs = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return totalMs;
}

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

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
/** Go counts nanoseconds in 64 bits. */
const MS_MAX = 2 ** 63 / 1e6;

export function timeLimit(requestTimeoutMs: number): Filter {
  return {
    name: 'timeLimit',
    async handle(exchange, next) {
      if (isLongRunning(exchange.info) || exchange.upgrade !== undefined) return next();
      const asked = askedTimeoutMs(exchange.query.get('timeout'));
      const limitMs = asked > 0 ? Math.min(asked, requestTimeoutMs) : requestTimeoutMs;
      const handled = next();
      if (await isInTime(handled, limitMs)) return;
      // An answer that has begun goes on to its end.
      if (exchange.response?.headersSent) return handled;
      throw timeout('request did not complete within the allotted timeout', 0);
    },
  };
}

/** Rejects as the promise does. What comes of it later is heard by nobody. */
async function isInTime(handled: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(resolve, limitMs, false);
      handled.then(() => resolve(true), reject);
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds; 0 or less: no wish. Throws BadRequest with what Go's time.ParseDuration has against it. */
export function askedTimeoutMs(text: string | null): number {
  if (text === null || text === '') return 0;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  let rest = text.slice(sign.length);
  if (rest === '0') return 0;
  const refuse = (why: string, what = '') =>
    badRequest(
      `invalid timeout specified in the request URL - time: ${why} ${what}duration ${JSON.stringify(text)}`,
    );
  if (rest === '') throw refuse('invalid');
  let totalMs = 0;
  while (rest !== '') {
    const [all, amount = '', unit = ''] = /^(\d*\.?\d*)([^.\d]*)/.exec(rest) ?? [''];
    if (!/\d/.test(amount)) throw refuse('invalid');
    if (unit === '') throw refuse('missing unit', 'in ');
    const unitMs = UNIT_MS.get(unit);
    if (unitMs === undefined) throw refuse(`unknown unit ${JSON.stringify(unit)}`, 'in ');
    totalMs += Number(amount) * unitMs;
    rest = rest.slice(all.length);
  }
  if (totalMs > MS_MAX) throw refuse('invalid');
  return sign === '-' ? -totalMs : totalMs;
}

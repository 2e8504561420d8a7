// logCalls: a line for every call that ended, for -v 4.
//
// It stands between the server and whoever counts, and only when somebody wants to read that much.
import type { Logger } from '../component/logger.ts';
import type { CallObserver } from './call.ts';

export function logCalls(counting: CallObserver, log: Logger): CallObserver {
  return {
    started: (method) => counting.started(method),
    received: (method, bytes) => counting.received(method, bytes),
    sent: (method, bytes) => counting.sent(method, bytes),
    handled: (method, code) => {
      counting.handled(method, code);
      log.debug('Handled a call', { method: method.path, code });
    },
  };
}

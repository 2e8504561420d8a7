// Wait: for a state, not for a time.
//
// waitFor() asks until there is an answer, a deadline passes or the signal aborts. What a question throws
// counts as "not yet": while a cluster starts, nothing answers at first; the last reason is in the message.

import { setTimeout as delay } from 'node:timers/promises';
import { ClusterError, messageOf } from './cluster-error.ts';

export interface WaitOptions {
  /** As in "<what> within 60 s": `The API server did not answer`. */
  readonly failure: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  /** Asked every second from the fifth on; a ClusterError from it ends the wait early. */
  readonly check?: () => Promise<void>;
}

const checkAfterMs = 5_000;
const checkEveryMs = 1_000;

/** The first answer that is neither undefined nor false. */
export async function waitFor<T>(
  question: () => Promise<T | undefined | false>,
  options: WaitOptions,
  signal: AbortSignal,
): Promise<T> {
  const started = Date.now();
  let nextCheck = started + checkAfterMs;
  let reason = '';
  while (Date.now() - started < options.timeoutMs) {
    signal.throwIfAborted();
    try {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      reason = ` (${messageOf(error)})`;
    }
    if (options.check !== undefined && Date.now() >= nextCheck) {
      await options.check();
      nextCheck = Date.now() + checkEveryMs;
    }
    await delay(options.intervalMs ?? 150, undefined, { signal });
  }
  throw new ClusterError(`${options.failure} within ${options.timeoutMs / 1000} s${reason}`);
}

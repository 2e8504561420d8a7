// Waiting in tests: for a condition, with a deadline, and never for a fixed time.
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 20;
/** After the deadline: a process that stood still until then gives everybody else their turns first. */
const LAST_ATTEMPTS = 10;
/** A lesson gives up early, so that its learner hears what is missing; where all tests run, nobody waits for that. */
const DEADLINE_MS_MIN = process.env.KUBE_LABS_PATIENCE === undefined ? 0 : 20_000;

/** Tries until `attempt` does not throw; soon after the deadline its last error is the test's. */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  deadlineMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + Math.max(deadlineMs, DEADLINE_MS_MIN);
  for (let left = LAST_ATTEMPTS; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs && left-- === 0) throw error;
    }
    await wait(POLL_MS);
  }
}

// Class board: tells the class that a learner joined how a check went. A class that does not answer holds up nothing.
//
// What travels is in ../teach/classroom.ts: step, passed or not, ids of failing tests. Nothing travels before `lab join`.
import { type Membership, sendProgress } from '../teach/class-client.ts';
import type { Context } from './context.ts';
import type { Checked } from './on-check.ts';

export async function tellClass(
  context: Context,
  member: Membership,
  { lab, step, result }: Pick<Checked, 'lab' | 'step' | 'result'>,
): Promise<void> {
  const failing = result.tests.filter(({ state }) => state === 'failed' || state === 'not-written');
  try {
    await sendProgress(member, {
      step: `${lab.id}/${step.id}`,
      passed: result.exitCode === 0,
      failing: failing.map(({ id }) => id),
    });
  } catch (error) {
    context.tell(
      context.paint.dim(`(${(error as Error).message}; your check counts all the same)`),
    );
  }
}

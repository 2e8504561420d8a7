// Class board: tells the class that a learner joined how a check went. A class that does not answer holds up nothing.
//
// What travels is in ../teach/classroom.ts: step, passed or not, ids of failing tests. Nothing travels before `lab join`.
import type { Lab, Step } from '../course/model.ts';
import { type Membership, sendProgress } from '../teach/class-client.ts';
import type { Progress } from '../teach/classroom.ts';
import type { Context } from './context.ts';
import type { Checked } from './on-check.ts';

/** After a check. */
export async function tellClass(
  context: Context,
  member: Membership,
  { lab, step, result }: Pick<Checked, 'lab' | 'step' | 'result'>,
): Promise<void> {
  const failing = result.tests.filter(({ state }) => state === 'failed' || state === 'not-written');
  await send(context, member, {
    step: `${lab.id}/${step.id}`,
    passed: result.exitCode === 0,
    failing: failing.map(({ id }) => id),
  });
}

/** The learner begins a step: its time runs from here. */
export async function tellStep(context: Context, lab: Lab, step: Step): Promise<void> {
  const member = context.state.read().class;
  if (member === undefined) return;
  await send(context, member, { step: `${lab.id}/${step.id}`, passed: false, failing: [] });
}

async function send(context: Context, member: Membership, progress: Progress): Promise<void> {
  try {
    await sendProgress(member, progress);
  } catch (error) {
    context.tell(
      context.paint.dim(`(${(error as Error).message}; what you did counts all the same)`),
    );
  }
}

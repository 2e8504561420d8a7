// next: on to the next step, when the current one passes for exactly the code that is there now.
import type { Lab, Step } from '../../course/model.ts';
import { tellStep } from '../class-board.ts';
import { codeHash } from '../code-hash.ts';
import { type Context, labsOf, startedWork, stepNamed } from '../context.ts';
import { isCaughtUp, newStep, type StepState, stepState } from '../state.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface NextFlags {
  readonly force?: boolean;
}

export async function next(context: Context, flags: NextFlags & CommonFlags): Promise<Ended> {
  const { lab, srcFolder, state } = startedWork(context, flags.lab);
  const step = stepNamed({ lab, state });
  const missing = whatIsMissing(step, state.steps[step.id], codeHash(srcFolder));
  if (missing !== undefined && flags.force !== true) {
    context.say(missing);
    context.print(
      '\n  npx lab check         run the tests again\n  npx lab next --force  go on all the same; it is recorded',
    );
    return 1;
  }
  const following = lab.steps[step.number];
  const at = context.now();
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own === undefined) return;
    if (missing !== undefined) stepState(own, step.id).skippedAt = at;
    if (following === undefined) return;
    own.step = following.id;
    stepState(own, following.id).startedAt ??= at;
  });
  if (following === undefined) {
    const after = context.state.read();
    const later = labsOf(context).find(({ id }) => id > lab.id && after.labs[id] === undefined);
    context.say(atTheEnd(lab, after.labs[lab.id]?.steps ?? {}, later));
    return 0;
  }
  await tellStep(context, lab, following);
  context.say(
    `Step ${following.number} of ${lab.steps.length}: ${following.title} (${following.minutes} minutes)\n\n  npx lab task           its lesson\n  npx lab check --watch  its tests, again whenever you save`,
  );
  return 0;
}

/** What is said after the last step; `later` is a lab that was not started yet. Pure. */
export function atTheEnd(
  lab: Lab,
  states: Readonly<Record<string, StepState>>,
  later: Lab | undefined,
): string {
  const numbers = (isMeant: (state: StepState) => boolean) =>
    lab.steps.filter(({ id }) => isMeant(states[id] ?? newStep())).map(({ number }) => number);
  const caughtUp = numbers(isCaughtUp);
  const open = numbers((state) => state.passedAt === undefined && !isCaughtUp(state));
  const of = (which: readonly number[]) =>
    `${which.length === 1 ? 'step' : 'steps'} ${which.join(', ')}`;
  return [
    `That was the last step of lab ${lab.id} (${lab.title}).`,
    ...(open.length === 0 ? [] : [`Not passed yet: ${of(open)}.`]),
    ...(caughtUp.length === 0
      ? []
      : [
          `By catch-up: ${of(caughtUp)}; npx lab reset ${caughtUp[0]} makes step ${caughtUp[0]} yours to write.`,
        ]),
    '',
    '  npx lab check --all  all tests of the lab once more',
    '  npx lab diff mine    compare your code with the reference',
    '  npx lab status       what you have done',
    ...(later === undefined ? [] : [`  npx lab start ${later.id}  the next lab: ${later.title}`]),
  ].join('\n');
}

/** Undefined when the step passes for this code. Pure. */
export function whatIsMissing(
  step: Step,
  state: StepState | undefined,
  code: string,
): string | undefined {
  const which = `Step ${step.number} (${step.title})`;
  if (state === undefined || state.attempts === 0) return `${which} has not been checked yet.`;
  const [first, ...more] = state.failing;
  if (first !== undefined) {
    const what = state.failingIdeas[0] === undefined ? first : `"${state.failingIdeas[0]}"`;
    const others = more.length === 0 ? '' : `, and ${more.length} more`;
    return `${which} does not pass yet. In the last check this failed: ${what}${others}.`;
  }
  if (state.passedAt === undefined)
    return `${which} has not passed yet: an earlier step does not pass with this code.`;
  if (state.passedCode === code) return undefined;
  return `${which} has passed, but your code has changed since.`;
}

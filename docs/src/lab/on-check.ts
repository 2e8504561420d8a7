// onCheck: what follows a check: it is remembered in the state, and told to the class if the learner has joined one.
import type { CheckResult, Lab, Step } from '../course/model.ts';
import { tellClass } from './class-board.ts';
import type { Context } from './context.ts';
import { type LabState, stepState } from './state.ts';

export interface Checked {
  readonly lab: Lab;
  readonly step: Step;
  readonly result: CheckResult;
  /** A hash of the code that was tested; undefined when it changed meanwhile. */
  readonly code: string | undefined;
}

export async function onCheck(context: Context, checked: Checked): Promise<void> {
  // The fault of a machine or of the course says nothing about the learner.
  if (checked.result.exitCode > 1) return;
  const at = context.now();
  const state = context.state.update(({ labs }) => {
    const lab = labs[checked.lab.id];
    if (lab !== undefined) remember(lab, checked, at);
  });
  if (state.class !== undefined) await tellClass(context, state.class, checked);
}

function remember(state: LabState, { lab, step, result, code }: Checked, at: string): void {
  const own = stepState(state, step.id);
  own.startedAt ??= at;
  // What comes after the pass is no attempt at it any more.
  if (own.passedAt === undefined) own.attempts += 1;
  own.lastCheckAt = at;
  for (const each of lab.steps) {
    const tests = result.tests.filter((test) => test.step === each.id);
    if (tests.length === 0) continue;
    const of = stepState(state, each.id);
    const wrong = tests.filter((test) => test.state !== 'passed');
    const failing = wrong.filter((test) => test.state !== 'not-reached');
    of.failing = failing.map(({ id }) => id);
    of.failingIdeas = failing.map(({ idea }) => idea);
    of.lookAt = [...(wrong[0]?.failure?.notWritten ?? []), ...(wrong[0]?.symbols ?? [])];
    if (wrong.length > 0 || code === undefined) continue;
    // Only a check that was green in all that it ran is a pass of its step; --all runs also what is yet to come.
    const below = result.tests.filter((test) => numberOf(lab, test.step) <= each.number);
    if (below.some((test) => test.state !== 'passed') || !ranAllBelow(lab, each, result)) continue;
    of.passedAt ??= at;
    of.passedCode = code;
  }
}

const numberOf = (lab: Lab, id: string): number =>
  lab.steps.find((step) => step.id === id)?.number ?? 0;

const ranAllBelow = (lab: Lab, { number }: Step, { tests }: CheckResult): boolean =>
  lab.steps.every((step) => step.number > number || tests.some((test) => test.step === step.id));

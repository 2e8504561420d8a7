// catch-up: takes the reference for all earlier steps that have not passed, so that a learner can go on with the class at
// this step. What has passed stays the learner's, and so does everything around the symbols. Saved first.
import { count } from '../../check/text.ts';
import { deriveTree, referenceTree } from '../../course/derive.ts';
import type { SymbolRef } from '../../course/model.ts';
import { tellStep } from '../class-board.ts';
import { type Context, startedWork, stepNamed } from '../context.ts';
import { stepState } from '../state.ts';
import { withBodies } from '../symbol-edit.ts';
import { nameOf } from '../symbol-name.ts';
import type { CommonFlags, Ended } from '../verb.ts';
import { tellSaved, writeSaved } from '../write-files.ts';
import { hiddenUntil } from './solution.ts';

const NAMES_MAX = 8;

export async function catchUp(
  context: Context,
  wanted: string | undefined,
  flags: CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const { lab, state } = work;
  const step = stepNamed(work, wanted);
  const open = lab.steps.filter(
    ({ number, id }) => number < step.number && state.steps[id]?.passedAt === undefined,
  );
  const symbols = open.flatMap(({ owns }) => owns.map(({ symbol }) => symbol));
  const needed = open.length === 0 ? [] : hiddenUntil(lab, step.number - 1);
  const texts =
    symbols.length === 0
      ? new Map<string, string>()
      : withBodies(work, {
          symbols,
          tree: referenceTree(lab),
          skeleton: deriveTree(lab, 0),
          needed,
        });
  const copy = writeSaved(context, work, { texts, verb: 'catch-up' });
  const at = context.now();
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own === undefined) return;
    own.step = step.id;
    stepState(own, step.id).startedAt ??= at;
    for (const { id } of open) {
      stepState(own, id).skippedAt = at;
      stepState(own, id).solutions.push({ what: id, how: 'caught-up', at, early: true });
    }
  });
  await tellStep(context, lab, step);
  const numbers = open.map(({ number }) => number).join(', ');
  context.say(
    open.length === 0
      ? `All steps before ${step.number} have passed: your code stays as it is.`
      : `Taken from the reference: step ${numbers} (${namesOf(symbols)}). Everything else is as you wrote it.`,
  );
  if (copy !== undefined) tellSaved(context, work, copy);
  context.say(
    `\nYou are at step ${step.number}: ${step.title}\n\n  npx lab check ${Math.max(1, step.number - 1)}  see that all before it is green\n  npx lab task     its lesson`,
  );
  return 0;
}

/** All names while they can be read at a glance, else how many they are. */
function namesOf(symbols: readonly SymbolRef[]): string {
  return symbols.length <= NAMES_MAX
    ? symbols.map(nameOf).join(', ')
    : count(symbols.length, 'symbol');
}

// solution: the reference's code for a symbol or a step, after a pass or on a plain "show me", which is recorded. --apply
// writes it into the learner's file, between the braces of those symbols and nowhere else; saved first.
import { join } from 'node:path';
import { count } from '../../check/text.ts';
import { deriveTree, referenceTree } from '../../course/derive.ts';
import type { Lab, Step, SymbolRef } from '../../course/model.ts';
import { pullCode } from '../../course/pull-code.ts';
import { type Context, startedWork, stepNamed, type Work } from '../context.ts';
import { stepState } from '../state.ts';
import { withBodies } from '../symbol-edit.ts';
import { nameOf, stepOrSymbol } from '../symbol-name.ts';
import type { CommonFlags, Ended } from '../verb.ts';
import { tellSaved, writeSaved } from '../write-files.ts';

export interface SolutionFlags {
  readonly showMe?: boolean;
  readonly apply?: boolean;
}

export async function solution(
  context: Context,
  wanted: string | undefined,
  flags: SolutionFlags & CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const { lab, state } = work;
  const named =
    wanted === undefined
      ? { kind: 'step' as const, step: stepNamed(work) }
      : stepOrSymbol(lab, wanted);
  const { step } = named;
  const symbols = named.kind === 'step' ? step.owns.map(({ symbol }) => symbol) : [named.symbol];
  const early = state.steps[step.id]?.passedAt === undefined;
  if (early && flags.showMe !== true) {
    const asked = wanted === undefined ? '' : ` ${/[\s#]/.test(wanted) ? `'${wanted}'` : wanted}`;
    context.say(
      `Step ${step.number} has not passed yet. Hints come first: npx lab hint\n\n  npx lab solution${asked} --show-me   shows it all the same; it is recorded`,
    );
    return 1;
  }
  if (flags.apply === true) apply(context, work, { step, symbols });
  else context.print(symbols.map((symbol) => shown(context, lab, symbol)).join('\n\n'));
  const what = named.kind === 'step' ? step.id : named.symbol;
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own === undefined) return;
    const how = flags.apply === true ? 'applied' : 'shown';
    stepState(own, step.id).solutions.push({ what, how, at: context.now(), early });
  });
  return 0;
}

function shown({ paint }: Context, lab: Lab, symbol: SymbolRef): string {
  return `${paint.bold(`// ${symbol}`)}\n${pullCode(lab, symbol)}`;
}

function apply(
  context: Context,
  work: Work,
  { step, symbols }: { step: Step; symbols: readonly SymbolRef[] },
): void {
  const { lab } = work;
  const texts = withBodies(work, {
    symbols,
    tree: referenceTree(lab),
    skeleton: deriveTree(lab, 0),
    needed: hiddenUntil(lab, step.number),
  });
  const copy = writeSaved(context, work, { texts, verb: 'solution' });
  if (copy === undefined) {
    context.say('Nothing to do: your code already is the reference there.');
    return;
  }
  const files = [...texts.keys()].map((path) => context.pathOf(join(work.folder, path)));
  const said = `The reference is now in ${count(files.length, 'file')} of yours (${files.join(', ')}), for ${symbols.map(nameOf).join(', ')}`;
  context.say(said);
  tellSaved(context, work, copy);
}

/** What the skeleton leaves out until this step; its bodies need it. */
export const hiddenUntil = (lab: Lab, step: number): readonly SymbolRef[] =>
  lab.hide.filter(({ until }) => until <= step).map(({ symbol }) => symbol);

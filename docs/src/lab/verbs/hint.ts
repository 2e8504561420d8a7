// hint: the next level for a symbol or for the step: a question, where to look, the shape of the code. It remembers how far
// it went; after the last level it shows all of them again.

import type { Step, SymbolRef } from '../../course/model.ts';
import { type Hints, readHints } from '../../lesson/lesson-file.ts';
import { type Context, startedWork, stepNamed } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { nearest } from '../nearest.ts';
import { type LabState, stepState } from '../state.ts';
import { lastPart, nameOf } from '../symbol-name.ts';
import { toTerminal } from '../terminal-markdown.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface HintFlags {
  readonly step?: string;
  readonly language?: string;
}

const LEVELS = ['a question', 'where to look', 'the shape of the code'];

export async function hint(
  context: Context,
  wanted: string | undefined,
  flags: HintFlags & CommonFlags,
): Promise<Ended> {
  const { lab, state } = startedWork(context, flags.lab);
  const step = stepNamed({ lab, state }, flags.step);
  const all = readHints(lab, step, flags.language);
  if (all.length === 0) throw new LabError(`Step ${step.id} has no hints yet`, 3);
  const hints =
    wanted === undefined ? hintsToShow(all, state, step) : hintsNamed(all, step, wanted);
  const key = hints.symbol ?? 'step';
  const before = state.steps[step.id]?.hints[key] ?? 0;
  const level = Math.min(before + 1, hints.levels.length);
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own !== undefined) stepState(own, step.id).hints[key] = level;
  });
  show(context, hints, { step, from: before >= hints.levels.length ? 1 : level, to: level });
  return 0;
}

interface Shown {
  readonly step: Step;
  readonly from: number;
  readonly to: number;
}

function show(context: Context, { symbol, levels }: Hints, { step, from, to }: Shown): void {
  const { paint, width } = context;
  const what = symbol === undefined ? `step ${step.number} · ${step.title}` : nameOf(symbol);
  for (let level = from; level <= to; level++) {
    context.print(
      paint.bold(`Hint ${level} of ${levels.length} for ${what}: ${LEVELS[level - 1] ?? 'more'}`),
    );
    context.print(`\n${toTerminal(levels[level - 1] ?? '', { width, paint, pull: () => '' })}`);
  }
  const name = symbol === undefined ? String(step.number) : nameOf(symbol);
  const next =
    to < levels.length
      ? `The next one: npx lab hint ${symbol === undefined ? '' : quoted(name)}`.trimEnd()
      : `That was the last one. When nothing else helps:\n  npx lab solution ${quoted(name)} --show-me`;
  context.print(`\n${paint.dim(next)}`);
}

const quoted = (name: string): string => (/[\s#]/.test(name) ? `'${name}'` : name);

/** Of what failed last; else of what has hints left, the step first. */
function hintsToShow(all: readonly Hints[], state: LabState, step: Step): Hints {
  const own = state.steps[step.id];
  const failing = own?.lookAt.flatMap((ref) => all.filter(({ symbol }) => symbol === ref)) ?? [];
  const general = all.filter(({ symbol }) => symbol === undefined);
  const candidates = [...failing, ...general, ...all];
  const left = candidates.find(
    ({ symbol, levels }) => (own?.hints[symbol ?? 'step'] ?? 0) < levels.length,
  );
  return (left ?? candidates[0]) as Hints;
}

function hintsNamed(all: readonly Hints[], step: Step, wanted: string): Hints {
  const general = all.find(({ symbol }) => symbol === undefined);
  if (wanted === 'step' && general !== undefined) return general;
  const refs: readonly SymbolRef[] = [
    ...new Set([
      ...step.owns.map(({ symbol }) => symbol),
      ...all.flatMap(({ symbol }) => symbol ?? []),
    ]),
  ];
  const result = nearest(
    wanted,
    refs.map((ref) => ({ names: [nameOf(ref), ref, lastPart(ref)], value: ref })),
  );
  if (!('found' in result)) {
    throw new LabError(
      `Step ${step.number} has no symbol ${wanted}; it has ${result.near.join(', ')}`,
    );
  }
  const own = all.find(({ symbol }) => symbol === result.found) ?? general;
  if (own === undefined)
    throw new LabError(
      `There is no hint for ${wanted}; there are some for ${all.map(({ symbol }) => nameOf(symbol ?? 'the step')).join(', ')}`,
    );
  return own;
}

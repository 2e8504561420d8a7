// hint: the next level for a symbol or for the step: a question, where to look, the shape of the code. It remembers how far
// it went; after the last level it shows all of them again.

import type { Lab, Step, SymbolRef } from '../../course/model.ts';
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

/** As the site names them. */
const LEVELS: Readonly<Record<string, readonly string[]>> = {
  en: ['a question', 'where to look', 'the shape of the code'],
  zh: ['一个问题', '去哪里看', '代码的轮廓'],
};

export async function hint(
  context: Context,
  wanted: string | undefined,
  flags: HintFlags & CommonFlags,
): Promise<Ended> {
  const { lab, state } = startedWork(context, flags.lab);
  const current = stepNamed({ lab, state }, flags.step);
  const { step, hints } =
    wanted === undefined || wanted === 'step'
      ? { step: current, hints: hintsToShow(pageOf(lab, current, flags), state, wanted) }
      : hintsNamed(lab, current, { ...flags, wanted });
  const key = hints.symbol ?? 'step';
  const before = state.steps[step.id]?.hints[key] ?? 0;
  const level = Math.min(before + 1, hints.levels.length);
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own !== undefined) stepState(own, step.id).hints[key] = level;
  });
  const from = before >= hints.levels.length ? 1 : level;
  const names = LEVELS[flags.language ?? 'en'] ?? LEVELS.en ?? [];
  show(context, hints, { step, from, to: level, names, isCurrent: step.id === state.step });
  return 0;
}

interface Shown {
  readonly step: Step;
  readonly from: number;
  readonly to: number;
  /** What the levels are called. */
  readonly names: readonly string[];
  readonly isCurrent: boolean;
}

function show(
  context: Context,
  { symbol, levels }: Hints,
  { step, from, to, names, isCurrent }: Shown,
): void {
  const { paint, width } = context;
  const what = symbol === undefined ? `step ${step.number} · ${step.title}` : nameOf(symbol);
  for (let level = from; level <= to; level++) {
    context.print(
      paint.bold(`Hint ${level} of ${levels.length} for ${what}: ${names[level - 1] ?? level}`),
    );
    context.print(`\n${toTerminal(levels[level - 1] ?? '', { width, paint, pull: () => '' })}`);
  }
  const name = symbol === undefined ? String(step.number) : nameOf(symbol);
  const ofStep = isCurrent ? 'step' : `step --step ${step.number}`;
  const next =
    to < levels.length
      ? `The next one: npx lab hint ${symbol === undefined ? ofStep : quoted(name)}`
      : `That was the last one. When nothing else helps:\n  npx lab solution ${quoted(name)} --show-me`;
  context.print(`\n${paint.dim(next)}`);
}

const quoted = (name: string): string => (/[\s#]/.test(name) ? `'${name}'` : name);

/** All hints of a step. */
interface Page {
  readonly step: Step;
  readonly all: readonly Hints[];
}

function pageOf(lab: Lab, step: Step, { language }: HintFlags): Page {
  const all = readHints(lab, step, language);
  if (all.length === 0) throw new LabError(`Step ${step.id} has no hints yet`, 3);
  return { step, all };
}

/** Of what failed last; else of what has hints left, the step first. */
function hintsToShow({ step, all }: Page, state: LabState, wanted: string | undefined): Hints {
  const own = state.steps[step.id];
  const general = all.filter(({ symbol }) => symbol === undefined);
  const [ofStep] = general;
  if (wanted === 'step' && ofStep !== undefined) return ofStep;
  const failing = own?.lookAt.flatMap((ref) => all.filter(({ symbol }) => symbol === ref)) ?? [];
  const candidates = [...failing, ...general, ...all];
  const left = candidates.find(
    ({ symbol, levels }) => (own?.hints[symbol ?? 'step'] ?? 0) < levels.length,
  );
  return (left ?? candidates[0]) as Hints;
}

interface Named {
  readonly symbol: SymbolRef;
  readonly step: Step;
}

/** In the current step first; a check may also name what another step owns. With --step in that step alone. */
function hintsNamed(
  lab: Lab,
  current: Step,
  { wanted, ...flags }: HintFlags & { readonly wanted: string },
): { readonly step: Step; readonly hints: Hints } {
  const here = nearest(wanted, candidatesOf(symbolsOf(lab, current, flags)));
  const everywhere =
    'found' in here || flags.step !== undefined
      ? here
      : nearest(wanted, candidatesOf(lab.steps.flatMap((step) => symbolsOf(lab, step, flags))));
  if (!('found' in everywhere)) {
    const where = flags.step === undefined ? `Lab ${lab.id}` : `Step ${current.number}`;
    throw new LabError(`${where} has no symbol ${wanted}; near it: ${everywhere.near.join(', ')}`);
  }
  const { symbol, step } = everywhere.found;
  const { all } = pageOf(lab, step, flags);
  const own = all.find((each) => each.symbol === symbol);
  const hints = own ?? all.find((each) => each.symbol === undefined);
  if (hints !== undefined) return { step, hints };
  throw new LabError(
    `There is no hint for ${wanted}; there are some for ${all.map((each) => nameOf(each.symbol ?? 'the step')).join(', ')}`,
  );
}

/** What a step owns, and what else its hints speak of. */
function symbolsOf(lab: Lab, step: Step, { language }: HintFlags): readonly Named[] {
  const symbols = [
    ...step.owns.map(({ symbol }) => symbol),
    ...readHints(lab, step, language).flatMap(({ symbol }) => symbol ?? []),
  ];
  return [...new Set(symbols)].map((symbol) => ({ symbol, step }));
}

/** Of a symbol that several steps speak of, the first. */
function candidatesOf(named: readonly Named[]) {
  const firsts = new Map<SymbolRef, Named>();
  for (const each of named) if (!firsts.has(each.symbol)) firsts.set(each.symbol, each);
  return [...firsts.values()].map((value) => ({
    names: [nameOf(value.symbol), value.symbol, lastPart(value.symbol)],
    value,
  }));
}

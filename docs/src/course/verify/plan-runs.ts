// Plan runs: which tests run against which tree, and what has to come out. Pure: verify-lab.ts runs it.
//
//   prefix k    with steps 1 … k written, their tests pass and those of step k+1 do not: the triangle
//   symbol s    with everything written but s, a test of its own step does not pass
//   wrong w     with an overlay, `lab check` says exactly what is stored beside it
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkResultOf } from '../../check/check.ts';
import { renderCheck } from '../../check/render.ts';
import type { JobResult } from '../../check/run-tests.ts';
import { blankSymbol, deriveTree, type Tree } from '../derive.ts';
import type { Lab, LessonMeta, OwnedSymbol, Step, TestResult } from '../model.ts';
import { parseRef } from '../symbols.ts';
import type { Overlay } from './overlay.ts';
import { type Complaint, countOf, isWanted, type ProofKind, type VerifyOptions } from './proof.ts';

export interface PlannedRun {
  readonly kind: ProofKind;
  readonly name: string;
  /** The tree's folder on the workbench. */
  readonly folder: string;
  readonly tree: Tree;
  readonly steps: readonly Step[];
  /** Whether the tests of one of these steps are expected to pass. */
  readonly mustPass: (step: Step) => boolean;
  readonly judge: (results: Results, srcFolder: string) => Verdict;
}

export interface Verdict {
  readonly says: string;
  readonly complaints: readonly Complaint[];
  /** For the proofs of the lessons: what the tests of each step say about themselves. */
  readonly metas?: Readonly<Record<string, readonly LessonMeta[]>>;
  /** What expected.txt should hold. */
  readonly output?: string;
}

/** By the id of the step. */
export type Results = ReadonlyMap<string, JobResult>;

const NOT_LOADED =
  'code outside of any function reaches a stub: call it later, or give it a `stub:`';

/** One mistake of a person is short; more lines say that an overlay was left behind. */
const OWN_LINES_MAX = 60;

/** The columns of a stored output: those of a terminal that nobody has made wider. */
const WIDTH = 80;

export function planPrefixes(lab: Lab, reference: Tree, options: VerifyOptions): PlannedRun[] {
  return Array.from({ length: lab.steps.length + 1 }, (_, solved) => {
    const steps = lab.steps.filter(
      (step) => step.number <= solved + 1 && isWanted(options, step.number) && hasTests(lab, step),
    );
    return {
      kind: 'prefix',
      name: `prefix ${solved}`,
      folder: `prefix-${solved}`,
      tree: deriveTree(lab, solved, reference),
      steps,
      mustPass: (step) => step.number <= solved,
      judge: (results) => judgePrefix(lab, { solved, steps }, results),
    };
  });
}

export function planSymbols(lab: Lab, reference: Tree, options: VerifyOptions): PlannedRun[] {
  return lab.steps
    .filter((step) => isWanted(options, step.number) && hasTests(lab, step))
    .flatMap((step) =>
      step.owns.map((owned, i) => ({
        kind: 'symbol',
        name: `symbol ${owned.symbol}`,
        folder: `blank-${step.number}-${i + 1}`,
        tree: blankSymbol(lab, owned.symbol, reference),
        steps: [step],
        mustPass: () => false,
        judge: (results) => judgeSymbol(owned, step, results),
      })),
    );
}

export function planOverlay(lab: Lab, reference: Tree, overlay: Overlay): PlannedRun {
  const { name, step, files } = overlay;
  return {
    kind: 'wrong',
    name: `wrong ${name}`,
    folder: `wrong-${name}`,
    tree: new Map([...reference, ...files]),
    steps: hasTests(lab, step) ? [step] : [],
    mustPass: () => false,
    judge: (results, srcFolder) => judgeOverlay(lab, overlay, { results, srcFolder }),
  };
}

function hasTests({ folder }: Lab, { tests }: Step): boolean {
  return tests.every((file) => existsSync(join(folder, file)));
}

function judgePrefix(
  lab: Lab,
  { solved, steps }: { solved: number; steps: readonly Step[] },
  results: Results,
): Verdict {
  const complaints = steps.flatMap((step) => {
    const result = results.get(step.id);
    if (result?.fault !== undefined) return [faultOf(step, result)];
    const tests = result?.tests ?? [];
    return step.number <= solved
      ? tests.flatMap((test) => greenComplaint(lab, test))
      : redComplaints(step, tests);
  });
  const passing = steps.filter(({ number }) => number <= solved).map(({ number }) => number);
  const failing = steps.filter(({ number }) => number > solved).map(({ number }) => number);
  const says = [
    passing.length > 0 ? `tests of ${stepsText(passing)} pass` : '',
    failing.length > 0 ? `those of ${stepsText(failing)} do not` : '',
  ];
  const metas = Object.fromEntries(
    steps
      .filter(({ number }) => number <= solved)
      .map(({ id }) => [id, (results.get(id)?.tests ?? []).map(metaOf)]),
  );
  return { says: says.filter(Boolean).join(', ') || 'nothing to run', complaints, metas };
}

const metaOf = ({ idea, invariant, byHand, symbols }: TestResult): LessonMeta => ({
  idea,
  invariant,
  byHand,
  symbols,
});

function stepsText(numbers: readonly number[]): string {
  const [first, last] = [numbers[0], numbers.at(-1)];
  return first === last ? `step ${first}` : `steps ${first}–${last}`;
}

function faultOf({ id }: Step, { fault, problem = '' }: JobResult): Complaint {
  const whose = fault === 2 ? 'the machine' : 'the tests';
  return {
    what: `step ${id}: ${problem}`,
    todo: `the fault lies with ${whose}, not with the tree`,
  };
}

/** A test that must pass and does not: most often it needs what a later step owns. */
function greenComplaint(lab: Lab, test: TestResult): readonly Complaint[] {
  if (test.state === 'passed' || test.state === 'not-reached') return [];
  const missing = test.failure?.notWritten ?? [];
  const what = `step ${test.step}: "${test.idea}" ${describeFailure(test)}`;
  if (missing.length === 0)
    return [{ what, todo: `it must pass: see npm run lab -- course derive ${lab.id}` }];
  const needs = missing.map((symbol) => `${symbol} of ${ownerName(lab, symbol)}`).join(', ');
  const todo = `give it to this step or an earlier one, or a \`stub:\` that it can call: ${needs}`;
  return [{ what, todo }];
}

function describeFailure({ state, failure }: TestResult): string {
  if (state === 'not-written') return 'reaches a stub';
  const { message, expected, actual, at } = failure ?? { message: 'no reason' };
  const compared =
    expected === undefined ? '' : `, expected ${oneLine(expected)}, got ${oneLine(actual ?? '')}`;
  const place = at === undefined ? '' : ` (${at.file}:${at.line})`;
  return `failed: ${oneLine(message)}${compared}${place}`;
}

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
};

function ownerName({ steps }: Lab, symbol: string): string {
  const step = steps.find(({ owns }) => owns.some((owned) => owned.symbol === symbol));
  return step === undefined ? 'no step' : `step ${step.id}`;
}

/** The tests of the next step must fail, each file by itself, and by a test: not because nothing could be loaded. */
function redComplaints(step: Step, tests: readonly TestResult[]): readonly Complaint[] {
  const failed = tests.find(({ state }) => state === 'failed' || state === 'not-written');
  if (failed === undefined) {
    const what = `every test of step ${step.id} (${tests.length}) passes before it is written`;
    return [{ what, todo: 'test what its symbols do; or an earlier step already does it' }];
  }
  if (failed.id !== `${step.id}/0`) return [];
  const what = `the tests of step ${step.id} cannot even be loaded: ${describeFailure(failed)}`;
  return [{ what, todo: NOT_LOADED }];
}

function judgeSymbol({ symbol }: OwnedSymbol, step: Step, results: Results): Verdict {
  const result = results.get(step.id);
  const tests = result?.tests ?? [];
  if (result?.fault !== undefined)
    return { says: 'could not run', complaints: [faultOf(step, result)] };
  const red = tests.find(({ state }) => state === 'failed' || state === 'not-written');
  if (red?.id === `${step.id}/0`) {
    const what = `the tests of step ${step.id} cannot even be loaded: ${describeFailure(red)}`;
    return { says: 'could not load', complaints: [{ what, todo: NOT_LOADED }] };
  }
  if (red !== undefined) return { says: `missed by ${red.id}`, complaints: [] };
  const { name } = parseRef(symbol);
  const what = `without ${name} every test of step ${step.id} (${tests.length}) still passes`;
  const todo = `test what ${name} does, or take it out of \`owns\``;
  return { says: 'missed by no test', complaints: [{ what, todo }] };
}

function judgeOverlay(
  lab: Lab,
  { step, expected, name, ownLines }: Overlay,
  { results, srcFolder }: { results: Results; srcFolder: string },
): Verdict {
  const result = checkResultOf(lab, step, [...results.values()]);
  const output = renderCheck(result, { lab, srcFolder, color: false, times: false, width: WIDTH });
  const says = `prints its expected.txt; ${countOf(ownLines, 'line')} of its own`;
  if (result.exitCode !== 1) {
    const what = `${name}: lab check ends with ${result.exitCode}: nobody notices that it is wrong`;
    const todo =
      result.problem ?? 'add a test that does, or lay something over that is really wrong';
    return { says: 'is not found out', complaints: [{ what, todo }], output };
  }
  if (ownLines > OWN_LINES_MAX) {
    const what = `${name} differs from the reference in ${ownLines} lines: has the reference moved on?`;
    const todo = 'lay the one mistake over what the reference is now';
    return { says: 'is out of date', complaints: [{ what, todo }] };
  }
  if (output === expected) return { says, complaints: [], output };
  const what = expected === undefined ? 'there is no expected.txt' : firstChange(expected, output);
  const todo = `read it, and if it helps a learner: course verify ${lab.id} --update`;
  return { says: 'prints something else', complaints: [{ what, todo }], output };
}

function firstChange(expected: string, output: string): string {
  const [before, after] = [expected.split('\n'), output.split('\n')];
  const at = after.findIndex((line, i) => line !== before[i]);
  const line = at === -1 ? after.length : at;
  return `expected.txt, line ${line + 1}: expected "${before[line] ?? ''}", printed "${after[line] ?? ''}"`;
}

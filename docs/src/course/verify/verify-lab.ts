// Verify lab: proves that a lab teaches what it says it teaches.
//
// Its proofs: texts that fit (prove-lesson.ts), types of every tree (prove-types.ts), the triangle, every symbol and every
// overlay (plan-runs.ts), and that the last prefix is the reference byte for byte.
// Rules of use
//   - Many test files run in one vitest, so a proof costs a fork of a process and not a start of a tool.
//   - A proof that held is remembered by a hash of what it depends on; `cache: false` proves everything again.
//   - It rejects only when it cannot prove at all; what does not hold is in the report.
import { writeFileSync } from 'node:fs';
import type { JobResult } from '../../check/run-tests.ts';
import { deriveTree, referenceTree, type Tree } from '../derive.ts';
import type { Lab, LessonMeta } from '../model.ts';
import { type Overlay, overlaysOf } from './overlay.ts';
import {
  type PlannedRun,
  planOverlay,
  planPrefixes,
  planSymbols,
  type Results,
  type Verdict,
} from './plan-runs.ts';
import {
  countOf,
  holds,
  isWanted,
  type Proof,
  type VerifyOptions,
  type VerifyReport,
} from './proof.ts';
import { hashOf, hashOfSurroundings, hashOfTests, ProofCache } from './proof-cache.ts';
import { proveLesson } from './prove-lesson.ts';
import { typeErrors } from './prove-types.ts';
import { runPlanned } from './run-planned.ts';
import { Workbench } from './workbench.ts';

type Metas = Readonly<Record<string, readonly LessonMeta[]>>;

/** What all proofs of a lab share. */
interface Desk {
  readonly lab: Lab;
  readonly options: VerifyOptions;
  readonly signal: AbortSignal;
  readonly cache: ProofCache;
  readonly surroundings: string;
  readonly bench: Workbench;
}

export async function verifyLab(lab: Lab, options: VerifyOptions = {}): Promise<VerifyReport> {
  const started = performance.now();
  const reference = referenceTree(lab);
  const overlays = overlaysOf(lab).filter(({ step }) => isWanted(options, step.number));
  const runs = [
    ...planPrefixes(lab, reference, options),
    ...planSymbols(lab, reference, options),
    ...overlays.map((overlay) => planOverlay(lab, reference, overlay)),
  ];
  const bench = new Workbench(lab);
  const desk: Desk = {
    lab,
    options,
    signal: options.signal ?? new AbortController().signal,
    cache: new ProofCache(lab, { read: options.cache !== false }),
    surroundings: hashOfSurroundings(lab),
    bench,
  };
  try {
    const [types, ran] = await Promise.all([
      proveTypes(desk, runs),
      proveRuns(desk, runs, overlays),
    ]);
    const proofs = [...types, ...ran.proofs, ...proveTexts(desk, reference, ran.metas)];
    desk.cache.save(options.steps === undefined);
    const exitCode = proofs.every(holds) ? 0 : 3;
    return { lab: lab.id, proofs, durationMs: performance.now() - started, exitCode };
  } finally {
    bench.remove();
  }
}

function proveTexts({ lab, options }: Desk, reference: Tree, metas: Metas): readonly Proof[] {
  const last = deriveTree(lab, lab.steps.length, reference);
  const different = [...last].filter(([path, text]) => reference.get(path) !== text);
  const same: Proof = {
    kind: 'last',
    name: 'last prefix',
    says: `${countOf(reference.size, 'file')}, the reference byte for byte`,
    complaints: different.map(([path]) => ({
      what: `${path} differs`,
      todo: 'report it: a fault of the engine',
    })),
    remembered: false,
  };
  const lessons = lab.steps
    .filter(({ number }) => isWanted(options, number))
    .map((step) => proveLesson(lab, step, metas[step.id]));
  return [same, ...lessons];
}

async function proveTypes(desk: Desk, runs: readonly PlannedRun[]): Promise<readonly Proof[]> {
  const trees = runs.filter(({ kind }) => kind !== 'symbol');
  const keyOf = (run: PlannedRun) => hashOf('types', desk.surroundings, run.tree);
  const open = trees.filter((run) => desk.cache.find(keyOf(run)) === undefined);
  for (const { folder, tree } of open) desk.bench.place(folder, tree);
  const errors =
    open.length > 0
      ? await typeErrors(desk.bench.folder, desk.signal)
      : new Map<string, string[]>();
  return trees.map((run): Proof => {
    const todo =
      run.kind === 'wrong'
        ? 'lay the one mistake over what the reference is now, or replace only a body'
        : 'give the symbol another `stub:`, hide it later or not at all, or state its type';
    const complaints = (errors.get(run.folder) ?? []).map((what) => ({ what, todo }));
    const says = 'passes the strict type check';
    if (complaints.length === 0) desk.cache.remember(keyOf(run), { says });
    return {
      kind: 'types',
      name: `types ${run.name}`,
      says,
      complaints,
      remembered: !open.includes(run),
    };
  });
}

async function proveRuns(
  desk: Desk,
  runs: readonly PlannedRun[],
  overlays: readonly Overlay[],
): Promise<{ proofs: readonly Proof[]; metas: Metas }> {
  const keys = new Map(runs.map((run) => [run, keyOf(desk, run, overlays)]));
  const known = (run: PlannedRun) => desk.cache.find(keys.get(run) ?? '');
  const open = runs.filter((run) => known(run) === undefined);
  const verdicts = await judge(desk, open);
  let metas: Metas = {};
  const proofs = runs.map((run): Proof => {
    const { kind, name } = run;
    const remembered = known(run);
    const verdict = verdicts.get(run) ?? { says: remembered?.says ?? '', complaints: [] };
    const ofRun = verdict.metas ?? (remembered?.data as Metas | undefined);
    if (ofRun !== undefined) metas = { ...metas, ...ofRun };
    const complaints = settled(desk, run, { verdict, overlays });
    if (complaints.length === 0 && remembered === undefined) {
      desk.cache.remember(keys.get(run) ?? '', { says: verdict.says, data: verdict.metas });
    }
    return { kind, name, says: verdict.says, complaints, remembered: remembered !== undefined };
  });
  return { proofs, metas };
}

/** With `update` an output that differs is no complaint: it is written. */
function settled(
  { options }: Desk,
  { kind, name }: PlannedRun,
  { verdict, overlays }: { verdict: Verdict; overlays: readonly Overlay[] },
): Proof['complaints'] {
  const overlay = overlays.find((each) => kind === 'wrong' && name === `wrong ${each.name}`);
  const { output, complaints, says } = verdict;
  if (options.update !== true || overlay === undefined || output === undefined) return complaints;
  if (says === 'is not found out') return complaints;
  if (output !== overlay.expected) writeFileSync(overlay.expectedFile, output);
  return [];
}

function keyOf({ lab, surroundings }: Desk, run: PlannedRun, overlays: readonly Overlay[]): string {
  const tests = run.steps.flatMap((step) => step.tests);
  const expected = overlays.find(({ name }) => run.name === `wrong ${name}`)?.expected ?? '';
  // The output quotes the lesson.
  const lessons = run.kind === 'wrong' ? run.steps.map(({ id }) => `steps/${id}/lesson.md`) : [];
  return hashOf(
    run.name,
    surroundings,
    run.tree,
    hashOfTests(lab, [...tests, ...lessons]),
    expected,
  );
}

/** Runs the tests of all these proofs, and lets each look at its results. */
async function judge(
  { lab, bench, options, signal }: Desk,
  runs: readonly PlannedRun[],
): Promise<ReadonlyMap<PlannedRun, Verdict>> {
  const run = (some: readonly PlannedRun[]) => runPlanned(lab, some, { bench, options, signal });
  const first = await run(runs);
  // `lab check` goes on to the earlier steps when the current one passes; so does an overlay.
  const later = runs.filter(
    (each) => each.kind === 'wrong' && [...(first.get(each)?.values() ?? [])].every(isGreen),
  );
  const earlier = later.map((each) => ({ ...each, steps: earlierSteps(lab, each) }));
  const second = await run(earlier);
  return new Map(
    runs.map((each) => {
      const again = earlier[later.indexOf(each)];
      const more: Results = (again && second.get(again)) ?? new Map();
      const results = new Map([...(first.get(each) ?? []), ...more]);
      return [each, each.judge(results, bench.place(each.folder, each.tree))];
    }),
  );
}

const isGreen = ({ tests, fault }: JobResult): boolean =>
  fault === undefined && tests.every(({ state }) => state === 'passed');

function earlierSteps({ steps }: Lab, run: PlannedRun) {
  const first = run.steps[0]?.number ?? 0;
  return steps.filter(({ number }) => number < first);
}

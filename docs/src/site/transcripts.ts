// Transcripts: runs the tests of every step, as a learner would before and after writing it, and keeps what they print.
//
//   red     the code of somebody who has solved the steps before: this is what a lesson begins with
//   green   the code of somebody who has solved this one too; the earlier steps are tested as well, as `lab check` does
// Running takes a while, so each transcript is kept in a file that is named by a hash of all that it depends on: the derived sources,
// the lab's tests, the invariants of the lesson, the engine. A red that is green, or a green that is not, is a fault of the course and fails the build.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { checkResultOf } from '../check/check.ts';
import { LOADING_IDEA } from '../check/outcome.ts';
import { renderCheck } from '../check/render.ts';
import { type Job, type JobResult, runTests } from '../check/run-tests.ts';
import { deriveTree, type Tree, writeTree } from '../course/derive.ts';
import type { CheckResult, Lab, Step } from '../course/model.ts';
import { readLesson } from '../lesson/lesson-file.ts';
import type { TranscriptKind, Transcripts } from './build-context.ts';
import { type Problem, SiteError } from './problems.ts';

export interface TranscriptOptions {
  /** Where transcripts are kept between builds; inside the repository. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal;
  /** Told once, before tests are run: how many transcripts are not in the cache. */
  readonly onRun?: (count: number) => void;
}

interface Wanted {
  readonly lab: Lab;
  readonly step: Step;
  readonly kind: TranscriptKind;
  readonly tree: Tree;
  /** The steps whose tests are run, the present one first. */
  readonly tested: readonly Step[];
  readonly file: string;
}

const SOURCES = join(import.meta.dirname, '..');
const WIDTH = 80;
const KINDS = ['red', 'green'] as const;

export async function makeTranscripts(
  labs: readonly Lab[],
  options: TranscriptOptions,
): Promise<Transcripts> {
  mkdirSync(options.cacheFolder, { recursive: true });
  const engine = hashOf(['check', 'lesson'].map((part) => textsBelow(join(SOURCES, part))));
  const wanted = labs.flatMap((lab) => wantedOf(lab, { engine, ...options }));
  const missing = wanted.filter(({ file }) => !existsSync(file));
  if (missing.length > 0) options.onRun?.(missing.length);
  const wrong = keepGood(await run(missing, options));
  // What went wrong on a machine that was busy goes right when it runs alone; a fault of the course stays one.
  const problems = keepGood(
    await run(
      wrong.map(({ one }) => one),
      { ...options, concurrency: 1 },
    ),
  );
  if (problems.length > 0) throw new SiteError(problems.map(problemOf));
  const texts = new Map(wanted.map((one) => [nameOf(one), readFileSync(one.file, 'utf8')]));
  return { of: (lab, step, kind) => texts.get(nameOf({ lab, step, kind })) ?? '' };
}

interface Ran {
  readonly one: Wanted;
  readonly text: string;
  /** Why it is no transcript. */
  readonly fault: string | undefined;
}

/** Writes what came out as it should in place of what was kept before, and returns the others. */
function keepGood(ran: readonly Ran[]): Ran[] {
  for (const { one, text, fault } of ran) {
    if (fault !== undefined) continue;
    const folder = dirname(one.file);
    const old = readdirSync(folder).filter((name) => name.startsWith(keptName(one)));
    for (const name of old) rmSync(join(folder, name));
    writeFileSync(one.file, text);
  }
  return ran.filter(({ fault }) => fault !== undefined);
}

const problemOf = ({ one, text, fault }: Ran): Problem => ({
  where: nameOf(one),
  what: `${fault}\n${text}`,
});

const keptName = ({ lab, step, kind }: Pick<Wanted, 'lab' | 'step' | 'kind'>): string =>
  `${lab.id}-${step.id}-${kind}-`;

const nameOf = ({ lab, step, kind }: Pick<Wanted, 'lab' | 'step' | 'kind'>): string =>
  `${lab.id}/${step.id}/${kind}`;

function wantedOf(
  lab: Lab,
  { engine, cacheFolder }: { readonly engine: string; readonly cacheFolder: string },
): Wanted[] {
  const settings = readFileSync(join(lab.folder, 'lab.yaml'), 'utf8');
  const tests = textsBelow(join(lab.folder, 'test'));
  return lab.steps.flatMap((step) =>
    KINDS.map((kind) => {
      const tree = deriveTree(lab, kind === 'red' ? step.number - 1 : step.number);
      const tested = [step, ...(kind === 'red' ? [] : lab.steps.slice(0, step.number - 1))];
      const own = tests.filter(([name]) => isUsed(name, tested));
      const { invariants } = readLesson(lab, step);
      const hash = hashOf([engine, kind, step.id, settings, invariants, [...tree], own]);
      const file = join(cacheFolder, `${keptName({ lab, step, kind })}${hash}.txt`);
      return { lab, step, kind, tree, tested, file };
    }),
  );
}

/** The tests of these steps, and whatever beside them is no test: helpers. */
function isUsed(name: string, tested: readonly Step[]): boolean {
  if (!name.endsWith('.test.ts')) return true;
  return tested.some(({ tests }) => tests.includes(`test${name}`));
}

function hashOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 20);
}

/** Names and contents of all files below a folder: `/steps/1-revisions.test.ts`. */
function textsBelow(folder: string): (readonly [name: string, text: string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [file.slice(folder.length), readFileSync(file, 'utf8')]);
}

/** Runs the tests of all of them at once, each against sources of its own. They lie below the repository, whose packages they import. */
async function run(
  wanted: readonly Wanted[],
  { cacheFolder, signal, concurrency = 2 }: TranscriptOptions & { readonly concurrency?: number },
): Promise<Ran[]> {
  if (wanted.length === 0) return [];
  removeLeftOvers(cacheFolder);
  const folder = mkdtempSync(join(cacheFolder, `run-${process.pid}-`));
  try {
    const jobs = wanted.flatMap((one, index) => jobsOf(one, join(folder, String(index))));
    const results = await runTests(
      jobs.map(({ job }) => job),
      { concurrency, ...(signal && { signal }) },
    );
    return wanted.map((one) => ranOf(one, jobs, results));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sources of a build that was killed: those of a process that is not there any more. */
function removeLeftOvers(cacheFolder: string): void {
  for (const name of readdirSync(cacheFolder)) {
    const pid = Number(/^run-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isRunning(pid))
      rmSync(join(cacheFolder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

interface WantedJob {
  readonly one: Wanted;
  readonly job: Job;
}

function jobsOf(one: Wanted, folder: string): WantedJob[] {
  writeTree(one.tree, folder);
  return one.tested.map(({ id, tests }) => ({
    one,
    job: { name: `${nameOf(one)}/${id}`, lab: one.lab, srcFolder: join(folder, 'src'), tests },
  }));
}

function ranOf(
  one: Wanted,
  jobs: readonly WantedJob[],
  results: ReadonlyMap<string, JobResult>,
): Ran {
  const own = jobs.filter((entry) => entry.one === one).map(({ job }) => job);
  const ran = own.map(({ name }) => results.get(name) ?? { tests: [] });
  const result = checkResultOf(one.lab, one.step, ran);
  const srcFolder = own[0]?.srcFolder ?? '';
  const shown = { lab: one.lab, srcFolder, color: false, times: false, width: WIDTH };
  return { one, text: renderCheck(result, shown), fault: faultOf(one, result) };
}

function faultOf({ kind, step }: Wanted, { exitCode, tests }: CheckResult): string | undefined {
  const unloaded = tests.some(({ idea }) => idea === LOADING_IDEA);
  if (exitCode > 1 || tests.length === 0 || unloaded) return 'the tests could not be run:';
  const before = step.number === 1 ? 'the skeleton' : `steps 1 to ${step.number - 1}`;
  if (kind === 'red' && exitCode === 0)
    return `passes with ${before} alone, so it asks for nothing:`;
  if (kind === 'green' && exitCode !== 0) return 'does not pass with the reference:';
  return undefined;
}

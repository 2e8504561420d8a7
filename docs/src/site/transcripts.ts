// Transcripts: runs the tests of every step, as a learner would before and after writing it, and keeps what they print.
//
//   red     the code of somebody who has solved the steps before: this is what a lesson begins with
//   green   the code of somebody who has solved this one too; the earlier steps are tested as well, as `lab check` does
// Running takes a while, so each transcript is kept in a file that is named by a hash of all that it depends on: the derived sources,
// the lab's tests, the lesson, the engine. A red that is green, or a green that is not, is a fault of the course and fails the build.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkResultOf } from '../check/check.ts';
import { renderCheck } from '../check/render.ts';
import { type Job, type JobResult, runTests } from '../check/run-tests.ts';
import { deriveTree, type Tree, writeTree } from '../course/derive.ts';
import type { CheckResult, Lab, Step } from '../course/model.ts';
import type { TranscriptKind, Transcripts } from './build-context.ts';
import { type Problem, SiteError } from './problems.ts';

export interface TranscriptOptions {
  /** Where transcripts are kept between builds. */
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

const WIDTH = 80;
const KINDS = ['red', 'green'] as const;

export async function makeTranscripts(
  labs: readonly Lab[],
  options: TranscriptOptions,
): Promise<Transcripts> {
  mkdirSync(options.cacheFolder, { recursive: true });
  const engine = hashOf([
    textsBelow(join(import.meta.dirname, '../check')),
    textsBelow(join(import.meta.dirname, '../lesson')),
  ]);
  const wanted = labs.flatMap((lab) => wantedOf(lab, engine, options.cacheFolder));
  const texts = new Map(wanted.map((one) => [one, readKept(one.file)]));
  const missing = wanted.filter((one) => texts.get(one) === undefined);
  if (missing.length > 0) {
    options.onRun?.(missing.length);
    for (const [one, text] of await run(missing, options.signal)) {
      writeFileSync(one.file, text);
      texts.set(one, text);
    }
  }
  const byName = new Map([...texts].map(([one, text]) => [nameOf(one), text ?? '']));
  return { of: (lab, step, kind) => byName.get(nameOf({ lab, step, kind })) ?? '' };
}

const nameOf = ({ lab, step, kind }: Pick<Wanted, 'lab' | 'step' | 'kind'>): string =>
  `${lab.id}/${step.id}/${kind}`;

function wantedOf(lab: Lab, engine: string, cacheFolder: string): Wanted[] {
  const tests = textsBelow(join(lab.folder, 'test'));
  const settings = readFileSync(join(lab.folder, 'lab.yaml'), 'utf8');
  return lab.steps.flatMap((step) =>
    KINDS.map((kind) => {
      const tree = deriveTree(lab, kind === 'red' ? step.number - 1 : step.number);
      const earlier = kind === 'red' ? [] : lab.steps.slice(0, step.number - 1);
      const lesson = readFileSync(join(lab.folder, 'steps', step.id, 'lesson.md'), 'utf8');
      const hash = hashOf([engine, kind, step.id, settings, lesson, [...tree].flat(), tests]);
      const file = join(cacheFolder, `${lab.id}-${step.id}-${kind}-${hash}.txt`);
      return { lab, step, kind, tree, tested: [step, ...earlier], file };
    }),
  );
}

type Texts = readonly (string | readonly string[])[];

function hashOf(texts: Texts): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 20);
}

/** Names and contents of all files below a folder. */
function textsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => [file.slice(folder.length), readFileSync(file, 'utf8')]);
}

function readKept(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // Not made yet.
  }
}

/** Runs the tests of all of them at once, each against sources of its own in a folder that goes afterwards. */
async function run(wanted: readonly Wanted[], signal?: AbortSignal): Promise<Map<Wanted, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'kube-labs-site-'));
  try {
    const jobs = wanted.flatMap((one, index) => jobsOf(one, join(folder, String(index))));
    const results = await runTests(
      jobs.map(({ job }) => job),
      signal === undefined ? {} : { signal },
    );
    return textsOf(wanted, jobs, results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
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

function textsOf(
  wanted: readonly Wanted[],
  jobs: readonly WantedJob[],
  results: ReadonlyMap<string, JobResult>,
): Map<Wanted, string> {
  const problems: Problem[] = [];
  const texts = wanted.map((one): [Wanted, string] => {
    const own = jobs.filter((entry) => entry.one === one);
    const ran = own.map(({ job }) => results.get(job.name) ?? { tests: [] });
    const result = checkResultOf(one.lab, one.step, ran);
    const srcFolder = own[0]?.job.srcFolder ?? '';
    const text = renderCheck(result, {
      lab: one.lab,
      srcFolder,
      color: false,
      times: false,
      width: WIDTH,
    });
    const what = faultOf(one, result);
    if (what !== undefined) problems.push({ where: nameOf(one), what: `${what}\n${text}` });
    return [one, text];
  });
  if (problems.length > 0) throw new SiteError(problems);
  return new Map(texts);
}

function faultOf({ kind, step }: Wanted, { exitCode, tests }: CheckResult): string | undefined {
  if (exitCode > 1 || tests.length === 0) return 'the tests could not be run:';
  const before = step.number === 1 ? 'the skeleton' : `steps 1 to ${step.number - 1}`;
  if (kind === 'red' && exitCode === 0)
    return `passes with ${before} alone, so it asks for nothing:`;
  if (kind === 'green' && exitCode !== 0) return 'does not pass with the reference:';
  return undefined;
}

// Run tests: jobs in, results out. A job is some test files of a lab against one folder of sources: the learner's, a prefix of
// the reference, an overlay. `lab check` runs one or two, `course verify` a hundred at once.
//
// Rules of use
//   - Names of jobs are unique. onResult() is called as soon as a job's last file has come to its end.
//   - A problem with `fault` 2 (the machine) or 3 (the course) stands beside whatever results there are.
//   - An abort ends the tests that run, and throws the signal's reason.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Lab, Step, SymbolRef, TestResult } from '../course/model.ts';
import { symbolsWritten } from '../course/symbols-written.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { TestFile } from './project.ts';
import { type RanFile, type RunnerOptions, TestRunner } from './runner.ts';

export interface Job {
  readonly name: string;
  readonly lab: Lab;
  /** Absolute: the folder that `#src` means. Its name is src, as in the lab. */
  readonly srcFolder: string;
  /** Relative to the lab: `test/steps/1-revisions.test.ts`. */
  readonly tests: readonly string[];
}

export interface JobResult {
  readonly tests: readonly TestResult[];
  /** What is wrong with the machine or the course, and what to do. */
  readonly problem?: string;
  readonly fault?: 2 | 3;
}

export interface RunOptions extends RunnerOptions {
  readonly signal?: AbortSignal;
  readonly onResult?: (name: string) => void;
}

export async function runTests(
  jobs: readonly Job[],
  { signal = new AbortController().signal, onResult, ...options }: RunOptions = {},
): Promise<Map<string, JobResult>> {
  const session = new TestSession(jobs, options);
  try {
    return await session.run(signal, onResult === undefined ? {} : { onResult });
  } finally {
    await session.close();
  }
}

/** The same for many runs of the same jobs: `lab check --watch`. */
export class TestSession {
  readonly #jobs: readonly Job[];
  readonly #files: ReadonlyMap<TestFile, Job>;
  readonly #runner: TestRunner;

  constructor(jobs: readonly Job[], options: RunnerOptions = {}) {
    const files = jobs.flatMap((job) =>
      job.tests
        .filter((file) => existsSync(join(job.lab.folder, file))) // #resultOf() says so.
        .map((file) => ({
          job,
          test: { labFolder: job.lab.folder, srcFolder: job.srcFolder, file },
        })),
    );
    this.#jobs = jobs;
    this.#runner = new TestRunner(
      files.map(({ test }) => test),
      options,
    );
    // The runner works on real paths; its files come in the same order.
    this.#files = new Map(
      this.#runner.tests.map((test, index) => [test, files[index]?.job as Job]),
    );
  }

  async run(
    signal: AbortSignal,
    { onResult = () => {} }: { readonly onResult?: (name: string) => void } = {},
  ): Promise<Map<string, JobResult>> {
    const open = new Map(this.#jobs.map((job) => [job, job.tests.length]));
    const onEnd = (test: TestFile) => {
      const job = this.#files.get(test) as Job;
      const left = (open.get(job) ?? 1) - 1;
      open.set(job, left);
      if (left === 0) onResult(job.name);
    };
    const ran = await this.#runner.run(signal, onEnd);
    return new Map(this.#jobs.map((job) => [job.name, this.#resultOf(job, ran)]));
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  #resultOf(job: Job, ran: ReadonlyMap<TestFile, RanFile>): JobResult {
    const outcomes = job.tests.map((file): Outcome => {
      const found = [...ran].find(([test]) => test.file === file && this.#files.get(test) === job);
      if (found !== undefined) return outcomeOfFile(job, ...found);
      return {
        tests: [],
        fault: 3,
        problem: `there is no test file ${join(job.lab.folder, file)}`,
      };
    });
    const [worst] = outcomes
      .filter(({ fault }) => fault !== undefined)
      .sort((a, b) => (b.fault ?? 0) - (a.fault ?? 0));
    return {
      tests: outcomes.flatMap(({ tests }) => tests),
      ...(worst?.problem === undefined ? {} : { problem: worst.problem }),
      ...(worst?.fault === undefined ? {} : { fault: worst.fault }),
    };
  }
}

function outcomeOfFile({ lab }: Job, test: TestFile, ran: RanFile): Outcome {
  const step = lab.steps.find(({ tests }) => tests.includes(test.file));
  // Parsing takes a while, and a passed step needs none.
  const allPassed =
    ran.loadErrors.length === 0 && ran.tests.every(({ state }) => state === 'passed');
  const stubs = step === undefined || allPassed ? [] : stubsOf(lab, test, step.number);
  return outcomeOf({
    step: step?.id ?? basename(test.file, '.test.ts'),
    srcFolder: test.srcFolder,
    loadErrors: ran.loadErrors,
    tests: ran.tests,
    loading: ran.trace.loading,
    traced: ran.trace.tests,
    lostProcess: ran.lostProcess,
    owned: lab.steps.flatMap(({ owns }) => owns.map(({ symbol }) => symbol)),
    stubs,
    silentStubs: stubs.filter((symbol) => isSilent(step, symbol)),
  });
}

const isSilent = (step: Step | undefined, symbol: SymbolRef): boolean =>
  step?.owns.some((owned) => owned.symbol === symbol && owned.stub !== undefined) === true;

function stubsOf(lab: Lab, { srcFolder }: TestFile, step: number): readonly SymbolRef[] {
  return symbolsWritten(lab, dirname(srcFolder), step)
    .filter(({ state }) => state === 'stub')
    .map(({ symbol }) => symbol);
}

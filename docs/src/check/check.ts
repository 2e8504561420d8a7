// Check: a learner's step, in the order in which it helps: the current step first; when it passes, the earlier ones.
//
//   0 all passed   1 the learner's code   2 the machine   3 the course
// Rules of use
//   - A Checker stays open for `--watch`: a rerun then takes a fraction of the first run. close() it.
//   - The current step has a session of its own: it is ready sooner, and stays so when a save cuts off the others.
//   - The course is only to blame when its own reference fails in the same way; that is tried before it is said.
import { join } from 'node:path';
import { CourseError } from '../course/course-error.ts';
import type { CheckResult, ExitCode, Lab, Step } from '../course/model.ts';
import { type Job, type JobResult, runTests, TestSession } from './run-tests.ts';

export interface CheckOptions {
  /** Absolute: work/<lab>/src. */
  readonly srcFolder: string;
  /** All steps, also the later ones, without stopping. */
  readonly all?: boolean;
  readonly concurrency?: number;
}

export class Checker {
  readonly #lab: Lab;
  readonly #step: Step;
  readonly #options: CheckOptions;
  readonly #current: TestSession;
  readonly #others: TestSession;

  constructor(lab: Lab, step: Step, options: CheckOptions) {
    const { srcFolder, concurrency } = options;
    const [current, ...others] = stepsOf(lab, step, options).map((each) =>
      jobOf(lab, each, srcFolder),
    );
    const runner = concurrency === undefined ? {} : { concurrency };
    this.#lab = lab;
    this.#step = step;
    this.#options = options;
    this.#current = new TestSession(current === undefined ? [] : [current], runner);
    this.#others = new TestSession(others, runner);
  }

  /** `onCurrent` hears of the current step as soon as it is green, before the earlier ones run. */
  async run(
    signal: AbortSignal,
    onCurrent: (result: CheckResult) => void = () => {},
  ): Promise<CheckResult> {
    const [current, ...others] = stepsOf(this.#lab, this.#step, this.#options);
    if (current === undefined) throw new CourseError(`lab ${this.#lab.id} has no steps`);
    const first = await this.#runSteps([current], this.#current, signal);
    const goOn = this.#options.all === true || isGreen(first);
    if (others.length > 0 && isGreen(first)) onCurrent(checkResultOf(this.#lab, this.#step, first));
    const rest =
      goOn && others.length > 0 ? await this.#runSteps(others, this.#others, signal) : [];
    return checkResultOf(this.#lab, this.#step, [...first, ...rest]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#current.close(), this.#others.close()]);
  }

  async #runSteps(
    steps: readonly Step[],
    session: TestSession,
    signal: AbortSignal,
  ): Promise<JobResult[]> {
    const ran = await session.run(signal);
    return Promise.all(
      steps.map((step) =>
        confirmFault(this.#lab, step, { result: ran.get(step.id) ?? { tests: [] }, signal }),
      ),
    );
  }
}

export async function check(
  lab: Lab,
  step: Step,
  { signal, ...options }: CheckOptions & { readonly signal: AbortSignal },
): Promise<CheckResult> {
  const checker = new Checker(lab, step, options);
  try {
    return await checker.run(signal);
  } finally {
    await checker.close();
  }
}

/** From the results of runTests(), for one step or several; what `lab check` would say of them. */
export function checkResultOf(lab: Lab, step: Step, results: readonly JobResult[]): CheckResult {
  const tests = results.flatMap((result) => result.tests);
  const faulty =
    results.find(({ fault }) => fault === 3) ?? results.find(({ fault }) => fault === 2);
  const green = tests.every(({ state }) => state === 'passed');
  const exitCode: ExitCode = faulty?.fault ?? (green ? 0 : 1);
  return {
    lab: lab.id,
    step: step.id,
    exitCode,
    tests,
    ...(faulty?.problem === undefined ? {} : { problem: faulty.problem }),
  };
}

/** The steps to run, the current one first. */
function stepsOf(lab: Lab, step: Step, { all = false }: CheckOptions): readonly Step[] {
  const others = lab.steps.filter(({ number }) =>
    all ? number !== step.number : number < step.number,
  );
  return [step, ...others];
}

const jobOf = (lab: Lab, step: Step, srcFolder: string): Job => ({
  name: step.id,
  lab,
  srcFolder,
  tests: step.tests,
});

const isGreen = (results: readonly JobResult[]): boolean =>
  results.every(
    ({ tests, fault }) => fault === undefined && tests.every(({ state }) => state === 'passed'),
  );

/** The tests of a step that cannot be loaded with the learner's code may well be loaded with the reference. */
async function confirmFault(
  lab: Lab,
  step: Step,
  { result, signal }: { result: JobResult; signal: AbortSignal },
): Promise<JobResult> {
  if (result.fault !== 3 || result.tests.length === 0) return result;
  const reference = await runTests([jobOf(lab, step, join(lab.folder, 'src'))], { signal });
  const same = reference.get(step.id)?.fault === 3;
  return same ? result : { tests: result.tests };
}

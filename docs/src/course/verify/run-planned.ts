// Run planned: the tests of many proofs, each against its own tree, in one vitest.
//
// A test that must pass and ran out of time says more about the machine than about the tree, for other work may slow it down
// tenfold. It gets a second chance, alone; what fails for any other reason does not. So do the tests of an overlay: what they print
// is compared, and those before the one that finds the mistake must pass.
import { availableParallelism } from 'node:os';
import { type Job, type JobResult, runTests } from '../../check/run-tests.ts';
import type { Lab, Step } from '../model.ts';
import type { PlannedRun, Results } from './plan-runs.ts';
import type { VerifyOptions } from './proof.ts';
import type { Workbench } from './workbench.ts';

/** What waits (for a disk, for a time to be over) leaves its processor to one more. */
const WAITING = 1;

export interface RunSettings {
  readonly bench: Workbench;
  readonly options: VerifyOptions;
  readonly signal: AbortSignal;
}

interface PlannedJob {
  readonly run: PlannedRun;
  readonly step: Step;
  readonly job: Job;
}

type JobResults = Map<string, JobResult>;

export async function runPlanned(
  lab: Lab,
  runs: readonly PlannedRun[],
  settings: RunSettings,
): Promise<ReadonlyMap<PlannedRun, Results>> {
  const planned = runs.flatMap((run) =>
    run.steps.map((step): PlannedJob => {
      const srcFolder = settings.bench.place(run.folder, run.tree);
      const name = `${run.folder} ${step.id}`;
      return { run, step, job: { name, lab, srcFolder, tests: step.tests } };
    }),
  );
  const results = await runJobs(planned, settings);
  const late = planned.filter((each) => ranOutOfTime(each, results.get(each.job.name)));
  const alone = { ...settings, options: { concurrency: 1 } };
  for (const [name, result] of await runJobs(late, alone)) results.set(name, result);
  return new Map(runs.map((run) => [run, resultsOf(run, planned, results)]));
}

/** Loading must always come to an end, and the tests of a step that is written too, rightly or wrongly. */
function ranOutOfTime({ run, step }: PlannedJob, result: JobResult | undefined): boolean {
  const late = result?.tests.find(({ failure }) => failure?.timedOut === true);
  if (late === undefined) return false;
  return late.id === `${step.id}/0` || run.mustPass(step) || run.kind === 'wrong';
}

function runJobs(
  planned: readonly PlannedJob[],
  { bench, options, signal }: RunSettings,
): Promise<JobResults> {
  let done = 0;
  return runTests(
    planned.map(({ job }) => job),
    {
      signal,
      concurrency: options.concurrency ?? availableParallelism() + WAITING,
      translations: bench.translations,
      onResult: () => options.onProgress?.(++done, planned.length),
    },
  );
}

function resultsOf(run: PlannedRun, planned: readonly PlannedJob[], results: JobResults): Results {
  const own = planned.filter((each) => each.run === run);
  return new Map(
    own.flatMap(({ step, job }) => {
      const result = results.get(job.name);
      return result === undefined ? [] : [[step.id, result]];
    }),
  );
}

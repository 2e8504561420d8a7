// batch: the columns of jobs and cron jobs.
//
// Same columns upstream: pkg/printers/internalversion/printers.go (printJob, printCronJob).

import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import { AGE_COLUMN, ageOf, humanDuration, NAME_COLUMN, type Printer } from './table.ts';
import { count, selectorText, WIDE, wideCells } from './workloads.ts';

/** The first of these conditions that is true gives the word; a deletion comes after the ends. */
const ENDS = { Complete: 'Complete', Failed: 'Failed' } as const;

export const jobPrinter: Printer<Job> = {
  columns: [
    NAME_COLUMN,
    { name: 'Status' },
    { name: 'Completions' },
    { name: 'Duration' },
    AGE_COLUMN,
    ...WIDE,
  ],
  row: (job, nowMs) => [
    job.metadata?.name ?? '',
    jobStatusText(job),
    completionsText(job),
    durationText(job, nowMs),
    ageOf(job.metadata?.creationTimestamp, nowMs),
    ...wideCells(job.spec?.template.spec, selectorText(job.spec?.selector)),
  ],
};

/** The word in the STATUS column. */
export function jobStatusText({ metadata, status }: Job): string {
  const is = (type: string): boolean =>
    (status?.conditions ?? []).some(
      (condition) => condition.type === type && condition.status === 'True',
    );
  if (is(ENDS.Complete)) return ENDS.Complete;
  if (is(ENDS.Failed)) return ENDS.Failed;
  if (metadata?.deletionTimestamp !== undefined) return 'Terminating';
  if (is('Suspended')) return 'Suspended';
  return is('FailureTarget') ? 'FailureTarget' : 'Running';
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}

export const cronJobPrinter: Printer<CronJob> = {
  columns: [
    NAME_COLUMN,
    { name: 'Schedule' },
    { name: 'Timezone' },
    { name: 'Suspend', type: 'boolean' },
    count('Active'),
    { name: 'Last Schedule' },
    AGE_COLUMN,
    ...WIDE,
  ],
  row: ({ metadata, spec, status }, nowMs) => {
    const last = status?.lastScheduleTime;
    const job = spec?.jobTemplate.spec;
    return [
      metadata?.name ?? '',
      spec?.schedule ?? '',
      spec?.timeZone ?? '<none>',
      spec?.suspend === true ? 'True' : spec?.suspend === false ? 'False' : '<unset>',
      (status?.active ?? []).length,
      last === undefined ? '<none>' : ageOf(last, nowMs),
      ageOf(metadata?.creationTimestamp, nowMs),
      ...wideCells(job?.template.spec, selectorText(job?.selector)),
    ];
  },
};

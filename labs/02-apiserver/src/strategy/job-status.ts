// job-status: the rules that a job's status keeps, so that nobody reads a job that is over and still running.
//
// A rule about a field looks only when that field changed: an object that was stored by an older server can still be written.
//
// Same rules upstream: pkg/registry/batch/job/strategy.go (getStatusValidationOptions), pkg/apis/batch/validation
// (validateJobStatus, ValidateJobStatusUpdate).

import type { Job, JobStatus } from 'kubernetes-types/batch/v1';
import { sameValue } from './equality.ts';
import { type FieldError, invalidValue, invalidWithoutValue, required } from './field-error.ts';
import { indexCount, overlapOf } from './job-indexes.ts';
import { nonNegative } from './probes.ts';

const AT = 'status';

export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const { status = {} } = job;
  const before = old.status ?? {};
  return [
    ...(['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((name) =>
      nonNegative(status[name] ?? 0, `${AT}.${name}`),
    ),
    ...conditionErrors(status, before),
    ...timeErrors(status, before, job.spec?.suspend === true),
    ...finishedErrors(status, before),
    ...indexErrors(job, before),
    ...counterErrors(status, before),
  ];
}

function isTrue({ conditions = [] }: JobStatus, type: string): boolean {
  return conditions.some((condition) => condition.type === type && condition.status === 'True');
}

function isFinished(status: JobStatus): boolean {
  return isTrue(status, 'Complete') || isTrue(status, 'Failed');
}

function conditionErrors(status: JobStatus, before: JobStatus): FieldError[] {
  const complete = isTrue(status, 'Complete');
  const failed = isTrue(status, 'Failed');
  const failureTarget = isTrue(status, 'FailureTarget');
  const success = isTrue(status, 'SuccessCriteriaMet');
  const newlyComplete = complete && !isTrue(before, 'Complete');
  const rules: readonly (readonly [broken: boolean, detail: string])[] = [
    [complete && failed, 'cannot set Complete=True and Failed=true conditions'],
    [complete && failureTarget, 'cannot set Complete=True and FailureTarget=true conditions'],
    [
      failed && !isTrue(before, 'Failed') && !failureTarget,
      'cannot set Failed=True condition without the FailureTarget=true condition',
    ],
    [
      newlyComplete && !success,
      'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
    ],
    [success && failed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
    [
      success && failureTarget,
      'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
    ],
    ...(['Failed', 'Complete', 'FailureTarget'] as const).map(
      (type) =>
        [
          isTrue(before, type) && !isTrue(status, type),
          `cannot disable the terminal ${type}=True condition`,
        ] as const,
    ),
    [
      isTrue(before, 'SuccessCriteriaMet') && !success,
      'cannot disable the SuccessCriteriaMet=True condition',
    ],
  ];
  return rules.flatMap(([broken, detail]) =>
    broken ? [invalidWithoutValue(`${AT}.conditions`, detail)] : [],
  );
}

function timeErrors(status: JobStatus, before: JobStatus, isSuspended: boolean): FieldError[] {
  const { startTime, completionTime } = status;
  const complete = isTrue(status, 'Complete');
  const changed =
    completionTime !== before.completionTime || complete !== isTrue(before, 'Complete');
  const field = `${AT}.completionTime`;
  const errors: FieldError[] = [];
  if (changed && completionTime !== undefined && !complete) {
    const detail = 'cannot set completionTime when there is no Complete=True condition';
    errors.push(invalidValue(field, completionTime, detail));
  }
  if (changed && completionTime === undefined && complete) {
    errors.push(required(field, 'completionTime is required for Complete jobs'));
  }
  if (startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
    errors.push(invalidValue(field, completionTime, 'must be equal to or after `startTime`'));
  }
  if (before.completionTime && completionTime && completionTime !== before.completionTime) {
    errors.push(invalidValue(field, completionTime, 'field is immutable'));
  }
  if (before.startTime && startTime !== before.startTime && !isSuspended) {
    errors.push(required(`${AT}.startTime`, 'startTime cannot be removed for unsuspended job'));
  }
  return errors;
}

function finishedErrors(status: JobStatus, before: JobStatus): FieldError[] {
  const { active = 0, ready = 0, terminating = 0, uncountedTerminatedPods: uncounted } = status;
  const errors: FieldError[] = [];
  if (ready > active && (ready !== before.ready || active !== (before.active ?? 0))) {
    errors.push(invalidValue(`${AT}.ready`, ready, 'cannot set more ready pods than active'));
  }
  if (!isFinished(status)) return errors;
  const isNew = !isFinished(before);
  if (active > 0 && (isNew || active !== before.active)) {
    errors.push(invalidValue(`${AT}.active`, active, 'active>0 is invalid for finished job'));
  }
  if (status.startTime === undefined && (isNew || before.startTime !== undefined)) {
    errors.push(required(`${AT}.startTime`, 'startTime is required for finished job'));
  }
  const left = [...(uncounted?.failed ?? []), ...(uncounted?.succeeded ?? [])];
  if (left.length > 0 && (isNew || !sameValue(uncounted, before.uncountedTerminatedPods))) {
    const detail = 'must be empty for finished job';
    errors.push(invalidValue(`${AT}.uncountedTerminatedPods`, uncounted, detail));
  }
  if (terminating > 0 && (isNew || terminating !== before.terminating)) {
    const detail = 'terminating>0 is invalid for finished job';
    errors.push(invalidValue(`${AT}.terminating`, terminating, detail));
  }
  return errors;
}

function indexErrors({ spec, status = {} }: Job, before: JobStatus): FieldError[] {
  const { completedIndexes = '', failedIndexes } = status;
  const { completions, completionMode, backoffLimitPerIndex } = spec ?? {};
  const errors: FieldError[] = [];
  const completed = `${AT}.completedIndexes`;
  const failed = `${AT}.failedIndexes`;
  if (completedIndexes !== (before.completedIndexes ?? '')) {
    const problem = completions === undefined ? 0 : indexCount(completedIndexes, completions);
    if (typeof problem === 'string') {
      const detail = `error parsing completedIndexes: ${problem}`;
      errors.push(invalidValue(completed, completedIndexes, detail));
    }
    if (completedIndexes !== '' && completionMode !== 'Indexed') {
      const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
      errors.push(invalidValue(completed, completedIndexes, detail));
    }
  }
  if (failedIndexes === undefined || failedIndexes === before.failedIndexes) return errors;
  if (backoffLimitPerIndex === undefined) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    return [...errors, invalidValue(failed, failedIndexes, detail)];
  }
  const problem = completions === undefined ? 0 : indexCount(failedIndexes, completions);
  if (typeof problem === 'string') {
    errors.push(invalidValue(failed, failedIndexes, `error parsing failedIndexes: ${problem}`));
  }
  const overlap = overlapOf(completedIndexes, failedIndexes, completions ?? 0);
  if (overlap !== undefined) {
    const detail = `failedIndexes and completedIndexes overlap at index: ${overlap}`;
    errors.push(invalidValue(failed, failedIndexes, detail));
  }
  return errors;
}

function counterErrors(status: JobStatus, before: JobStatus): FieldError[] {
  return (['failed', 'succeeded'] as const).flatMap((name) => {
    const value = status[name] ?? 0;
    if (value >= (before[name] ?? 0)) return [];
    return [invalidValue(`${AT}.${name}`, value, `cannot decrease the ${name} counter`)];
  });
}

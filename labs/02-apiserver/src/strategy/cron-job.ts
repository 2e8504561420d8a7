// cron-job: the strategy of cron jobs, which make a job whenever their schedule says so.
//
// Same rules upstream: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation (ValidateCronJobCreate, validateCronJobSpec).

import type { CronJob, CronJobSpec } from 'kubernetes-types/batch/v1';
import { isTimeZone, scheduleProblem } from './cron-schedule.ts';
import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { setJobSpecDefaults, validateJobSpec } from './job-spec.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

/** The controller adds eleven characters, and the name of a job is a label. */
const NAME_MAX_BYTES = 52;
const CONCURRENCY_POLICIES = ['Allow', 'Forbid', 'Replace'] as const;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

export const cronJobStrategy: Strategy = defineStrategy<CronJob>({
  metadata: { name: dns1123Subdomain },
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    if (spec.jobTemplate?.spec !== undefined) setJobSpecDefaults(spec.jobTemplate.spec);
  },
  validate: ({ metadata, spec }) => [
    ...validateSpec(spec, undefined),
    ...nameErrors(metadata?.name ?? ''),
  ],
  // Names that were stored before the limit came must not lock their objects.
  validateOnUpdate: ({ spec }, old) => validateSpec(spec, old.spec),
});

function nameErrors(name: string): FieldError[] {
  if (Buffer.byteLength(name) <= NAME_MAX_BYTES) return [];
  return [invalidValue('metadata.name', name, `must be no more than ${NAME_MAX_BYTES} bytes`)];
}

function validateSpec(spec: CronJobSpec | undefined, old: CronJobSpec | undefined): FieldError[] {
  const names = ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const;
  return [
    ...validateSchedule(spec, old),
    ...nonNegative(spec?.startingDeadlineSeconds ?? 0, 'spec.startingDeadlineSeconds'),
    ...(spec?.timeZone === old?.timeZone ? [] : validateTimeZone(spec?.timeZone, 'spec.timeZone')),
    ...validateConcurrency(spec?.concurrencyPolicy ?? '', 'spec.concurrencyPolicy'),
    ...validateJobTemplate(spec?.jobTemplate, 'spec.jobTemplate.spec'),
    ...names.flatMap((name) => nonNegative(spec?.[name] ?? 0, `spec.${name}`)),
  ];
}

function validateSchedule(
  spec: CronJobSpec | undefined,
  old: CronJobSpec | undefined,
): FieldError[] {
  const field = 'spec.schedule';
  const schedule = spec?.schedule ?? '';
  if (schedule === '') return [required(field)];
  const problem = scheduleProblem(schedule);
  const errors = problem === undefined ? [] : [invalidValue(field, schedule, problem)];
  if (!schedule.includes('TZ')) return errors;
  const mayStay = old?.schedule.includes('TZ') === true;
  if (!mayStay) {
    const detail = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    errors.push(invalidValue(field, schedule, detail));
  } else if (spec?.timeZone !== undefined) {
    const detail = 'cannot use both timeZone field and TZ or CRON_TZ in schedule';
    errors.push(invalidValue(field, schedule, detail));
  }
  return errors;
}

function validateTimeZone(zone: string | undefined, field: string): FieldError[] {
  if (zone === undefined) return [];
  if (zone === '') return [invalidValue(field, zone, 'timeZone must be nil or non-empty string')];
  const isPart = (part: string): boolean =>
    part !== '.' && part !== '..' && !part.startsWith('-') && ZONE_PART.test(part);
  const unknown = invalidValue(field, zone, `unknown time zone ${zone}`);
  if (!zone.split('/').every(isPart)) return [unknown];
  if (zone.toLowerCase() === 'local') {
    const detail =
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return [invalidValue(field, zone, detail), ...(zone === 'Local' ? [] : [unknown])];
  }
  return isTimeZone(zone) ? [] : [unknown];
}

function validateConcurrency(policy: string, field: string): FieldError[] {
  if (policy === '') return [required(field)];
  return (CONCURRENCY_POLICIES as readonly string[]).includes(policy)
    ? []
    : [notSupported(field, policy, CONCURRENCY_POLICIES)];
}

/** The job's selector is made when the job is, so a template may not bring one. */
function validateJobTemplate(
  template: CronJobSpec['jobTemplate'] | undefined,
  field: string,
): FieldError[] {
  const spec = template?.spec ?? { template: {} };
  const errors = validateJobSpec(spec, field);
  if (spec.selector !== undefined) {
    const detail = '`selector` will be auto-generated';
    errors.push(invalidValue(`${field}.selector`, spec.selector, detail));
  }
  if (spec.manualSelector === true) {
    errors.push(notSupported(`${field}.manualSelector`, true, ['nil', 'false']));
  }
  return errors;
}

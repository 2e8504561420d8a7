// job-spec: the rules for what a job asks for, whether the job is its own or a cron job's template.
//
// Same rules upstream: pkg/apis/batch/validation (validateJobSpec).

import type { JobSpec } from 'kubernetes-types/batch/v1';
import { validateDomainPrefixedPath } from './domain-rules.ts';
import { type FieldError, invalidValue, notSupported, required, tooLong } from './field-error.ts';
import { validatePodFailurePolicy, validateSuccessPolicy } from './job-policies.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import { nonNegative } from './probes.ts';

const PARALLELISM_MAX_INDEXED = 100_000;
const FAILED_INDEXES_MAX = 100_000;
const COMPLETIONS_SOFT_MAX = 100_000;
const HIGH_COMPLETIONS_MAX = 10_000;
const MANAGED_BY_MAX_BYTES = 63;
const MODES = ['NonIndexed', 'Indexed'] as const;
const REPLACEMENT_POLICIES = ['Failed', 'TerminatingOrFailed'] as const;

/** Without either number a job runs one pod once; with parallelism alone it is a work queue. */
export function setJobSpecDefaults(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??=
    spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  setPodTemplateDefaults(spec.template);
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ??= 'True';
  }
}

export function validateJobSpec(spec: JobSpec, field: string): FieldError[] {
  return [
    ...validateNumbers(spec, field),
    ...validateManagedBy(spec.managedBy, `${field}.managedBy`),
    ...validateMode(spec, field),
    ...validatePodFailurePolicy(spec, `${field}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${field}.successPolicy`),
    ...validateReplacementPolicy(spec, `${field}.podReplacementPolicy`),
    ...validatePodTemplate(spec.template, `${field}.template`),
    ...validateRestartPolicy(spec, `${field}.template.spec.restartPolicy`),
  ];
}

function validateNumbers(spec: JobSpec, field: string): FieldError[] {
  const names = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const;
  const errors = names.flatMap((name) => nonNegative(spec[name] ?? 0, `${field}.${name}`));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    const detail = 'when maxFailedIndexes is specified';
    errors.push(required(`${field}.backoffLimitPerIndex`, detail));
  }
  return errors;
}

function validateManagedBy(managedBy: string | undefined, field: string): FieldError[] {
  if (managedBy === undefined) return [];
  return [
    ...validateDomainPrefixedPath(managedBy, field),
    ...(managedBy.length > MANAGED_BY_MAX_BYTES ? [tooLong(field, MANAGED_BY_MAX_BYTES)] : []),
  ];
}

function validateMode(spec: JobSpec, field: string): FieldError[] {
  const { completionMode, backoffLimitPerIndex, maxFailedIndexes } = spec;
  if (completionMode !== undefined && !(MODES as readonly string[]).includes(completionMode)) {
    return [notSupported(`${field}.completionMode`, completionMode, MODES)];
  }
  if (completionMode === 'Indexed') return validateIndexed(spec, field);
  const detail = 'requires indexed completion mode';
  const only = { backoffLimitPerIndex, maxFailedIndexes };
  return Object.entries(only).flatMap(([name, value]) =>
    value === undefined ? [] : [invalidValue(`${field}.${name}`, value, detail)],
  );
}

function validateIndexed(spec: JobSpec, field: string): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes: failedMax } = spec;
  const errors: FieldError[] = [];
  if (completions === undefined) {
    errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
  }
  if (parallelism > PARALLELISM_MAX_INDEXED) {
    const detail = `must be less than or equal to ${PARALLELISM_MAX_INDEXED} when completion mode is Indexed`;
    errors.push(invalidValue(`${field}.parallelism`, parallelism, detail));
  }
  const failed = `${field}.maxFailedIndexes`;
  if (failedMax !== undefined && completions !== undefined && failedMax > completions) {
    errors.push(invalidValue(failed, failedMax, 'must be less than or equal to completions'));
  }
  if (failedMax !== undefined && failedMax > FAILED_INDEXES_MAX) {
    const detail = `must be less than or equal to ${FAILED_INDEXES_MAX}`;
    errors.push(invalidValue(failed, failedMax, detail));
  }
  return [...errors, ...validateManyCompletions(spec, field)];
}

/** Each index costs room in the status; beyond the soft limit the job must say how much it may cost. */
function validateManyCompletions(spec: JobSpec, field: string): FieldError[] {
  const { completions = 0, parallelism = 0, maxFailedIndexes: failedMax } = spec;
  if (completions <= COMPLETIONS_SOFT_MAX || spec.backoffLimitPerIndex === undefined) return [];
  const detail = `must be less than or equal to ${HIGH_COMPLETIONS_MAX} when completions are above ${COMPLETIONS_SOFT_MAX} and used with backoff limit per index`;
  const errors: FieldError[] = [];
  if (failedMax === undefined) {
    const why = `must be specified when completions is above ${COMPLETIONS_SOFT_MAX}`;
    errors.push(required(`${field}.maxFailedIndexes`, why));
  }
  if (parallelism > HIGH_COMPLETIONS_MAX) {
    errors.push(invalidValue(`${field}.parallelism`, parallelism, detail));
  }
  if (failedMax !== undefined && failedMax > HIGH_COMPLETIONS_MAX) {
    errors.push(invalidValue(`${field}.maxFailedIndexes`, failedMax, detail));
  }
  return errors;
}

function validateReplacementPolicy(spec: JobSpec, field: string): FieldError[] {
  const policy = spec.podReplacementPolicy;
  const valid = spec.podFailurePolicy === undefined ? REPLACEMENT_POLICIES : ['Failed'];
  if (policy === undefined || valid.includes(policy as never)) return [];
  return [notSupported(field, policy, valid)];
}

/** A pod that is always restarted never ends, so a job must say otherwise. */
function validateRestartPolicy(
  { template, podFailurePolicy }: JobSpec,
  field: string,
): FieldError[] {
  const policy = template?.spec?.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') {
    return [required(field, 'valid values: "OnFailure", "Never"')];
  }
  if (policy !== 'OnFailure' && policy !== 'Never') {
    return [notSupported(field, policy, ['OnFailure', 'Never'])];
  }
  if (podFailurePolicy === undefined || policy === 'Never') return [];
  const detail = 'only "Never" is supported when podFailurePolicy is specified';
  return [invalidValue(field, policy, detail)];
}

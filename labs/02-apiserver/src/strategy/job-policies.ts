// job-policies: when a failed pod counts, and when a job has succeeded before all its pods have.
//
// Same rules upstream: pkg/apis/batch/validation (validatePodFailurePolicy, validateSuccessPolicy).

import type { JobSpec, PodFailurePolicyRule } from 'kubernetes-types/batch/v1';
import { validateQualifiedName } from './domain-rules.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  invalidWithoutValue,
  notSupported,
  required,
  tooMany,
} from './field-error.ts';
import { indexCount } from './job-indexes.ts';
import { nonNegative } from './probes.ts';

const RULES_MAX = 20;
const EXIT_CODES_MAX = 255;
const CONDITION_PATTERNS_MAX = 20;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'] as const;
const OPERATORS = ['In', 'NotIn'] as const;
const CONDITION_STATUSES = ['False', 'True', 'Unknown'] as const;

type SuccessRule = NonNullable<JobSpec['successPolicy']>['rules'][number];
type OnExitCodes = NonNullable<PodFailurePolicyRule['onExitCodes']>;
type OnPodConditions = NonNullable<PodFailurePolicyRule['onPodConditions']>;

export function validatePodFailurePolicy(spec: JobSpec, field: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules;
  if (rules === undefined || rules === null) return [];
  return [
    ...(rules.length > RULES_MAX ? [tooMany(`${field}.rules`, rules.length, RULES_MAX)] : []),
    ...rules.flatMap((rule, index) => validateFailureRule(rule, spec, `${field}.rules[${index}]`)),
  ];
}

function validateFailureRule(
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  field: string,
): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const errors = chosen(action, ACTIONS, `${field}.action`);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    const detail = 'requires the backoffLimitPerIndex to be set';
    errors.push(invalidValue(`${field}.action`, action, detail));
  }
  if (onExitCodes !== undefined) {
    errors.push(...validateExitCodes(onExitCodes, spec, `${field}.onExitCodes`));
  }
  errors.push(...validatePatterns(onPodConditions, `${field}.onPodConditions`));
  const both = onExitCodes !== undefined && onPodConditions.length > 0;
  const none = onExitCodes === undefined && onPodConditions.length === 0;
  if (both || none) {
    const detail = both
      ? 'specifying both OnExitCodes and OnPodConditions is not supported'
      : 'specifying one of OnExitCodes and OnPodConditions is required';
    errors.push(invalidWithoutValue(field, detail));
  }
  return errors;
}

function validateExitCodes(
  { containerName, operator, values = [] }: OnExitCodes,
  { template }: JobSpec,
  field: string,
): FieldError[] {
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  const errors = chosen(operator, OPERATORS, `${field}.operator`);
  const isKnown = [...containers, ...initContainers].some(({ name }) => name === containerName);
  if (containerName !== undefined && !isKnown) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalidValue(`${field}.containerName`, containerName, detail));
  }
  const at = `${field}.values`;
  if (values.length === 0) errors.push(invalidValue(at, values, 'at least one value is required'));
  if (values.length > EXIT_CODES_MAX) errors.push(tooMany(at, values.length, EXIT_CODES_MAX));
  values.forEach((value, index) => {
    if (operator === 'In' && value === 0) {
      const detail = 'must not be 0 for the In operator';
      errors.push(invalidValue(`${at}[${index}]`, value, detail));
    }
    if (values.indexOf(value) < index) errors.push(duplicate(`${at}[${index}]`, value));
  });
  const isOrdered = values.every(
    (value, index) => index === 0 || (values[index - 1] ?? 0) <= value,
  );
  if (!isOrdered) errors.push(invalidValue(at, values, 'must be ordered'));
  return errors;
}

function validatePatterns(patterns: OnPodConditions, field: string): FieldError[] {
  return [
    ...(patterns.length > CONDITION_PATTERNS_MAX
      ? [tooMany(field, patterns.length, CONDITION_PATTERNS_MAX)]
      : []),
    ...patterns.flatMap(({ type, status }, index) => [
      ...validateQualifiedName(type, `${field}[${index}].type`),
      ...chosen(status, CONDITION_STATUSES, `${field}[${index}].status`),
    ]),
  ];
}

/** Required, and one of few: the missing value is told what it may be. */
function chosen(value: string | undefined, valid: readonly string[], field: string): FieldError[] {
  if (value === undefined || value === '') {
    const list = valid.map((text) => JSON.stringify(text)).join(' ');
    return [required(field, `valid values: [${list}]`)];
  }
  return valid.includes(value) ? [] : [notSupported(field, value, valid)];
}

export function validateSuccessPolicy(spec: JobSpec, field: string): FieldError[] {
  if (spec.successPolicy === undefined) return [];
  if (spec.completionMode !== 'Indexed') {
    return [invalidValue(field, spec.successPolicy, 'requires indexed completion mode')];
  }
  const rules = spec.successPolicy.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0) {
    const detail = 'at least one rules must be specified when the successPolicy is specified';
    errors.push(required(`${field}.rules`, detail));
  }
  if (rules.length > RULES_MAX) errors.push(tooMany(`${field}.rules`, rules.length, RULES_MAX));
  rules.forEach((rule, index) => {
    errors.push(...validateSuccessRule(rule, spec.completions ?? 0, `${field}.rules[${index}]`));
  });
  return errors;
}

function validateSuccessRule(
  { succeededCount, succeededIndexes }: SuccessRule,
  completions: number,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined) {
    const detail = 'at least one of succeededCount or succeededIndexes must be specified';
    errors.push(required(field, detail));
  }
  const indexes =
    succeededIndexes === undefined ? undefined : indexCount(succeededIndexes, completions);
  if (typeof indexes === 'string') {
    const detail = `error parsing succeededIndexes: ${indexes}`;
    errors.push(invalidValue(`${field}.succeededIndexes`, succeededIndexes, detail));
  }
  if (succeededCount === undefined) return errors;
  const at = `${field}.succeededCount`;
  errors.push(...nonNegative(succeededCount, at));
  if (succeededCount > completions) {
    const detail = `must be less than or equal to ${completions} (the number of specified completions)`;
    errors.push(invalidValue(at, succeededCount, detail));
  }
  if (typeof indexes === 'number' && succeededCount > indexes) {
    const detail = `must be less than or equal to ${indexes} (the number of indexes in the specified succeededIndexes field)`;
    errors.push(invalidValue(at, succeededCount, detail));
  }
  return errors;
}

// conditions: the rules for meta/v1 conditions, which newer kinds carry in their status.
//
// Same rules upstream: apimachinery, pkg/apis/meta/v1/validation (ValidateConditions).

import type { Condition } from 'kubernetes-types/meta/v1';
import {
  duplicate,
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
  tooLong,
} from './field-error.ts';
import { qualifiedName, regexMessage } from './name-rules.ts';

const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_WORDS =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
const REASON_EXAMPLES = ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'];
const REASON_MAX_BYTES = 1024;
const MESSAGE_MAX_BYTES = 32 * 1024;
const STATUSES = ['False', 'True', 'Unknown'] as const;
const reasonPattern = new RegExp(`^${REASON}$`);

export function validateConditions(
  conditions: readonly Condition[] | undefined,
  field: string,
): FieldError[] {
  const types = new Set<string>();
  return (conditions ?? []).flatMap((condition, index) => {
    const at = `${field}[${index}]`;
    const errors = types.has(condition.type) ? [duplicate(`${at}.type`, condition.type)] : [];
    types.add(condition.type);
    return [...errors, ...validateCondition(condition, at)];
  });
}

function validateCondition(condition: Condition, field: string): FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason = '' } = condition;
  const errors = invalidValues(`${field}.type`, type, qualifiedName(type));
  if (!(STATUSES as readonly string[]).includes(status)) {
    errors.push(notSupported(`${field}.status`, status, STATUSES));
  }
  if (observedGeneration < 0) {
    const detail = 'must be greater than or equal to zero';
    errors.push(invalidValue(`${field}.observedGeneration`, observedGeneration, detail));
  }
  if (!lastTransitionTime) errors.push(required(`${field}.lastTransitionTime`));
  errors.push(...reasonErrors(reason, `${field}.reason`));
  if (Buffer.byteLength(condition.message ?? '') > MESSAGE_MAX_BYTES) {
    errors.push(tooLong(`${field}.message`, MESSAGE_MAX_BYTES));
  }
  return errors;
}

function reasonErrors(reason: string, field: string): FieldError[] {
  if (reason === '') return [required(field)];
  return [
    ...(reasonPattern.test(reason)
      ? []
      : [invalidValue(field, reason, regexMessage(REASON_WORDS, REASON, ...REASON_EXAMPLES))]),
    ...(Buffer.byteLength(reason) > REASON_MAX_BYTES ? [tooLong(field, REASON_MAX_BYTES)] : []),
  ];
}

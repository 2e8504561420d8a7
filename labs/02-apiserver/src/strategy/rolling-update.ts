// rolling-update: numbers of pods that may be given as a percentage, and their rules.
//
// Same rules upstream: pkg/apis/apps/validation (ValidatePositiveIntOrPercent, IsNotMoreThan100Percent).

import { type FieldError, invalidValue, invalidValues } from './field-error.ts';
import { percent } from './name-rules.ts';
import { nonNegative } from './probes.ts';

type Amount = number | string | undefined;

export function validateIntOrPercent(amount: Amount, field: string): FieldError[] {
  return typeof amount === 'string'
    ? invalidValues(field, amount, percent(amount))
    : nonNegative(amount ?? 0, field);
}

export function validateAtMostAll(amount: Amount, field: string): FieldError[] {
  return percentOf(amount) > 100
    ? [invalidValue(field, amount, 'must not be greater than 100%')]
    : [];
}

/** 0 and 0% mean none at all. */
export function isNone(amount: Amount): boolean {
  return typeof amount === 'string' ? percentOf(amount) === 0 : (amount ?? 0) === 0;
}

function percentOf(amount: Amount): number {
  return typeof amount === 'string' && amount.endsWith('%') ? Number.parseInt(amount, 10) : 0;
}

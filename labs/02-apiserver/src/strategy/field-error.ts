// field-error: what is wrong with one field of an object, and how upstream says it.
//
// Validation collects FieldErrors instead of throwing, so that a person sees everything that is wrong at once. Field paths are
// JSON's (`spec.containers[0].name`); values are quoted as Go quotes them, structs and maps shown as JSON.
//
// Same idea upstream: apimachinery, pkg/util/validation/field (Error, ErrorList).

import { type ApiError, invalid as invalidObject } from '../api-error.ts';
import type { GroupVersionKind } from '../schema/catalog.ts';

const BODY_OF_TYPE = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotFound: 'Not found',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
} as const;

export type FieldErrorType = keyof typeof BODY_OF_TYPE;

export interface FieldError {
  readonly type: FieldErrorType;
  /** '' when the object as a whole is meant. */
  readonly field: string;
  readonly value?: unknown;
  /** The value would tell nothing: it is left out of the sentence. Upstream: field.OmitValueType. */
  readonly omitsValue?: true;
  readonly detail: string;
}

export function required(field: string, detail = ''): FieldError {
  return { type: 'FieldValueRequired', field, detail };
}

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field, value, detail };
}

/** For rules about a whole list or struct, whose text would drown the sentence. */
export function invalidWithoutValue(field: string, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field, omitsValue: true, detail };
}

export function notSupported(field: string, value: unknown, valid: readonly string[]): FieldError {
  const detail = `supported values: ${valid.map((text) => JSON.stringify(text)).join(', ')}`;
  return { type: 'FieldValueNotSupported', field, value, detail };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { type: 'FieldValueDuplicate', field, value, detail: '' };
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { type: 'FieldValueForbidden', field, detail };
}

export function notFoundValue(field: string, value: unknown): FieldError {
  return { type: 'FieldValueNotFound', field, value, detail: '' };
}

export function tooLong(field: string, bytesMax: number): FieldError {
  return { type: 'FieldValueTooLong', field, detail: `may not be more than ${bytesMax} bytes` };
}

export function tooMany(field: string, count: number, countMax: number): FieldError {
  return {
    type: 'FieldValueTooMany',
    field,
    value: count,
    detail: `must have at most ${countMax} items`,
  };
}

/** One error for each message of a rule; none when the rule is kept. */
export function invalidValues(
  field: string,
  value: unknown,
  messages: readonly string[],
): FieldError[] {
  return messages.map((message) => invalidValue(field, value, message));
}

/** Without the field: `Invalid value: "Foo": must be …`. */
export function bodyOf({ type, value, omitsValue, detail }: FieldError): string {
  const withoutValue =
    omitsValue === true ||
    type === 'FieldValueRequired' ||
    type === 'FieldValueForbidden' ||
    type === 'FieldValueTooLong' ||
    type === 'InternalError';
  const body = BODY_OF_TYPE[type] + (withoutValue ? '' : `: ${show(value)}`);
  return detail === '' ? body : `${body}: ${detail}`;
}

/** Strings are quoted, and so is `null`, as it is upstream; maps come with their keys sorted. */
function show(value: unknown): string {
  return value === undefined || value === null ? '"null"' : JSON.stringify(value, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The 422 of an object; the same complaint is made once only. */
export function invalid(
  gvk: GroupVersionKind,
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const lines = new Set(errors.map((error) => `${error.field}: ${bodyOf(error)}`));
  const summary = lines.size === 1 ? [...lines].join() : `[${[...lines].join(', ')}]`;
  return invalidObject(
    gvk,
    name,
    summary,
    errors.map((error) => ({ reason: error.type, message: bodyOf(error), field: error.field })),
  );
}

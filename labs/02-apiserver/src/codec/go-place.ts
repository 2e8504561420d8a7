// go-place: where in an object a decoder is, and how Go says that something is wrong there.

import type { ValueType } from '../schema/go-types.ts';

/** The value does not fit the type. The message is Go's, complete. */
export class GoTypeError extends Error {}

/** Where the decoder is, as a chain, because only an error needs it as text. A number is an index of a list. */
export interface Place {
  readonly parent: Place | undefined;
  readonly step: string | number;
  /** The struct that the field is of; '' for keys of maps and indexes. */
  readonly struct: string;
}

export function mismatch(
  value: unknown,
  { goType }: ValueType,
  place: Place | undefined,
  named = jsonTypeName(value),
): GoTypeError {
  return new GoTypeError(
    `json: cannot unmarshal ${named} into ${targetOf(place)} of type ${goType}`,
  );
}

/** Go names the innermost struct, and the path of fields without indexes and keys. */
function targetOf(place: Place | undefined): string {
  const fields: string[] = [];
  let struct = '';
  for (let at = place; at !== undefined; at = at.parent) {
    if (at.struct === '') continue;
    struct ||= at.struct;
    fields.unshift(String(at.step));
  }
  return struct === '' ? 'Go value' : `Go struct field ${struct}.${fields.join('.')}`;
}

/** `spec.containers[0].name` */
export function pathOf({ parent, step }: Place): string {
  const before = parent === undefined ? '' : pathOf(parent);
  if (typeof step === 'number') return `${before}[${step}]`;
  return before === '' ? step : `${before}.${step}`;
}

function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

// go-scalars: values that are not made of others: strings, numbers, bytes, times, quantities.
//
// Each is checked as Go's decoder would and comes out as Go's encoder would write it.
//
// Same behaviour upstream: encoding/json, and the UnmarshalJSON methods of Time, Quantity and IntOrString.

import type { ValueType } from '../schema/go-types.ts';
import { copyJson } from './copy-json.ts';
import { GoTypeError, mismatch, type Place } from './go-place.ts';
import { canonicalQuantity } from './quantity.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

const INT32_MAX = 2 ** 31 - 1;

export function scalar(value: unknown, type: ValueType, place: Place | undefined): unknown {
  switch (type.kind) {
    case 'any':
      return copyJson(value);
    case 'string':
    case 'bool':
      if (typeof value !== (type.kind === 'bool' ? 'boolean' : 'string')) {
        throw mismatch(value, type, place);
      }
      return value;
    case 'int32':
    case 'int64':
      return integer(value, type, place);
    case 'double':
      if (typeof value !== 'number') throw mismatch(value, type, place);
      return value;
    case 'bytes':
      if (typeof value !== 'string') throw mismatch(value, type, place);
      return base64(value);
    case 'quantity':
      return quantity(value);
    case 'intOrString':
      if (typeof value === 'string') return value;
      return integer(value, { kind: 'int32', goType: 'int32' }, NOWHERE);
    default:
      return time(value, type.kind === 'microTime');
  }
}

/** Types with a decoder of their own start a new document for Go, so their errors know no field. */
const NOWHERE = undefined;

function integer(value: unknown, type: ValueType, place: Place | undefined): number {
  if (typeof value !== 'number') throw mismatch(value, type, place);
  const limit = type.kind === 'int32' ? INT32_MAX : Number.MAX_SAFE_INTEGER;
  if (!Number.isInteger(value) || value > limit || value < -limit - 1) {
    throw mismatch(value, type, place, `number ${value}`);
  }
  return value;
}

function quantity(value: unknown): string {
  return canonicalQuantity(
    typeof value === 'string' || typeof value === 'number' ? String(value) : '?',
  );
}

function time(value: unknown, micro: boolean): string {
  if (typeof value !== 'string') {
    throw mismatch(value, { kind: 'string', goType: 'string' }, NOWHERE);
  }
  return micro ? canonicalMicroTime(value) : canonicalTime(value);
}

/** Standard base64 with padding; line ends are skipped. Go names the byte where it gave up. */
function base64(text: string): string {
  const clean = text.replace(/[\r\n]/g, '');
  const wrong = clean.search(/[^A-Za-z0-9+/=]|=(?!=?$)/);
  if (wrong >= 0) throw new GoTypeError(`illegal base64 data at input byte ${wrong}`);
  if (clean.length % 4 !== 0) {
    throw new GoTypeError(`illegal base64 data at input byte ${clean.length - (clean.length % 4)}`);
  }
  return clean;
}

// go-decode: a parsed value becomes an object of a kind, as if it went through a Go struct and back.
//
// Decides what is refused (wrong types, in Go's words), what is reported (fields that do not exist), and what the stored
// object looks like: nulls and zero values that Go would leave out are gone, structs that Go always writes are there,
// quantities and times are canonical. The value that comes in is never changed; the result shares nothing mutable with it.
//
// Same behaviour upstream: sigs.k8s.io/json decoding into k8s.io/api types and encoding them again.

import {
  type StructField,
  type StructType,
  structType,
  type ValueType,
} from '../schema/go-types.ts';
import { canonicalQuantity } from './quantity.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

/** The value does not fit the type. The message is Go's, complete. */
export class GoTypeError extends Error {}

export interface GoObject {
  readonly object: Record<string, unknown>;
  /** Paths of fields that the type does not have; they are not in the object. */
  readonly unknownFields: readonly string[];
}

/** Where the decoder is, as a chain, because only an error needs it as text. A number is an index of a list. */
interface Place {
  readonly parent: Place | undefined;
  readonly step: string | number;
  /** The struct that the field is of; '' for keys of maps and indexes. */
  readonly struct: string;
}

const UNKNOWN_FIELDS_MAX = 100;
const INT32_MAX = 2 ** 31 - 1;

export function decodeGoObject(value: unknown, definition: string): GoObject {
  const unknownFields: string[] = [];
  const decoder = new Decoder(unknownFields);
  const type: ValueType = { kind: 'struct', definition, goType: goTypeName(definition) };
  const object = decoder.value(value ?? {}, type, undefined);
  return { object: object as Record<string, unknown>, unknownFields };
}

function goTypeName(definition: string): string {
  return definition.split('.').slice(-2).join('.');
}

class Decoder {
  readonly #unknown: string[];

  constructor(unknown: string[]) {
    this.#unknown = unknown;
  }

  value(value: unknown, type: ValueType, place: Place | undefined): unknown {
    switch (type.kind) {
      case 'struct':
        return this.#struct(expectObject(value, type, place), structType(type.definition), place);
      case 'array': {
        if (!Array.isArray(value)) throw mismatch(value, type, place);
        return value.map((item: unknown, index) => {
          const at = { parent: place, step: index, struct: '' };
          return item === null ? this.#zero(type.element, at) : this.value(item, type.element, at);
        });
      }
      case 'map':
        return this.#map(expectObject(value, type, place), type.element, place);
      default:
        return scalar(value, type, place);
    }
  }

  #struct(
    value: Record<string, unknown>,
    type: StructType,
    place: Place | undefined,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) {
      const field = type.fields.get(name);
      if (field === undefined) {
        if (this.#unknown.length < UNKNOWN_FIELDS_MAX)
          this.#unknown.push(pathOf({ parent: place, step: name, struct: '' }));
        continue;
      }
      if (inner === null) continue;
      const at = { parent: place, step: name, struct: type.goName };
      const decoded = this.value(inner, field.type, at);
      if (!isOmitted(decoded, field)) result[name] = decoded;
    }
    this.#fillZeroes(result, type);
    return result;
  }

  /** Go writes structs held by value even when they are empty, and required scalars even when they are zero. */
  #fillZeroes(result: Record<string, unknown>, type: StructType): void {
    for (const field of type.fields.values()) {
      if (field.pointer || Object.hasOwn(result, field.name)) continue;
      const { kind } = field.type;
      const scalarZero =
        kind === 'string' || kind === 'bool' || kind === 'int32' || kind === 'int64';
      if (kind === 'struct' || (field.required && scalarZero)) {
        result[field.name] = this.#zero(field.type, undefined);
      }
    }
  }

  #map(
    value: Record<string, unknown>,
    element: ValueType,
    place: Place | undefined,
  ): Record<string, unknown> {
    const entries = Object.entries(value).map(([key, inner]) => {
      const at = { parent: place, step: key, struct: '' };
      return [key, inner === null ? this.#zero(element, at) : this.value(inner, element, at)];
    });
    return Object.fromEntries(entries);
  }

  #zero(type: ValueType, place: Place | undefined): unknown {
    switch (type.kind) {
      case 'struct':
        return this.#struct({}, structType(type.definition), place);
      case 'array':
      case 'any':
      case 'time':
      case 'microTime':
        return null;
      case 'map':
        return {};
      case 'bool':
        return false;
      case 'int32':
      case 'int64':
      case 'double':
      case 'intOrString':
        return 0;
      case 'quantity':
        return '0';
      default:
        return '';
    }
  }
}

function isOmitted(value: unknown, { pointer, required }: StructField): boolean {
  if (pointer || required) return false;
  if (value === '' || value === 0 || value === false || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isEmptyMap(value);
}

/** A struct held by value is written empty, but fillZeroes() puts it back: dropping it here costs nothing. */
function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function scalar(value: unknown, type: ValueType, place: Place | undefined): unknown {
  switch (type.kind) {
    case 'any':
      return structuredClone(value);
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

function expectObject(
  value: unknown,
  type: ValueType,
  place: Place | undefined,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mismatch(value, type, place);
  }
  return value as Record<string, unknown>;
}

function mismatch(
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
function pathOf({ parent, step }: Place): string {
  const before = parent === undefined ? '' : pathOf(parent);
  if (typeof step === 'number') return `${before}[${step}]`;
  return before === '' ? step : `${before}.${step}`;
}

function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

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
import { mismatch, type Place, pathOf } from './go-place.ts';
import { scalar } from './go-scalars.ts';

export interface GoObject {
  readonly object: Record<string, unknown>;
  /** Paths of fields that the type does not have; they are not in the object. */
  readonly unknownFields: readonly string[];
}

const UNKNOWN_FIELDS_MAX = 100;

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

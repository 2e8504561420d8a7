// schema-types: which type a schema gives its values in expressions, and how a value of JSON becomes one of that type.
//
// Objects are types of their own, with the fields that their schema names and no others, so that the check finds every misspelled field;
// their fields are converted when they are asked for. A field that is null is absent. What no schema describes has no type: nobody
// can name it, but it counts when objects are compared.
//
//   object with properties        a type of its own          integer          int
//   object with values' schema    map<string, …>             number           double
//   array                         list<…>                    int-or-string    dyn
//   string                        string, or by format: bytes, timestamp, duration
//
// Same rules upstream: apiserver, pkg/cel/common/schemas.go, and apiextensions-apiserver, pkg/apiserver/schema/cel/values.go.
// Left out: values that may be null, in lists and maps, are dyn: upstream checks their types all the same.

import type { Environment } from '@marcbachmann/cel-js';
import {
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  valuesOf,
} from '../crd/json-schema.ts';
import { EQUALS, equal, type List, withIdentity } from './equality.ts';
import { escapeName } from './escaping.ts';
import { parseDurationField } from './time.ts';

export interface ValueType {
  /** As the library writes it. */
  readonly name: string;
  /** From JSON that fits the schema; throws for some that does not. */
  convert(value: unknown): unknown;
  /** Makes it known to the environment, with all in it that an expression may name. */
  declare?(): void;
}

const TEXT: JsonSchema = { type: 'string' };
/** At the root of a resource always there, whatever its schema says. */
const META: Readonly<Record<string, JsonSchema>> = {
  apiVersion: TEXT,
  kind: TEXT,
  metadata: { type: 'object', properties: { name: TEXT, generateName: TEXT } },
};

const DYN: ValueType = { name: 'dyn', convert: dynamic };
const STRING: ValueType = { name: 'string', convert: (value) => value };
const TIMESTAMP: ValueType = {
  name: 'google.protobuf.Timestamp',
  convert: (text) => new Date(String(text)),
};
/** Maps, as a schema may call its format `constructor`. */
const SCALARS: ReadonlyMap<string, ValueType> = new Map<string, ValueType>([
  ['boolean', { name: 'bool', convert: (value) => value }],
  ['integer', { name: 'int', convert: (value) => BigInt(Math.trunc(Number(value))) }],
  ['number', { name: 'double', convert: Number }],
]);
const FORMATS: ReadonlyMap<string, ValueType> = new Map<string, ValueType>([
  ['byte', { name: 'bytes', convert: (text) => Buffer.from(String(text), 'base64') }],
  [
    'duration',
    { name: 'google.protobuf.Duration', convert: (text) => parseDurationField(String(text)) },
  ],
  ['date', TIMESTAMP],
  ['date-time', TIMESTAMP],
]);

/** Any JSON without a schema: whole numbers are integers. */
export function dynamic(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(dynamic);
  if (!isJsonObject(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, dynamic(item)]));
}

/**
 * The types of one schema. A schema may describe thousands of objects (whole pods, several times), and each that the environment knows costs
 * time; so it gets to know only what can be named with the words that the rules of the schema are made of.
 */
export class SchemaTypes {
  readonly environment: Environment;
  readonly #words: ReadonlySet<string>;
  /** A part of a schema is seen from its own rules and from those around it: it is one type to both. */
  readonly #known = new Map<JsonSchema, ValueType | undefined>();
  #objects = 0;

  constructor(environment: Environment, words: ReadonlySet<string>) {
    this.environment = environment;
    this.#words = words;
  }

  /** Undefined: expressions cannot see it. */
  typeOf(
    schema: JsonSchema,
    isRoot = schema['x-kubernetes-embedded-resource'] === true,
  ): ValueType | undefined {
    if (!this.#known.has(schema)) this.#known.set(schema, this.#make(schema, isRoot));
    return this.#known.get(schema);
  }

  #make(schema: JsonSchema, isRoot: boolean): ValueType | undefined {
    if (schema['x-kubernetes-int-or-string'] === true) return DYN;
    if (schema.type === 'array') return this.#listOf(schema);
    if (schema.type === 'string') return FORMATS.get(schema.format ?? '') ?? STRING;
    if (schema.type !== 'object') return SCALARS.get(schema.type ?? '');
    const values = valuesOf(schema);
    if (values === undefined) return this.#objectOf(schema, isRoot);
    const type = this.#nullable(values);
    return type && mapOf(type);
  }

  /** Of what is in a list or a map, where null is a value and not the absence of one. */
  #nullable(schema: JsonSchema): ValueType | undefined {
    const type = this.typeOf(schema);
    if (type === undefined || schema.nullable !== true) return type;
    const convert = (value: unknown) => (value === null ? null : type.convert(value));
    return { ...type, name: 'dyn', convert };
  }

  #listOf(schema: JsonSchema): ValueType | undefined {
    const items = itemsOf(schema);
    const type = items && this.#nullable(items);
    if (type === undefined) return undefined;
    const identity = identityOf(schema);
    const convert = (value: unknown): List => {
      const list = asList(value).map((item) => type.convert(item));
      return identity === undefined ? list : withIdentity(list, identity);
    };
    return { ...type, name: `list<${type.name}>`, convert };
  }

  #objectOf(schema: JsonSchema, isRoot: boolean): ValueType {
    const fields = new Map<string, Field>();
    const properties = { ...schema.properties, ...(isRoot ? META : {}) };
    for (const [property, itsSchema] of Object.entries(properties)) {
      const type = this.typeOf(itsSchema);
      const name = escapeName(property);
      if (type === undefined || name === undefined) continue;
      fields.set(name, { property, type });
    }
    // Numbers, not paths: the library remembers every name for as long as the process lives.
    this.#objects += 1;
    const name = `object${this.#objects}`;
    const ctor = objectClass(fields);
    let isDeclared = false;
    const declare = (): void => {
      if (isDeclared) return;
      isDeclared = true;
      const named = [...fields].filter(([field]) => this.#words.has(field));
      for (const [, { type }] of named) type.declare?.();
      const types = Object.fromEntries(named.map(([field, { type }]) => [field, type.name]));
      this.environment.registerType(name, { ctor, fields: types });
      this.environment.registerOperator(`${name} == ${name}`, equal);
    };
    return { name, convert: (value) => new ctor(value as JsonObject), declare };
  }
}

interface Field {
  readonly property: string;
  readonly type: ValueType;
}

interface ObjectValue {
  readonly raw: JsonObject;
}

/** A class for each type: the library knows a value's type by its constructor. A Map, as it reads the fields of one by get(). */
function objectClass(fields: ReadonlyMap<string, Field>): new (raw: JsonObject) => ObjectValue {
  const byProperty = new Map([...fields].map(([name, { property }]) => [property, name]));
  return class extends Map<string, unknown> implements ObjectValue {
    readonly raw: JsonObject;

    constructor(raw: JsonObject) {
      super();
      this.raw = raw;
    }

    override get(name: string): unknown {
      const known = super.get(name);
      const field = fields.get(name);
      if (known !== undefined || field === undefined) return known;
      const value = Object.hasOwn(this.raw, field.property) ? this.raw[field.property] : undefined;
      if (value === undefined || value === null) return undefined;
      const converted = field.type.convert(value);
      super.set(name, converted);
      return converted;
    }

    /** Fields that no schema describes count as well, as they are in JSON. */
    [EQUALS](other: unknown): boolean {
      if (!(other instanceof this.constructor)) return false;
      const [a, b] = [this.raw, (other as unknown as ObjectValue).raw];
      const names = Object.keys(a);
      if (a === b) return true;
      if (names.length !== Object.keys(b).length) return false;
      return names.every((property) => {
        if (!Object.hasOwn(b, property)) return false;
        const name = byProperty.get(property);
        return name === undefined
          ? equal(dynamic(a[property]), dynamic(b[property]))
          : equal(this.get(name) ?? null, (other as Map<string, unknown>).get(name) ?? null);
      });
    }
  };
}

function mapOf(type: ValueType): ValueType {
  const convert = (value: unknown): Map<string, unknown> =>
    new Map(Object.entries(asObject(value)).map(([key, item]) => [key, type.convert(item)]));
  return { ...type, name: `map<string, ${type.name}>`, convert };
}

/** What tells the items of a set, or of a list that is a map, from each other. */
function identityOf(schema: JsonSchema): ((item: unknown) => unknown) | undefined {
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') return (item) => (item instanceof Date ? item.getTime() : item);
  if (listType !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return (item) => {
    const raw = (item as Partial<ObjectValue>).raw ?? {};
    return JSON.stringify(keys.map((key) => raw[key]));
  };
}

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error('invalid data, expected an array for the provided schema with type=array');
}

function asObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error('invalid data, expected a map for the provided schema with type=object');
}

// schema-validator: judges a value by a schema, in the words of the library that upstream uses.
//
// Every complaint names the field as a path from the object's root (`spec.list[0].name`) and says it once more in the sentence
// (`spec.replicas in body must be of type integer: "string"`): people search the web for these. Of alternatives (anyOf, oneOf)
// that all fail, the complaints of the one that fits best are shown, which is the one with the most checks passed.
//
// A value that is wrong in one way is still looked at in the others, except where upstream stops (number of properties).
//
// Same behaviour upstream: kube-openapi, pkg/validation/validate, and apiextensions-apiserver, pkg/apiserver/validation
// (which turns its errors into field errors). Left out: dependencies and patternProperties, which a
// CustomResourceDefinition may not use.

import { isDeepStrictEqual } from 'node:util';
import {
  type FieldError,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../strategy/field-error.ts';
import { fitsFormat, isKnownFormat } from './formats.ts';
import { compileGoRegexp } from './go-regexp.ts';
import {
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  valuesOf,
} from './json-schema.ts';

/** Where no field can be named, upstream prints Go's nil. */
const NOWHERE = '<nil>';

interface Result {
  readonly errors: readonly FieldError[];
  /** How many checks were made: what tells which alternative came closest. */
  readonly checks: number;
}

/** `path` is where the value stands; '' is the root of an object. */
export function validateBySchema(value: unknown, schema: JsonSchema, path = ''): FieldError[] {
  return [...judge(value, schema, path).errors];
}

function judge(value: unknown, schema: JsonSchema, path: string): Result {
  const results: (FieldError[] | Result)[] = [typeErrors(value, schema, path)];
  if (value !== null) {
    results.push(alternativeErrors(value, schema, path));
    if (typeof value === 'string') {
      results.push(stringErrors(value, schema, path), formatErrors(value, schema, path));
    }
    if (typeof value === 'number') results.push(numberErrors(value, schema, path));
    if (Array.isArray(value)) results.push(listErrors(value, schema, path));
  }
  results.push(enumErrors(value, schema, path));
  if (isJsonObject(value)) results.push(objectErrors(value, schema, path));
  return merged(results);
}

function merged(results: readonly (readonly FieldError[] | Result)[]): Result {
  const all = results.map((result) =>
    Array.isArray(result) ? { errors: result as FieldError[], checks: 1 } : (result as Result),
  );
  return {
    errors: all.flatMap(({ errors }) => errors),
    checks: all.reduce(
      (sum, { errors, checks }) => sum + checks + (errors.length === 0 ? 1 : 0),
      0,
    ),
  };
}

/** The sentence of most checks: `spec.x in body should …`. */
function say(path: string, words: string): string {
  return `${path} in body ${words}`;
}

function typeErrors(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  const { type = '', nullable = false } = schema;
  const format = type === 'integer' || type === 'number' ? '' : formatOf(schema);
  const actual = jsonType(value);
  if (value === null) {
    if (type === '' || nullable) return [];
    return [wrongType(path, type, 'null')];
  }
  const isText = typeof value === 'string' || Array.isArray(value);
  if (format !== '' && isText) return []; // The format's own check says more.
  if (format !== '' && type !== actual) return [wrongType(path, format, goFormat(value))];
  if (schema['x-kubernetes-int-or-string'] === true && type === '') {
    return actual === 'integer' || actual === 'string'
      ? []
      : [wrongType(path, 'integer,string', actual)];
  }
  const fits = type === '' || type === actual || (type === 'number' && actual === 'integer');
  return fits ? [] : [wrongType(path, type, actual)];
}

function wrongType(path: string, type: string, actual: string): FieldError {
  const words = `must be of type ${type}: ${JSON.stringify(actual)}`;
  return invalidValue(path || NOWHERE, actual, say(path, words));
}

/** 1.0 is an integer to JSON, and to Go's library too. */
function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function goFormat(value: unknown): string {
  if (typeof value !== 'number') return '';
  return Number.isInteger(value) ? 'int64' : 'float64';
}

function formatOf({ format = '' }: JsonSchema): string {
  return isKnownFormat(format) ? format : '';
}

function formatErrors(value: string, schema: JsonSchema, path: string): FieldError[] {
  const format = formatOf(schema);
  if (format === '' || fitsFormat(value, format)) return [];
  return [wrongType(path, format, value)];
}

function enumErrors(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  const values = schema.enum ?? [];
  if (values.length === 0 || values.some((allowed) => isDeepStrictEqual(allowed, value))) return [];
  const shown = values.map((allowed) =>
    typeof allowed === 'string' ? allowed : JSON.stringify(allowed),
  );
  return [notSupported(path || NOWHERE, value, shown)];
}

function stringErrors(value: string, schema: JsonSchema, path: string): FieldError[] {
  const { minLength, maxLength, pattern = '' } = schema;
  const length = [...value].length;
  const errors: FieldError[] = [];
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) {
    const words = `should be at least ${minLength} chars long`;
    errors.push(invalidValue(path, value, say(path, words)));
  }
  if (pattern !== '' && !fitsPattern(value, pattern)) {
    errors.push(invalidValue(path, value, say(path, `should match '${pattern}'`)));
  }
  return errors;
}

/** Patterns are checked with the definition, but one that is stored since before that must not break the server. */
function fitsPattern(value: string, pattern: string): boolean {
  try {
    return compileGoRegexp(pattern).test(value);
  } catch {
    return false;
  }
}

function numberErrors(value: number, schema: JsonSchema, path: string): FieldError[] {
  const { minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false } = schema;
  const { multipleOf } = schema;
  const words: string[] = [];
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    words.push(`should be a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum && value === maximum))) {
    words.push(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum && value === minimum))) {
    words.push(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  return words.map((text) => invalidValue(path, value, say(path, text)));
}

/** Fractions are no exact numbers: what rounding may do is let pass. */
function isMultiple(value: number, factor: number): boolean {
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}

function listErrors(list: readonly unknown[], schema: JsonSchema, path: string): Result {
  const items = itemsOf(schema);
  const { minItems, maxItems, uniqueItems = false } = schema;
  const own: FieldError[] = [];
  if (minItems !== undefined && list.length < minItems) {
    const words = `should have at least ${minItems} items`;
    own.push(invalidValue(path, list.length, say(path, words)));
  }
  if (maxItems !== undefined && list.length > maxItems) {
    own.push(tooMany(path, list.length, maxItems));
  }
  if (uniqueItems && new Set(list.map((item) => JSON.stringify(item))).size < list.length) {
    own.push(invalidValue(path, '', say(path, "shouldn't contain duplicates")));
  }
  const each =
    items === undefined ? [] : list.map((item, index) => judge(item, items, `${path}[${index}]`));
  return merged([...each, own]);
}

function objectErrors(object: JsonObject, schema: JsonSchema, path: string): Result {
  const { minProperties, maxProperties, properties = {} } = schema;
  const count = Object.keys(object).length;
  if (minProperties !== undefined && count < minProperties) {
    const words = `should have at least ${minProperties} properties`;
    return merged([[invalidValue(path || NOWHERE, count, say(path, words))]]);
  }
  if (maxProperties !== undefined && count > maxProperties) {
    return merged([[tooMany(path || NOWHERE, count, maxProperties)]]);
  }
  const inside = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const values = valuesOf(schema);
  const results: (readonly FieldError[] | Result)[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (Object.hasOwn(properties, name)) continue;
    if (schema.additionalProperties === false) {
      const detail = say(inside(name), 'is a forbidden property');
      results.push([invalidValue(path || NOWHERE, name, detail)]);
    } else if (values !== undefined) results.push(judge(value, values, inside(name)));
  }
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(object, name)) results.push(judge(object[name], property, inside(name)));
  }
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(object, name));
  results.push(missing.map((name) => required(inside(name))));
  return merged(results);
}

function alternativeErrors(value: unknown, schema: JsonSchema, path: string): Result {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const quoted = JSON.stringify(path);
  const complain = (words: string): FieldError =>
    invalidValue(NOWHERE, '', `${quoted} must ${words}`);
  const parts: (readonly FieldError[] | Result)[] = [];
  if (anyOf.length > 0) {
    const tried = anyOf.map((one) => judge(value, one, path));
    if (tried.every(({ errors }) => errors.length > 0)) {
      parts.push([complain('validate at least one schema (anyOf)')], closest(tried));
    }
  }
  if (oneOf.length > 0) {
    const tried = oneOf.map((one) => judge(value, one, path));
    const valid = tried.filter(({ errors }) => errors.length === 0).length;
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
    if (valid !== 1) {
      parts.push([complain(`validate one and only one schema (oneOf). ${found}`)]);
      if (valid === 0) parts.push(closest(tried));
    }
  }
  if (allOf.length > 0) {
    const tried = allOf.map((one) => judge(value, one, path));
    const valid = tried.filter(({ errors }) => errors.length === 0).length;
    parts.push(...tried);
    if (valid < tried.length) {
      parts.push([
        complain(`validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`),
      ]);
    }
  }
  if (not !== undefined && judge(value, not, path).errors.length === 0) {
    parts.push([complain('not validate the schema (not)')]);
  }
  return merged(parts);
}

function closest(tried: readonly Result[]): Result {
  return tried.reduce((best, one) => (one.checks > best.checks ? one : best));
}

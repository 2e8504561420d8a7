// structural-rules: what makes a schema structural, so that the shape of an object can be read from it without an object.
//
//   1. every field and item has a type (or is int-or-string, or preserves what is unknown);
//   2. allOf, anyOf, oneOf and not restrict values only: they set no type, no default, no description, no extension;
//   3. what is mentioned in there is also described outside of it;
//   4. apiVersion, kind and metadata belong to the API machinery: a schema may restrict a name and no more.
//
// Pruning, defaulting, OpenAPI and server-side apply rest on these four.
//
// Same rules upstream: apiextensions-apiserver, pkg/apiserver/schema (validation.go, complete.go).

import { isDeepStrictEqual } from 'node:util';
import {
  bodyOf,
  type FieldError,
  forbiddenField,
  invalidValue,
  required,
} from '../strategy/field-error.ts';
import { compileGoRegexp } from './go-regexp.ts';
import { itemsOf, type JsonSchema, propertyOf, valuesOf } from './json-schema.ts';

type Level = 'root' | 'item' | 'field';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

export function validateStructural(schema: JsonSchema, path: string): FieldError[] {
  const errors = [
    ...shapeErrors(schema, 'root', path),
    ...completenessErrors(schema, schema, path),
  ];
  // By their text, as upstream does: a map has no order.
  const text = (error: FieldError): string => `${error.field}: ${bodyOf(error)}`;
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

/** Rules 1 and 4, at this schema and below. */
function shapeErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { type = '', properties = {} } = schema;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  if (type === 'array' && schema.items === undefined) {
    errors.push(required(`${path}.items`, 'must be specified'));
  }
  if (items !== undefined) errors.push(...shapeErrors(items, 'item', `${path}.items`));
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...shapeErrors(property, 'field', `${path}.properties[${name}]`));
  }
  if (schema.additionalProperties !== undefined && level === 'root') {
    errors.push(forbiddenField(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  if (values !== undefined) {
    errors.push(...shapeErrors(values, 'field', `${path}.additionalProperties`));
  }
  return [
    ...errors,
    ...extensionErrors(schema, path),
    ...valueErrors(schema, path),
    ...typeErrors(schema, level, path),
    ...metaErrors(schema, level, path),
  ];
}

function extensionErrors(schema: JsonSchema, path: string): FieldError[] {
  if (schema['x-kubernetes-int-or-string'] !== true) return [];
  const excluded = [
    'x-kubernetes-preserve-unknown-fields',
    'x-kubernetes-embedded-resource',
  ] as const;
  return excluded
    .filter((name) => schema[name] === true)
    .map((name) =>
      invalidValue(`${path}.${name}`, true, 'must be false if x-kubernetes-int-or-string is true'),
    );
}

function typeErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const { type = '' } = schema;
  const at = `${path}.type`;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const errors: FieldError[] = [];
  if (embedded && type !== 'object') {
    const words = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(at, words) : invalidValue(at, type, words));
  } else if (
    type === '' &&
    schema['x-kubernetes-int-or-string'] !== true &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  ) {
    errors.push(required(at, EMPTY_TYPE[level]));
  }
  if (embedded && schema.additionalProperties !== undefined) {
    const words = 'must not be used if x-kubernetes-embedded-resource is set';
    errors.push(forbiddenField(`${path}.additionalProperties`, words));
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    errors.push(invalidValue(at, type, 'must be object at the root'));
  }
  return errors;
}

function metaErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const errors: FieldError[] = [];
  const isResource = level === 'root' || embedded;
  for (const name of isResource ? ['kind', 'apiVersion'] : []) {
    const property = propertyOf(schema, name);
    if (property !== undefined && property.type !== 'string') {
      const at = `${path}.properties[${name}].type`;
      errors.push(invalidValue(at, property.type ?? '', 'must be string'));
    }
  }
  const metadata = propertyOf(schema, 'metadata');
  const at = `${path}.properties[metadata]`;
  if (metadata !== undefined && isResource && metadata.type !== 'object') {
    errors.push(invalidValue(`${at}.type`, metadata.type ?? '', 'must be object'));
  }
  if (metadata !== undefined && level === 'root' && !restrictsNamesOnly(metadata)) {
    const words =
      'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbiddenField(at, words));
  }
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (embedded && !preserves && Object.keys(schema.properties ?? {}).length === 0) {
    const words =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(`${path}.properties`, words));
  }
  return errors;
}

function restrictsNamesOnly({ type: _type, default: _default, ...rest }: JsonSchema): boolean {
  const { properties = {}, ...others } = rest;
  const namesOnly = Object.keys(properties).every((name) =>
    ['name', 'generateName'].includes(name),
  );
  return namesOnly && Object.keys(others).length === 0;
}

/** Rule 2. The two ways to say "integer or string" are let pass: people wrote them before the extension existed. */
function valueErrors(
  { allOf = [], anyOf = [], oneOf = [], not, pattern = '' }: JsonSchema,
  path: string,
  skipAnyOf = isDeepStrictEqual(anyOf, INT_OR_STRING),
): FieldError[] {
  const firstIsIntOrString = isDeepStrictEqual(allOf[0]?.anyOf, INT_OR_STRING);
  return [
    ...(skipAnyOf
      ? []
      : anyOf.flatMap((one, index) => nestedErrors(one, `${path}.anyOf[${index}]`))),
    ...allOf.flatMap((one, index) =>
      nestedErrors(one, `${path}.allOf[${index}]`, index === 0 && firstIsIntOrString),
    ),
    ...oneOf.flatMap((one, index) => nestedErrors(one, `${path}.oneOf[${index}]`)),
    ...(not === undefined ? [] : nestedErrors(not, `${path}.not`)),
    ...patternErrors(pattern, path),
  ];
}

function patternErrors(pattern: string, path: string): FieldError[] {
  if (pattern === '') return [];
  try {
    compileGoRegexp(pattern);
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `must be a valid regular expression, but isn't: error parsing regexp: ${why}`;
    return [invalidValue(`${path}.pattern`, pattern, detail)];
  }
}

const MUST_BE_EMPTY = ['type', 'title', 'description', 'x-kubernetes-list-map-keys'] as const;
const MUST_BE_FALSE = [
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
] as const;
const MUST_BE_UNDEFINED = [
  'additionalProperties',
  'default',
  'externalDocs',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
] as const;

function nestedErrors(schema: JsonSchema, path: string, skipAnyOf?: boolean): FieldError[] {
  const errors = valueErrors(schema, path, skipAnyOf);
  const items = itemsOf(schema);
  if (items !== undefined) errors.push(...nestedErrors(items, `${path}.items`));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...nestedErrors(property, `${path}.properties[${name}]`));
  }
  const forbid = (name: string, words: string): void => {
    errors.push(forbiddenField(`${path}.${name}`, `must be ${words} to be structural`));
  };
  for (const name of MUST_BE_EMPTY) {
    if ((schema[name] ?? '').length > 0) forbid(name, 'empty');
  }
  for (const name of MUST_BE_UNDEFINED) if (schema[name] !== undefined) forbid(name, 'undefined');
  for (const name of MUST_BE_FALSE) if (schema[name] === true) forbid(name, 'false');
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) {
    forbid('x-kubernetes-validations', 'empty');
  }
  if (propertyOf(schema, 'metadata') !== undefined) {
    const words = 'must not be specified in a nested context';
    errors.push(forbiddenField(`${path}.properties[metadata]`, words));
  }
  return errors;
}

interface Outer {
  readonly schema: JsonSchema | undefined;
  readonly path: string;
}

/** Rule 3: what stands in an alternative must be described outside. */
function completenessErrors(value: JsonSchema, outer: JsonSchema, path: string): FieldError[] {
  return alternativesOf(value, path).flatMap(([one, at]) =>
    nestedCompleteness(one, at, { schema: outer, path }),
  );
}

function nestedCompleteness(value: JsonSchema, path: string, outer: Outer): FieldError[] {
  const { schema } = outer;
  if (schema === undefined) return [required(outer.path, `because it is defined in ${path}`)];
  const items = itemsOf(value);
  return [
    ...alternativesOf(value, path).flatMap(([one, at]) => nestedCompleteness(one, at, outer)),
    ...(items === undefined
      ? []
      : nestedCompleteness(items, `${path}.items`, {
          schema: itemsOf(schema),
          path: `${outer.path}.items`,
        })),
    ...Object.entries(value.properties ?? {}).flatMap(([name, property]) =>
      nestedCompleteness(property, `${path}.properties[${name}]`, {
        schema: propertyOf(schema, name),
        path: `${outer.path}.properties[${name}]`,
      }),
    ),
  ];
}

function alternativesOf(schema: JsonSchema, path: string): [schema: JsonSchema, path: string][] {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const listed = { allOf, anyOf, oneOf };
  return [
    ...(not === undefined ? [] : [[not, `${path}.not`] as [JsonSchema, string]]),
    ...Object.entries(listed).flatMap(([name, schemas]) =>
      schemas.map((one, index): [JsonSchema, string] => [one, `${path}.${name}[${index}]`]),
    ),
  ];
}

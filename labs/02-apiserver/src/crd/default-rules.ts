// default-rules: a default in a schema must itself be an object of that schema.
//
// Otherwise every object that relies on the default would be refused, with an error about a field that its author did not write.
//
// Same rule upstream: apiextensions-apiserver, pkg/apiserver/schema/defaulting/validation.go.
// Left out: defaults inside the metadata of embedded resources are judged by the schema only.

import { isDeepStrictEqual } from 'node:util';
import { type FieldError, invalidValue } from '../strategy/field-error.ts';
import { itemsOf, type JsonSchema } from './json-schema.ts';
import { pruneValue } from './prune.ts';
import { validateBySchema } from './schema-validator.ts';

/** For a schema that is structural. */
export function validateDefaults(schema: JsonSchema, path: string): FieldError[] {
  const items = itemsOf(schema);
  return [
    ...(schema.default === undefined ? [] : defaultErrors(schema, `${path}.default`)),
    ...(items === undefined ? [] : validateDefaults(items, `${path}.items`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      validateDefaults(property, `${path}.properties[${name}]`),
    ),
  ];
}

function defaultErrors(schema: JsonSchema, path: string): FieldError[] {
  const value = schema.default;
  const pruned: unknown = structuredClone(value);
  pruneValue(pruned, schema);
  const errors = isDeepStrictEqual(pruned, value)
    ? []
    : [invalidValue(path, value, 'must not have unknown fields')];
  return [
    ...errors,
    ...validateBySchema(value, schema).map((error) => ({
      ...error,
      field: error.field === '<nil>' ? path : `${path}.${error.field}`,
    })),
  ];
}

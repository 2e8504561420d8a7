// schema-rules: which keywords a schema in a CustomResourceDefinition may use, and how they go together.
//
// OpenAPI without references and without what cannot be checked in linear time, and the `x-kubernetes-…` extensions, each of
// which demands something of its neighbours (a list-map needs keys, its keys must be there in every item, …).
//
// Same rules upstream: apiextensions-apiserver, pkg/apis/apiextensions/validation (ValidateCustomResourceDefinitionOpenAPISchema).
// Rules in `x-kubernetes-validations` are in rule-errors.ts.

import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from '../strategy/field-error.ts';
import { itemsOf, type JsonSchema, META_FIELDS, propertyOf, valuesOf } from './json-schema.ts';
import { ruleFormErrors } from './rule-errors.ts';

interface Place {
  readonly path: string;
  /** Why there can be no default here; undefined where there can. */
  readonly noDefaults?: string;
  readonly insideMeta?: boolean;
  readonly isRoot?: boolean;
}

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const UNSUPPORTED = [
  'id',
  'additionalItems',
  'patternProperties',
  'definitions',
  'dependencies',
  '$ref',
] as const;

export function validateSchema(schema: JsonSchema, path: string): FieldError[] {
  return schemaErrors(schema, { path, isRoot: true });
}

function schemaErrors(schema: JsonSchema, place: Place): FieldError[] {
  return [
    ...keywordErrors(schema, place),
    ...nestedErrors(schema, place),
    ...mapTypeErrors(schema, place.path),
    ...listTypeErrors(schema, place.path),
    ...listMapErrors(schema, place.path),
    ...keyErrors(schema, place.path),
    ...ruleFormErrors(schema, place.path),
  ];
}

function keywordErrors(schema: JsonSchema, { path, noDefaults, insideMeta }: Place): FieldError[] {
  const { type = '' } = schema;
  const errors: FieldError[] = [];
  if (type !== '' && !TYPES.includes(type)) errors.push(notSupported(`${path}.type`, type, TYPES));
  if (schema.default !== undefined && noDefaults !== undefined) {
    errors.push(forbiddenField(`${path}.default`, `must not be set ${noDefaults}`));
  }
  for (const name of UNSUPPORTED) {
    const value = schema[name];
    const isEmpty = typeof value === 'object' && Object.keys(value).length === 0;
    if (value !== undefined && value !== '' && !isEmpty) {
      errors.push(forbiddenField(`${path}.${name}`, `${name} is not supported`));
    }
  }
  if (type === 'null') {
    const words = 'type cannot be set to null, use nullable as an alternative';
    errors.push(forbiddenField(`${path}.type`, words));
  }
  if (Array.isArray(schema.items)) {
    const words = 'items must be a schema object and not an array';
    errors.push(forbiddenField(`${path}.items`, words));
  }
  if (insideMeta === true && schema['x-kubernetes-embedded-resource'] === true) {
    const words = 'must not be used inside of resource meta';
    errors.push(forbiddenField(`${path}.x-kubernetes-embedded-resource`, words));
  }
  if (schema.uniqueItems === true) {
    const words =
      'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbiddenField(`${path}.uniqueItems`, words));
  }
  const values = schema.additionalProperties;
  const hasProperties = Object.keys(schema.properties ?? {}).length > 0;
  if (values !== undefined && values !== true && hasProperties) {
    const words = 'additionalProperties and properties are mutual exclusive';
    errors.push(forbiddenField(`${path}.additionalProperties`, words));
  }
  const keep = 'x-kubernetes-preserve-unknown-fields';
  if (schema[keep] === false) {
    errors.push(invalidValue(`${path}.${keep}`, false, 'must be true or undefined'));
  }
  return errors;
}

function nestedErrors(schema: JsonSchema, place: Place): FieldError[] {
  const { path } = place;
  const at = (step: string): Place => ({ ...place, path: `${path}.${step}`, isRoot: false });
  const values = valuesOf(schema);
  const items = itemsOf(schema);
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const listed = { allOf, oneOf, anyOf };
  const forbidden = 'inside additionalProperties applying to object metadata';
  const inValues = at('additionalProperties');
  return [
    ...(values === undefined
      ? []
      : schemaErrors(
          values,
          place.insideMeta === true ? { ...inValues, noDefaults: forbidden } : inValues,
        )),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      schemaErrors(property, propertyPlace(schema, name, place)),
    ),
    ...(not === undefined ? [] : schemaErrors(not, at('not'))),
    ...Object.entries(listed).flatMap(([name, schemas]) =>
      schemas.flatMap((one, index) => schemaErrors(one, at(`${name}[${index}]`))),
    ),
    ...(items === undefined ? [] : schemaErrors(items, at('items'))),
  ];
}

function propertyPlace(schema: JsonSchema, name: string, place: Place): Place {
  const inner = { ...place, path: `${place.path}.properties[${name}]`, isRoot: false };
  const isRoot = place.isRoot === true;
  const isMeta = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  if (!isMeta || !META_FIELDS.has(name)) return inner;
  const withMeta = { ...inner, insideMeta: true };
  return isRoot ? { ...withMeta, noDefaults: `in top-level ${name}` } : withMeta;
}

function mapTypeErrors(schema: JsonSchema, path: string): FieldError[] {
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return [];
  const errors = typeDemand(schema, path, 'object', 'x-kubernetes-map-type');
  if (mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  }
  return errors;
}

function typeDemand(
  { type = '' }: JsonSchema,
  path: string,
  wanted: string,
  extension = 'x-kubernetes-list-type',
): FieldError[] {
  if (type === wanted) return [];
  const words = `must be ${wanted} if ${extension} is specified`;
  return [
    type === '' ? required(`${path}.type`, words) : invalidValue(`${path}.type`, type, words),
  ];
}

function listTypeErrors(schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType === undefined) return [];
  const errors = typeDemand(schema, path, 'array');
  const items = itemsOf(schema);
  if (errors.length === 0 && listType === 'set' && items !== undefined) {
    errors.push(...atomicErrors(items, `${path}.items`));
  }
  if (!['atomic', 'set', 'map'].includes(listType)) {
    const valid = ['atomic', 'set', 'map'];
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, valid));
  }
  return errors;
}

/** An item of a set is all or nothing. */
function atomicErrors(items: JsonSchema, path: string): FieldError[] {
  const words = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic') {
    return [invalidValue(`${path}.x-kubernetes-list-type`, listType, words)];
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    return [invalidValue(`${path}.x-kubernetes-map-type`, listType, words)];
  }
  return [];
}

function listMapErrors(schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const errors: FieldError[] = [];
  const atType = `${path}.x-kubernetes-list-type`;
  if (keys.length > 0 && listType !== 'map') {
    const words = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(
      listType === undefined ? required(atType, words) : invalidValue(atType, listType, words),
    );
  }
  if (listType !== 'map') return errors;
  const atKeys = `${path}.x-kubernetes-list-map-keys`;
  const items = itemsOf(schema);
  if (keys.length === 0) {
    errors.push(required(atKeys, 'must not be empty if x-kubernetes-list-type is map'));
  }
  if (schema.items === undefined) {
    const words = 'must have a schema if x-kubernetes-list-type is map';
    errors.push(required(`${path}.items`, words));
  } else if (items !== undefined && items.type !== 'object') {
    const words = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(invalidValue(`${path}.items.type`, items.type ?? '', words));
  } else if (items !== undefined) {
    errors.push(...mapKeyErrors(items, keys, path));
  }
  return errors;
}

function mapKeyErrors(items: JsonSchema, keys: readonly string[], path: string): FieldError[] {
  const atKeys = `${path}.x-kubernetes-list-map-keys`;
  return keys.flatMap((key, index) => {
    const property = propertyOf(items, key);
    const errors: FieldError[] = [];
    if (property === undefined) {
      errors.push(invalidValue(atKeys, keys, 'entries must all be names of item properties'));
    } else if (property.type === 'array' || property.type === 'object') {
      const words = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(invalidValue(`${path}.items.properties[${key}].type`, items.type, words));
    }
    if (keys.indexOf(key) < index) {
      errors.push(invalidValue(atKeys, keys, 'must not contain duplicate entries'));
    }
    return errors;
  });
}

/** What identifies an item must be there, and be something. */
function keyErrors(schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const items = itemsOf(schema);
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return [];
  const errors: FieldError[] = [];
  if (items.nullable === true) {
    const words = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
    errors.push(forbiddenField(`${path}.items.nullable`, words));
  }
  for (const key of listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : []) {
    const property = propertyOf(items, key);
    if (property === undefined) continue;
    const at = `${path}.items.properties[${key}]`;
    const lead = 'this property is in x-kubernetes-list-map-keys, so it';
    if (items.required?.includes(key) !== true && property.default === undefined) {
      errors.push(
        required(`${at}.default`, `${lead} must have a default or be a required property`),
      );
    }
    if (property.nullable === true) {
      errors.push(forbiddenField(`${at}.nullable`, `${lead} cannot be nullable`));
    }
  }
  return errors;
}

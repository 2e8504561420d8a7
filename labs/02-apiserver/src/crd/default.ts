// default: what a client left out, a schema may fill in.
//
// Defaults are applied when an object comes in and again when it is read from the store, so that a default which the schema
// gained later is there for old objects too. `null` is a value where a schema says `nullable`; elsewhere it means "left out":
// it gives way to the default, or goes away.
//
// The functions write into the object they are given; defaults are copied, since an object may be changed later.
//
// Same algorithm upstream: apiextensions-apiserver, pkg/apiserver/schema/defaulting (algorithm.go, prunenulls.go).

import {
  fieldSchemaOf,
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  propertyOf,
  setOwn,
  valuesOf,
} from './json-schema.ts';

/** Nulls that have no right to be there go; those that a default will replace stay for applyDefaults(). */
export function dropNulls(value: unknown, schema: JsonSchema | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, itemsOf(schema));
  } else if (isJsonObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      const own = fieldSchemaOf(schema, name);
      if (mayNotBeNull(inner, own) && own?.default === undefined) delete value[name];
      else dropNulls(inner, own);
    }
  }
}

export function applyDefaults(value: unknown, schema: JsonSchema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) defaultItems(value, itemsOf(schema));
  else if (isJsonObject(value)) defaultFields(value, schema);
}

function defaultItems(list: unknown[], items: JsonSchema | undefined): void {
  list.forEach((item, index) => {
    if (mayNotBeNull(item, items)) list[index] = structuredClone(items?.default ?? null);
    applyDefaults(list[index], items);
  });
}

function defaultFields(object: JsonObject, schema: JsonSchema): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    const absent = !Object.hasOwn(object, name);
    if (absent || mayNotBeNull(object[name], property)) {
      setOwn(object, name, structuredClone(property.default));
    }
  }
  const values = valuesOf(schema);
  for (const name of Object.keys(object)) {
    const property = propertyOf(schema, name);
    if (property === undefined && mayNotBeNull(object[name], values)) {
      setOwn(object, name, structuredClone(values?.default ?? null));
    }
    applyDefaults(object[name], property ?? values);
  }
}

function mayNotBeNull(value: unknown, schema: JsonSchema | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

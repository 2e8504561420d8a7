// list-types: a list that is a set has no two equal items, and a list that is a map no two items with the same keys.
//
// `x-kubernetes-list-type` tells clients how to merge a list; merging only works when what identifies an item is unique.
// Each value that occurs more than once is reported once, at its second place.
//
// Same rule upstream: apiextensions-apiserver, pkg/apiserver/schema/listtype.

import { duplicate, type FieldError, invalidValue } from '../strategy/field-error.ts';
import {
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from './json-schema.ts';

export function validateListTypes(
  value: unknown,
  schema: JsonSchema | undefined,
  path = '',
): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return [
      ...uniquenessErrors(value, schema, path),
      ...value.flatMap((item: unknown, index) =>
        validateListTypes(item, items, `${path}[${index}]`),
      ),
    ];
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const property = propertyOf(schema, name);
    const inside = path === '' ? name : `${path}.${name}`;
    return property === undefined
      ? validateListTypes(inner, valuesOf(schema), `${path}[${name}]`)
      : validateListTypes(inner, property, inside);
  });
}

function uniquenessErrors(
  list: readonly unknown[],
  schema: JsonSchema,
  path: string,
): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return duplicates(list, path);
  if (type !== 'map') return [];
  const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0) {
    const detail = 'must be an object for an array of list-type map';
    return [invalidValue(`${path}[${wrong}]`, list[wrong], detail)];
  }
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  return duplicates(
    list.map((item) => keysOf(item as JsonObject | null, names)),
    path,
  );
}

function keysOf(item: JsonObject | null, names: readonly string[]): JsonObject {
  const present = names.filter((name) => item !== null && Object.hasOwn(item, name));
  return Object.fromEntries(present.map((name) => [name, item?.[name]]));
}

function duplicates(values: readonly unknown[], path: string): FieldError[] {
  const counts = new Map<string, number>();
  return values.flatMap((value, index) => {
    const text = canonicalText(value);
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    return count === 2 ? [duplicate(`${path}[${index}]`, value)] : [];
  });
}

/** JSON with sorted keys, so that the order in which a client wrote them does not matter. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

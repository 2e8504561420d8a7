// prune: what a schema does not mention is no part of the object.
//
// A server that stored unknown fields would keep every typing mistake, and a later version of the schema could not give them a meaning.
// Two doors stay open: `x-kubernetes-preserve-unknown-fields` keeps what is below it (but not below what it does describe), and
// `x-kubernetes-embedded-resource` keeps a resource's apiVersion, kind and metadata.
//
// The functions write into the object they are given, which nobody else may hold.
//
// Same algorithm upstream: apiextensions-apiserver, pkg/apiserver/schema/pruning.

import {
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  META_FIELDS,
  propertyOf,
  valuesOf,
} from './json-schema.ts';

/** A client that sends thousands of unknown fields hears of the first ones. */
const PATHS_MAX = 100;

/** Removes what the schema of a whole resource does not know; answers with the paths of what was removed. */
export function prune(object: JsonObject, schema: JsonSchema | undefined): readonly string[] {
  const removed: string[] = [];
  const root = { ...schema, 'x-kubernetes-embedded-resource': true };
  new Pruner(removed).value(object, root, '');
  return removed;
}

/** The same for a value inside a resource, such as a default. */
export function pruneValue(value: unknown, schema: JsonSchema | undefined): readonly string[] {
  const removed: string[] = [];
  new Pruner(removed).value(value, schema, '');
  return removed;
}

class Pruner {
  readonly #removed: string[];

  constructor(removed: string[]) {
    this.#removed = removed;
  }

  /** `kept`: a list that preserves what it does not know passes that on to its items, as it cannot hold unknown fields itself. */
  value(value: unknown, schema: JsonSchema | undefined, path: string, kept = false): void {
    const keeps = kept || schema?.['x-kubernetes-preserve-unknown-fields'] === true;
    if (Array.isArray(value)) {
      const items = itemsOf(schema);
      value.forEach((item: unknown, index) => {
        this.value(item, items, `${path}[${index}]`, keeps);
      });
    } else if (isJsonObject(value)) {
      for (const name of Object.keys(value)) this.#field(value, name, { schema, path, keeps });
    }
  }

  #field(
    object: JsonObject,
    name: string,
    at: { schema: JsonSchema | undefined; path: string; keeps: boolean },
  ): void {
    const { schema, keeps } = at;
    const path = at.path === '' ? name : `${at.path}.${name}`;
    if (schema?.['x-kubernetes-embedded-resource'] === true && META_FIELDS.has(name)) return;
    const property = propertyOf(schema, name);
    if (property !== undefined) this.value(object[name], property, path);
    else if (schema?.additionalProperties !== undefined && schema.additionalProperties !== false) {
      // `additionalProperties: true` lets any key be, but describes nothing inside it.
      if (schema.additionalProperties !== true || !keeps) {
        this.value(object[name], valuesOf(schema), path);
      }
    } else if (!keeps) {
      delete object[name];
      if (this.#removed.length < PATHS_MAX) this.#removed.push(path);
    }
  }
}

// scene: an object with its managers, written to by many hands; what the tests of field ownership play on.

import type { ManagedFieldsEntry } from 'kubernetes-types/meta/v1';
import {
  applyConfiguration,
  type ManagedKind,
  updateManagedFields,
} from '#src/apply/field-manager.ts';
import { EMPTY_SET, type FieldSet, pathsOf, printPath } from '#src/apply/field-set.ts';
import { setOfFieldsV1 } from '#src/apply/fields-v1.ts';
import { managedKind } from '#src/apply/managed-kind.ts';
import { type MergeSchema, structureOfSchema } from '#src/apply/schema-structure.ts';
import { asMap, type JsonMap } from '#src/apply/type-structure.ts';

const text = { type: 'string' };

/** A resource that has one of everything. */
export const EVERYTHING: MergeSchema = {
  type: 'object',
  properties: {
    name: text,
    number: { type: 'integer' },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
    words: { type: 'array', items: text },
    labels: { type: 'object', additionalProperties: text },
    selector: {
      type: 'object',
      additionalProperties: text,
      'x-kubernetes-map-type': 'atomic',
    },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        properties: {
          name: text,
          value: text,
          note: text,
          inner: { type: 'object', properties: { deep: text } },
        },
      },
    },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: {
        type: 'object',
        properties: {
          port: { type: 'integer' },
          protocol: { ...text, default: 'TCP' },
          name: text,
        },
      },
    },
    struct: {
      type: 'object',
      properties: {
        a: text,
        b: text,
        nested: { type: 'object', properties: { c: text, d: text } },
      },
    },
    free: { 'x-kubernetes-preserve-unknown-fields': true },
    status: { type: 'object', properties: { phase: text } },
  },
};

export function testKind(schema: MergeSchema, ignored: FieldSet = EMPTY_SET): ManagedKind {
  const shape = { structure: structureOfSchema(schema), empty: {} };
  return managedKind({
    group: 'test.io',
    version: 'v1',
    kind: 'Thing',
    ignored,
    changeable: true,
    shape: (apiVersion) => (apiVersion === 'test.io/v1' ? shape : undefined),
  });
}

export class Scene {
  object: JsonMap | undefined;
  #kind: ManagedKind;
  #seconds = 0;

  constructor(kind: ManagedKind = testKind(EVERYTHING)) {
    this.#kind = kind;
  }

  /** The object without what every object has. */
  get content(): JsonMap {
    const { apiVersion: _, kind: __, metadata: ___, ...content } = this.object ?? {};
    return content;
  }

  get entries(): ManagedFieldsEntry[] {
    const entries = asMap(this.object?.metadata).managedFields;
    return Array.isArray(entries) ? (entries as ManagedFieldsEntry[]) : [];
  }

  /** Manager and operation → what it owns. */
  get owners(): Record<string, string[]> {
    return Object.fromEntries(
      this.entries.map(({ manager = '', operation = '', subresource, fieldsV1 }) => [
        [manager, operation, subresource].filter(Boolean).join(' '),
        pathsOf(setOfFieldsV1(fieldsV1 ?? {})).map(printPath),
      ]),
    );
  }

  update(manager: string, content: JsonMap, subresource = ''): this {
    const next = this.#with(content);
    const by = { manager, subresource, now: this.#now() };
    const managedFields = updateManagedFields(this.object, next, by, this.#kind);
    this.object = this.#stored(next, managedFields);
    return this;
  }

  apply(manager: string, content: JsonMap, force = false, subresource = ''): this {
    const by = { manager, subresource, force, now: this.#now() };
    const config = { ...this.#typeMeta(), ...content };
    const result = applyConfiguration(this.object, config, by, this.#kind);
    this.object = this.#stored(result.object, result.managedFields);
    return this;
  }

  /** As a store would have it: nulls are gone, names and uid are there. */
  #stored(object: JsonMap, managedFields: ManagedFieldsEntry[] | undefined): JsonMap {
    const metadata = {
      ...asMap(object.metadata),
      uid: 'u1',
      ...(managedFields === undefined ? {} : { managedFields }),
    };
    if (managedFields === undefined) Reflect.deleteProperty(metadata, 'managedFields');
    return withoutNulls({ ...object, ...this.#typeMeta(), metadata }) as JsonMap;
  }

  #with(content: JsonMap): JsonMap {
    const { metadata, ...rest } = content;
    const own = asMap(this.object?.metadata);
    return { ...this.#typeMeta(), ...rest, metadata: { ...own, ...asMap(metadata) } };
  }

  #typeMeta(): JsonMap {
    return { apiVersion: this.#kind.apiVersion, kind: this.#kind.kind };
  }

  #now(): string {
    this.#seconds += 1;
    return new Date(Date.UTC(2024, 0, 1, 0, 0, this.#seconds)).toISOString().replace('.000', '');
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries.map(([name, inner]) => [name, withoutNulls(inner)]));
}

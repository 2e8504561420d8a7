// schema-structure: the structure of a custom resource, from the OpenAPI schema that its definition carries.
//
// Says what is merged how: x-kubernetes-list-type, -list-map-keys, -map-type, -int-or-string, -preserve-unknown-fields,
// -embedded-resource. What says nothing is as upstream has it: lists atomic, maps granular. metadata is every object's.
//
// Same step upstream: kube-openapi, pkg/schemaconv (openapi.go).

import { structureOfDefinition } from './kind-structure.ts';
import {
  ANY,
  ANY_ATOMIC,
  atomicList,
  BOOLEAN,
  keyedList,
  type ListStructure,
  type MapStructure,
  NUMERIC,
  STRING,
  setList,
  type TypeStructure,
  UNTYPED,
} from './type-structure.ts';

/** The part of a schema that matters here. */
export interface MergeSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, MergeSchema>>;
  readonly additionalProperties?: boolean | MergeSchema;
  readonly items?: MergeSchema;
  readonly default?: unknown;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The structure of an object with this schema; of any object when there is none. */
export function structureOfSchema(schema: MergeSchema | undefined): MapStructure {
  return objectStructure(schema ?? { 'x-kubernetes-preserve-unknown-fields': true });
}

function objectStructure(schema: MergeSchema): MapStructure {
  const own = mapStructure(schema);
  const fields = new Map(own.fields);
  fields.set('apiVersion', STRING);
  fields.set('kind', STRING);
  fields.set('metadata', structureOfDefinition(OBJECT_META));
  return { ...own, fields };
}

function structureOf(schema: MergeSchema): TypeStructure {
  if (schema['x-kubernetes-int-or-string'] === true) return UNTYPED;
  if (schema['x-kubernetes-embedded-resource'] === true) return objectStructure(schema);
  switch (schema.type) {
    case 'string':
      return STRING;
    case 'boolean':
      return BOOLEAN;
    case 'integer':
    case 'number':
      return NUMERIC;
    case 'array':
      return listStructure(schema);
    case 'object':
      return hasNoParts(schema) && !isAtomic(schema) ? ANY : mapStructure(schema);
    default:
      return isAtomic(schema) ? ANY_ATOMIC : ANY;
  }
}

function hasNoParts({ properties, additionalProperties }: MergeSchema): boolean {
  return properties === undefined && typeof additionalProperties !== 'object';
}

function isAtomic(schema: MergeSchema): boolean {
  return schema['x-kubernetes-map-type'] === 'atomic';
}

function mapStructure(schema: MergeSchema): MapStructure {
  const { properties = {}, additionalProperties } = schema;
  const fields = new Map(
    Object.entries(properties).map(([name, inner]) => [name, structureOf(inner)]),
  );
  const map: MapStructure = { kind: 'map', atomic: isAtomic(schema), fields };
  if (typeof additionalProperties === 'object') {
    return { ...map, element: structureOf(additionalProperties) };
  }
  const open =
    additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  return open ? { ...map, element: ANY } : map;
}

function listStructure(schema: MergeSchema): ListStructure {
  const element = structureOf(schema.items ?? {});
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return setList(element);
    case 'map':
      return keyedList(element, schema['x-kubernetes-list-map-keys'] ?? [], keyDefaults(schema));
    default:
      return atomicList(element);
  }
}

function keyDefaults({ items = {}, ...list }: MergeSchema): ListStructure['keyDefaults'] {
  const entries = (list['x-kubernetes-list-map-keys'] ?? []).flatMap((key) => {
    const value = items.properties?.[key]?.default;
    const scalar =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return scalar ? [[key, value] as const] : [];
  });
  return Object.fromEntries(entries);
}

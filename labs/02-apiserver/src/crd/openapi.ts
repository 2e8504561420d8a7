// openapi: a custom resource's schema, as OpenAPI documents show it.
//
// The declared schema, with the fields that every resource has and the declaration may leave out: apiVersion, kind, metadata. kubectl
// explains kinds from these, and (the older document, v2) checks manifests against them, where a schema says less than OpenAPI
// v3 can: what v2 cannot express is left open instead of said wrongly.
//
// Same documents upstream: apiextensions-apiserver, pkg/controller/openapi (builder, and v2/conversion.go).

import type { GroupVersionKind } from '../schema/catalog.ts';
import { itemsOf, type JsonObject, type JsonSchema, valuesOf } from './json-schema.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const CONVENTIONS =
  'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const API_VERSION_WORDS = `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: ${CONVENTIONS}#resources`;
const KIND_WORDS = `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: ${CONVENTIONS}#types-kinds`;
const METADATA_WORDS = `Standard object's metadata. More info: ${CONVENTIONS}#metadata`;
const LIST_METADATA_WORDS = `Standard list metadata. More info: ${CONVENTIONS}#types-kinds`;

export type OpenApiVersion = 'v2' | 'v3';

export interface CustomKind extends GroupVersionKind {
  readonly plural: string;
  readonly listKind: string;
}

/** The definitions of a kind and of its list, by the names that references use. */
export function openApiDefinitions(
  custom: CustomKind,
  schema: JsonSchema | undefined,
  openApi: OpenApiVersion,
): Readonly<Record<string, JsonObject>> {
  const { group, version, kind, listKind } = custom;
  return {
    [definitionName(custom)]: {
      ...kindSchema(schema, openApi),
      'x-kubernetes-group-version-kind': [{ group, kind, version }],
    },
    [definitionName({ ...custom, kind: listKind })]: listSchema(custom, openApi),
  };
}

/** `com.example.v1.CronTab`: the group's labels from the right, as Java names packages. */
export function definitionName({ group, version, kind }: GroupVersionKind): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

function kindSchema(schema: JsonSchema | undefined, openApi: OpenApiVersion): JsonObject {
  const preserves = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  // Naming any property would make kubectl refuse all others.
  if (schema === undefined || (openApi === 'v2' && preserves)) return { type: 'object' };
  const shown = withEmbedded(openApi === 'v2' ? toV2(schema) : schema, openApi);
  return {
    ...shown,
    properties: {
      ...shown.properties,
      ...typeMeta(),
      metadata: reference(`${META}.ObjectMeta`, METADATA_WORDS, openApi),
    },
  };
}

function listSchema(
  { group, version, kind, listKind, plural }: CustomKind,
  openApi: OpenApiVersion,
) {
  const item = refTo(definitionName({ group, version, kind }), openApi);
  return {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMeta(),
      items: {
        description: `List of ${plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md`,
        type: 'array',
        items: item,
      },
      metadata: reference(`${META}.ListMeta`, LIST_METADATA_WORDS, openApi),
    },
    'x-kubernetes-group-version-kind': [{ group, kind: listKind, version }],
  };
}

function typeMeta(): JsonObject {
  return {
    apiVersion: { description: API_VERSION_WORDS, type: 'string' },
    kind: { description: KIND_WORDS, type: 'string' },
  };
}

function refTo(definition: string, openApi: OpenApiVersion): JsonObject {
  return { $ref: `${openApi === 'v2' ? '#/definitions/' : '#/components/schemas/'}${definition}` };
}

/** In v3 nothing may stand beside a reference, so the description wraps it. */
function reference(definition: string, description: string, openApi: OpenApiVersion): JsonObject {
  const ref = refTo(definition, openApi);
  return openApi === 'v2' ? { description, ...ref } : { allOf: [ref], description };
}

/** Resources inside a resource have the three fields too. */
function withEmbedded(schema: JsonSchema, openApi: OpenApiVersion): JsonSchema {
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const properties = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [name, embedded(property, openApi)] as const,
  );
  return {
    ...schema,
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(items === undefined ? {} : { items: embedded(items, openApi) }),
    ...(values === undefined ? {} : { additionalProperties: embedded(values, openApi) }),
  };
}

function embedded(schema: JsonSchema, openApi: OpenApiVersion): JsonSchema {
  const inner = withEmbedded(schema, openApi);
  if (schema['x-kubernetes-embedded-resource'] !== true) return inner;
  if (openApi === 'v2' && schema['x-kubernetes-preserve-unknown-fields'] === true) return inner;
  return {
    ...inner,
    required: [...new Set([...(inner.required ?? []), 'kind', 'apiVersion'])],
    properties: {
      ...inner.properties,
      ...(typeMeta() as Readonly<Record<string, JsonSchema>>),
      metadata: reference(`${META}.ObjectMeta`, METADATA_WORDS, openApi) as JsonSchema,
    },
  };
}

/** Alternatives, nullable and open objects have no form in v2: there the field is described by no type at all. */
function toV2(schema: JsonSchema): JsonSchema {
  const { oneOf: _1, anyOf: _2, not: _3, nullable, ...rest } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (nullable === true || open || schema['x-kubernetes-int-or-string'] === true) {
    const { type: _4, items: _5, properties: _6, additionalProperties: _7, ...untyped } = rest;
    return untyped;
  }
  const items = itemsOf(rest);
  const values = valuesOf(rest);
  const properties = Object.entries(rest.properties ?? {}).map(
    ([name, property]) => [name, toV2(property)] as const,
  );
  return {
    ...rest,
    ...(rest.allOf === undefined ? {} : { allOf: rest.allOf.map(toV2) }),
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(items === undefined ? {} : { items: toV2(items) }),
    ...(values === undefined ? {} : { additionalProperties: toV2(values) }),
  };
}

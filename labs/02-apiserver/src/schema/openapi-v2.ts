// openapi-v2: the older document, /openapi/v2, made from the same operations and schemas as those of v3.
//
// One document for the whole server. A reference with a description stands side by side here, where v3 has to wrap it; "one of two
// types" has no form and is a string of a special format; bodies are parameters. kubectl still asks for it, in protobuf
// (openapi-v2-protobuf.ts), to check a `kind: List`; other clients ask for it as JSON.
//
// Same document upstream: kube-openapi, pkg/builder and pkg/openapiconv.

import type { Schema } from './catalog.ts';
import { nameOfReference, schemasFor, TITLE, VERSION } from './openapi.ts';
import { type Json, pathsOf, type ResourceInfo } from './openapi-paths.ts';

const V3_PREFIX = '#/components/schemas/';
const V2_PREFIX = '#/definitions/';
const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

export interface SwaggerDocument {
  readonly swagger: '2.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Json>>;
  readonly definitions: Readonly<Record<string, Json>>;
}

export function openapiV2(
  groupVersions: readonly string[],
  resources: readonly ResourceInfo[],
): SwaggerDocument {
  const schemas = schemasFor(groupVersions, resources, 'v2');
  const paths = Object.assign({}, ...resources.map(pathsOf)) as Record<string, Json>;
  return {
    swagger: '2.0',
    info: { title: TITLE, version: VERSION },
    paths: mapValues(paths, pathItem),
    definitions: mapValues(schemas, (schema) => toV2(schema as Schema)),
  };
}

/** A schema of v3 in the words of v2; one that is in v2's already stays as it is. */
export function toV2(schema: Schema): Json {
  const reference = nameOfReference(schema);
  if (reference !== undefined) {
    const { allOf: _, $ref: __, ...beside } = schema;
    return { ...beside, $ref: V2_PREFIX + reference };
  }
  const { oneOf, items, additionalProperties, properties, ...rest } = schema;
  return {
    ...rest,
    ...(oneOf === undefined ? {} : { type: 'string', format: rest.format ?? 'int-or-string' }),
    ...(items === undefined ? {} : { items: toV2(items) }),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            typeof additionalProperties === 'object' ? toV2(additionalProperties) : true,
        }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, toV2) }),
  };
}

function pathItem(item: Json): Json {
  const operations = METHODS.filter((method) => item[method] !== undefined);
  return {
    ...Object.fromEntries(
      operations.map((method) => [method, operation(item[method] as V3Operation)]),
    ),
    parameters: (item.parameters as readonly V3Parameter[]).map(parameter),
  };
}

interface V3Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: { readonly type: string };
}
type Content = Readonly<Record<string, { readonly schema: Json }>>;
interface V3Operation {
  readonly description: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters: readonly V3Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Content }>
  >;
  readonly [extension: `x-${string}`]: unknown;
}

function operation({ requestBody, responses, parameters, ...rest }: V3Operation): Json {
  const consumes = Object.keys(requestBody?.content ?? {});
  const produces = Object.keys(responses['200']?.content ?? {});
  const body = schemaIn(requestBody?.content);
  return {
    ...rest,
    consumes: consumes.length === 0 ? ['*/*'] : consumes,
    produces,
    schemes: ['https'],
    parameters: [
      ...(body === undefined ? [] : [{ name: 'body', in: 'body', required: true, schema: body }]),
      ...parameters.map(parameter),
    ],
    responses: mapValues(responses, ({ description, content }) => {
      const schema = schemaIn(content);
      return { description, ...(schema === undefined ? {} : { schema }) };
    }),
  };
}

function schemaIn(content: Content | undefined): Json | undefined {
  const schema = Object.values(content ?? {})[0]?.schema;
  if (schema === undefined) return undefined;
  const { $ref } = schema as { $ref?: string };
  return $ref === undefined ? schema : { $ref: $ref.replace(V3_PREFIX, V2_PREFIX) };
}

function parameter({ schema, ...rest }: V3Parameter): Json {
  return { ...rest, type: schema.type, uniqueItems: true };
}

function mapValues<T, R>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => R,
): Readonly<Record<string, R>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

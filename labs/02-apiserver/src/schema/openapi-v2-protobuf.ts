// openapi-v2-protobuf: the v2 document in the messages of gnostic's OpenAPIv2.proto, the only form in which kubectl takes it.
//
// The fields that our document has, and no others; extensions (`x-kubernetes-…`) travel as YAML text, which JSON is.
//
// Same form upstream: kube-openapi, pkg/handler (ToProtoBinary).

import protobuf from 'protobufjs';
import type { SwaggerDocument } from './openapi-v2.ts';

/** The client asks for spec.v2@v1.0; no media type may hold an @, so the answer has a dot, as upstream's. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const field = (id: number, type: string, rule?: 'repeated') => ({
  id,
  type,
  ...(rule && { rule }),
});
const named = (value: string) => ({
  fields: { name: field(1, 'string'), value: field(2, value) },
});
const listOf = (type: string) => ({ fields: { entries: field(1, type, 'repeated') } });

/** The messages that we write; numbers are those of gnostic's OpenAPIv2.proto. */
const root = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { yaml: field(2, 'string') } },
    NamedAny: named('Any'),
    NamedSchema: named('Schema'),
    NamedPathItem: named('PathItem'),
    NamedResponseValue: named('ResponseValue'),
    TypeItem: { fields: { value: field(1, 'string', 'repeated') } },
    ItemsItem: { fields: { schema: field(1, 'Schema', 'repeated') } },
    AdditionalPropertiesItem: {
      fields: { schema: field(1, 'Schema'), boolean: field(2, 'bool') },
    },
    Properties: listOf('NamedSchema'),
    Schema: {
      fields: {
        ref: field(1, 'string'),
        format: field(2, 'string'),
        description: field(4, 'string'),
        required: field(19, 'string', 'repeated'),
        additionalProperties: field(21, 'AdditionalPropertiesItem'),
        type: field(22, 'TypeItem'),
        items: field(23, 'ItemsItem'),
        properties: field(25, 'Properties'),
        vendorExtension: field(31, 'NamedAny', 'repeated'),
      },
    },
    BodyParameter: {
      fields: {
        name: field(2, 'string'),
        in: field(3, 'string'),
        required: field(4, 'bool'),
        schema: field(5, 'Schema'),
      },
    },
    QueryParameter: {
      fields: {
        required: field(1, 'bool'),
        in: field(2, 'string'),
        name: field(4, 'string'),
        type: field(6, 'string'),
        uniqueItems: field(20, 'bool'),
      },
    },
    PathParameter: {
      fields: {
        required: field(1, 'bool'),
        in: field(2, 'string'),
        name: field(4, 'string'),
        type: field(5, 'string'),
        uniqueItems: field(19, 'bool'),
      },
    },
    NonBodyParameter: {
      fields: { query: field(3, 'QueryParameter'), path: field(4, 'PathParameter') },
    },
    Parameter: {
      fields: { body: field(1, 'BodyParameter'), nonBody: field(2, 'NonBodyParameter') },
    },
    ParametersItem: { fields: { parameter: field(1, 'Parameter') } },
    SchemaItem: { fields: { schema: field(1, 'Schema') } },
    Response: { fields: { description: field(1, 'string'), schema: field(2, 'SchemaItem') } },
    ResponseValue: { fields: { response: field(1, 'Response') } },
    Responses: listOf('NamedResponseValue'),
    Operation: {
      fields: {
        tags: field(1, 'string', 'repeated'),
        description: field(3, 'string'),
        operationId: field(5, 'string'),
        produces: field(6, 'string', 'repeated'),
        consumes: field(7, 'string', 'repeated'),
        parameters: field(8, 'ParametersItem', 'repeated'),
        responses: field(9, 'Responses'),
        schemes: field(10, 'string', 'repeated'),
        vendorExtension: field(13, 'NamedAny', 'repeated'),
      },
    },
    PathItem: {
      fields: {
        get: field(2, 'Operation'),
        put: field(3, 'Operation'),
        post: field(4, 'Operation'),
        delete: field(5, 'Operation'),
        patch: field(8, 'Operation'),
        parameters: field(9, 'ParametersItem', 'repeated'),
      },
    },
    Paths: { fields: { path: field(2, 'NamedPathItem', 'repeated') } },
    Info: { fields: { title: field(1, 'string'), version: field(2, 'string') } },
    Document: {
      fields: {
        swagger: field(1, 'string'),
        info: field(2, 'Info'),
        paths: field(8, 'Paths'),
        definitions: field(9, 'Properties'),
      },
    },
  },
});

interface Node {
  readonly [name: string]: unknown;
}

export function encodeOpenapiV2({
  swagger,
  info,
  paths,
  definitions,
}: SwaggerDocument): Uint8Array {
  const message = {
    swagger,
    info,
    paths: { path: entriesOf(paths, pathItem) },
    definitions: { entries: entriesOf(definitions, schema) },
  };
  return root.lookupType('Document').encode(message).finish();
}

function entriesOf(record: unknown, change: (value: Node) => object): object[] {
  return Object.entries((record ?? {}) as Record<string, Node>).map(([name, value]) => ({
    name,
    value: change(value),
  }));
}

function pathItem({ parameters, ...methods }: Node): object {
  const operations = Object.entries(methods as Record<string, Node>);
  return {
    ...Object.fromEntries(operations.map(([method, value]) => [method, operation(value)])),
    parameters: (parameters as readonly Node[]).map(parameter),
  };
}

function operation({ parameters, responses, ...rest }: Node): object {
  const { tags, description, operationId, produces, consumes, schemes } = rest;
  return {
    ...{ tags, description, operationId, produces, consumes, schemes },
    parameters: (parameters as readonly Node[]).map(parameter),
    responses: { entries: entriesOf(responses, response) },
    vendorExtension: extensionsOf(rest),
  };
}

function parameter(one: Node): object {
  const parameter =
    one.in === 'body'
      ? { body: { ...one, schema: schema(one.schema as Node) } }
      : { nonBody: one.in === 'path' ? { path: one } : { query: one } };
  return { parameter };
}

function response({ description, schema: content }: Node): object {
  const inner = content === undefined ? {} : { schema: { schema: schema(content as Node) } };
  return { response: { description, ...inner } };
}

function schema(one: Node): object {
  const { $ref, description, required, type, format, items, properties } = one;
  return {
    ...($ref === undefined ? {} : { ref: $ref }),
    ...(format === undefined ? {} : { format }),
    ...(description === undefined ? {} : { description }),
    ...(required === undefined ? {} : { required }),
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(items === undefined ? {} : { items: { schema: [schema(items as Node)] } }),
    ...(properties === undefined ? {} : { properties: { entries: entriesOf(properties, schema) } }),
    ...valuesOf(one),
    vendorExtension: extensionsOf(one),
  };
}

function valuesOf({ additionalProperties: values }: Node): object {
  if (values === undefined) return {};
  const inner = typeof values === 'object' ? { schema: schema(values as Node) } : { boolean: true };
  return { additionalProperties: inner };
}

function extensionsOf(node: Node): object[] {
  return Object.entries(node)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => ({ name, value: { yaml: `${JSON.stringify(value)}\n` } }));
}

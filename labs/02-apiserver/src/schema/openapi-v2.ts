// openapi-v2: the older document, in protobuf, which kubectl still asks for: to check a `kind: List`, and kubectl before 1.27 always.
//
// The same definitions as in v3, in the messages of gnostic's OpenAPIv2.proto; clients take it in no other form. It is made when first
// asked for, and kept. Only what kubectl reads is there: definitions with their fields and kinds, no paths.
//
// Same document upstream: kube-openapi, pkg/handler. Left out: paths and parameters, and the JSON form.

import protobuf from 'protobufjs';
import { mergeRuleOf, patchStrategyOf } from '../patch/merge-keys.ts';
import { referenceOf, type Schema, schemaFile, schemaOf } from './catalog.ts';

/** The client asks for spec.v2@v1.0; no media type may hold an @, so the answer has a dot, as upstream's. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const TITLE = 'Kubernetes';
const VERSION = 'v1.34.0';

const field = (id: number, type: string, rule?: 'repeated') => ({
  id,
  type,
  ...(rule && { rule }),
});

/** The messages that we write; numbers are those of gnostic's OpenAPIv2.proto. */
const root = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { yaml: field(2, 'string') } },
    NamedAny: { fields: { name: field(1, 'string'), value: field(2, 'Any') } },
    TypeItem: { fields: { value: field(1, 'string', 'repeated') } },
    ItemsItem: { fields: { schema: field(1, 'Schema', 'repeated') } },
    AdditionalPropertiesItem: { fields: { schema: field(1, 'Schema') } },
    NamedSchema: { fields: { name: field(1, 'string'), value: field(2, 'Schema') } },
    Properties: { fields: { entries: field(1, 'NamedSchema', 'repeated') } },
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
    Info: { fields: { title: field(1, 'string'), version: field(2, 'string') } },
    Paths: { fields: {} },
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

const documents = new Map<string, Uint8Array>();

export function openapiV2Document(groupVersions: readonly string[]): Uint8Array {
  const key = groupVersions.join(' ');
  const known = documents.get(key);
  if (known !== undefined) return known;
  const document = root.lookupType('Document');
  const bytes = document
    .encode({
      swagger: '2.0',
      info: { title: TITLE, version: VERSION },
      paths: {},
      definitions: { entries: definitionsOf(groupVersions) },
    })
    .finish();
  documents.set(key, bytes);
  return bytes;
}

function definitionsOf(groupVersions: readonly string[]): object[] {
  const seen = new Map<string, object>();
  const visit = (definition: string): void => {
    if (seen.has(definition)) return;
    const schema = schemaOf(definition);
    if (schema === undefined) return;
    seen.set(definition, {});
    seen.set(definition, schemaMessage(schema, visit, definition));
  };
  for (const groupVersion of groupVersions) {
    for (const definition of Object.keys(schemaFile(groupVersion)?.definitions ?? {}))
      visit(definition);
  }
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value }));
}

function schemaMessage(
  schema: Schema,
  visit: (definition: string) => void,
  owner?: string,
): object {
  const { description, required, items, additionalProperties, properties } = schema;
  const reference = referenceOf(schema);
  if (reference !== undefined) visit(reference);
  const inner = (child: Schema) => schemaMessage(child, visit);
  const entries = Object.entries(properties ?? {}).map(([name, child]) => ({
    name,
    value: withMergeKeys(inner(child), owner ?? '', name),
  }));
  return {
    ...(reference !== undefined && { ref: `#/definitions/${reference}` }),
    ...(description !== undefined && { description }),
    ...(required !== undefined && { required }),
    ...typeOf(schema, reference),
    ...(items !== undefined && { items: { schema: [inner(items)] } }),
    ...(additionalProperties !== undefined && {
      additionalProperties: { schema: inner(additionalProperties) },
    }),
    ...(properties !== undefined && { properties: { entries } }),
    vendorExtension: extensionsOf(schema),
  };
}

/** What is "one of two types" in v3 was a string of a special format in v2. */
function typeOf(schema: Schema, reference: string | undefined): object {
  if (reference !== undefined) return {};
  if (schema.oneOf !== undefined) {
    return { type: { value: ['string'] }, format: schema.format ?? 'int-or-string' };
  }
  const { type, format } = schema;
  return {
    ...(type !== undefined && { type: { value: [type] } }),
    ...(format !== undefined && { format }),
  };
}

function extensionsOf(schema: Schema): object[] {
  return Object.entries(schema)
    .filter(([name]) => name.startsWith('x-kubernetes-'))
    .map(([name, value]) => extension(name, value));
}

/** JSON is YAML. */
function extension(name: string, value: unknown): object {
  return { name, value: { yaml: `${JSON.stringify(value)}\n` } };
}

function withMergeKeys(message: object, owner: string, property: string): object {
  const rule = mergeRuleOf(owner, property);
  if (rule === undefined) return message;
  const merge = [
    extension('x-kubernetes-patch-strategy', patchStrategyOf(rule)),
    ...(rule.mergeKey === undefined
      ? []
      : [extension('x-kubernetes-patch-merge-key', rule.mergeKey)]),
  ];
  const { vendorExtension = [] } = message as { vendorExtension?: object[] };
  return { ...message, vendorExtension: [...vendorExtension, ...merge] };
}

// definition-codec: how CustomResourceDefinitions are read.
//
// As every kind of the server, but for one thing: where a schema may stand beside something else (`items`: also a list of schemas;
// `additionalProperties`: also a boolean), Go's decoder is written by hand and drops unknown keywords silently, while the
// generated schema says only "any value" there. So schemas in those places are decoded here, once more.
//
// Same effect upstream: apiextensions-apiserver, pkg/apis/apiextensions/v1/marshal.go.

import { badRequest } from '../api-error.ts';
import type { DecodedObject } from '../codec/decode.ts';
import { decodeGoObject } from '../codec/go-decode.ts';
import { GoTypeError } from '../codec/go-place.ts';
import { goCodec, type KindCodec } from '../codec/kind-codec.ts';
import type { CustomResourceDefinition } from './definition.ts';
import { isJsonObject, type JsonObject } from './json-schema.ts';

const KIND = 'CustomResourceDefinition';
const SCHEMA = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
const base = goCodec({ group: 'apiextensions.k8s.io', version: 'v1', kind: KIND });

export const customResourceDefinitionCodec: KindCodec = {
  ...base,
  get structure() {
    return base.structure;
  },
  decode: (bytes, contentType, validation) =>
    withSchemas(base.decode(bytes, contentType, validation)),
  check: (value, validation) => withSchemas(base.check(value, validation)),
};

function withSchemas(decoded: DecodedObject): DecodedObject {
  const definition = decoded.object as CustomResourceDefinition;
  definition.spec = filled(definition.spec);
  try {
    for (const { schema } of definition.spec.versions) {
      if (isJsonObject(schema?.openAPIV3Schema)) normalize(schema.openAPIV3Schema);
    }
    return decoded;
  } catch (error) {
    if (!(error instanceof GoTypeError)) throw error;
    const lead = `${KIND} in version "v1" cannot be handled as a ${KIND}`;
    throw badRequest(`${lead}: ${error.message}`, error);
  }
}

/** Structs that Go holds by value are there, even when a client sends nothing of them: what is missing is for validation to say. */
function filled(
  spec: Partial<CustomResourceDefinition['spec']> = {},
): CustomResourceDefinition['spec'] {
  const names = { plural: '', kind: '', ...spec.names };
  return { group: '', scope: '', ...spec, names, versions: spec.versions ?? [] };
}

/** Writes into the schema, which was just decoded and is nobody else's. */
function normalize(schema: JsonObject): void {
  for (const name of ['items', 'additionalProperties', 'additionalItems']) {
    const inner = schema[name];
    if (isJsonObject(inner)) schema[name] = decodeGoObject(inner, SCHEMA).object;
  }
  const nested = [schema.items, schema.additionalProperties, schema.not];
  for (const name of ['allOf', 'anyOf', 'oneOf']) {
    const list = schema[name];
    if (Array.isArray(list)) nested.push(...(list as unknown[]));
  }
  if (isJsonObject(schema.properties)) nested.push(...Object.values(schema.properties));
  for (const inner of nested) if (isJsonObject(inner)) normalize(inner);
}

// body-envelope: what a request's body says it is, before anybody knows what it should be.
//
// By media type a body is JSON (the default), YAML or protobuf. All three can tell their kind and apiVersion first, and give
// their contents once the definition is known. What cannot be read at all fails here, in upstream's words.
//
// Same step upstream: apimachinery, pkg/runtime/serializer (recognizer, json's MetaFactory, protobuf).

import { unsupportedMediaType } from '../api-error.ts';
import { JsonSyntaxError, type ParsedJson, parseGoJson } from './go-json.ts';
import { decodeProtobuf, openEnvelope } from './protobuf.ts';
import { parseYaml } from './yaml-body.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const TYPE_META_GO =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** The message is upstream's. */
export class DecodeError extends Error {}

/** What a body says it is, and how to get at it once its kind is known. */
export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly strictErrors: readonly string[];
  read(definition: string): unknown;
}

export function openBody(body: Uint8Array, contentType: string | undefined): Envelope {
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase() || JSON_TYPE;
  if (mediaType === PROTOBUF_TYPE) {
    const { apiVersion, kind, raw } = openEnvelope(body);
    return { apiVersion, kind, strictErrors: [], read: (name) => decodeProtobuf(raw, name) };
  }
  if (mediaType !== JSON_TYPE && mediaType !== YAML_TYPE) {
    throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (mediaType === YAML_TYPE) {
    const { value, duplicateErrors } = parseYaml(text);
    return { ...typeMetaOf(value), strictErrors: duplicateErrors, read: () => value };
  }
  const { value, duplicates } = parseJson(text);
  const strictErrors = duplicates.map((path) => `duplicate field "${path}"`);
  return { ...typeMetaOf(value), strictErrors, read: () => value };
}

function parseJson(text: string): ParsedJson {
  try {
    return parseGoJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new JsonSyntaxError(`couldn't get version/kind; json parse error: ${error.message}`);
  }
}

function typeMetaOf(value: unknown): { apiVersion: string; kind: string } {
  if (value === null) return { apiVersion: '', kind: '' };
  const fail = (type: string, target: string): DecodeError =>
    new DecodeError(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into ${target}`,
    );
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw fail(goTypeOf(value), `Go value of type ${TYPE_META_GO}`);
  }
  const { apiVersion = '', kind = '' } = nullsGone(value);
  for (const [name, inner] of Object.entries({ apiVersion, kind })) {
    if (typeof inner !== 'string') {
      throw fail(goTypeOf(inner), `Go struct field .${name} of type string`);
    }
  }
  if (String(apiVersion).split('/').length > 2) {
    throw new DecodeError(`unexpected GroupVersion string: ${String(apiVersion)}`);
  }
  return { apiVersion: String(apiVersion), kind: String(kind) };
}

function nullsGone(value: object): { apiVersion?: unknown; kind?: unknown } {
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  return { apiVersion: apiVersion ?? '', kind: kind ?? '' };
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

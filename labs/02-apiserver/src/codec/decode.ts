// decode: the body of a request becomes an object of the kind that its path asks for.
//
// Steps: media type → value (JSON, YAML, protobuf) → what kind does it say it is → go-decode → strictness. Whatever a client
// sends, the outcome is an object or an ApiError in upstream's words; nothing else may escape, or one bad body would be a 500.
// kind and apiVersion may be left out: the path says what is meant.
//
// Same steps upstream: apiserver, pkg/endpoints/handlers (create.go, rest.go: transformDecodeError) over
// apimachinery's codec factory.

import { badRequest, invalid, unsupportedMediaType } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { definitionOfKind, findKindAnywhere, type GroupVersionKind } from '../schema/catalog.ts';
import { decodeGoObject, GoTypeError } from './go-decode.ts';
import { JsonSyntaxError, type ParsedJson, parseGoJson } from './go-json.ts';
import { decodeProtobuf, openEnvelope, ProtobufError } from './protobuf.ts';
import { QuantityError } from './quantity.ts';
import { TimeError } from './time.ts';
import { parseYaml, YamlError } from './yaml-body.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodedObject {
  readonly object: KubernetesObject;
  /** For `Warning:` headers; empty unless fieldValidation is Warn. */
  readonly warnings: readonly string[];
}

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const SUMMARY_MAX_BYTES = 30;
const SCHEME = 'pkg/api/legacyscheme/scheme.go:30';
const TYPE_META_GO =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** What a body says it is, and how to get at it once its kind is known. */
interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly strictErrors: readonly string[];
  read(definition: string): unknown;
}

export function decodeObject(
  body: Uint8Array,
  contentType: string | undefined,
  expected: GroupVersionKind,
  fieldValidation: FieldValidation,
): DecodedObject {
  let actual: GroupVersionKind | undefined;
  try {
    const envelope = openBody(body, contentType);
    actual = withDefaults(envelope, expected);
    const definition = definitionFor(actual, expected);
    const { object, unknownFields } = decodeGoObject(envelope.read(definition), definition);
    const strict = [...envelope.strictErrors, ...unknownFields.map(unknownField)];
    if (fieldValidation === 'Strict' && strict.length > 0) throw new StrictError(strict);
    return {
      object: withTypeMeta(object, actual),
      warnings: fieldValidation === 'Warn' ? strict : [],
    };
  } catch (error) {
    if (!isClientFault(error)) throw error;
    throw badRequest(describeFailure(error, actual, expected, body), error);
  }
}

/** The same check for a value that is already parsed: the result of a patch. Its faults are the patch's, hence 422. */
export function checkObject(
  object: unknown,
  expected: GroupVersionKind,
  fieldValidation: FieldValidation,
): DecodedObject {
  const definition = definitionOfKind(expected);
  if (definition === undefined) throw badRequest(notRegistered(expected));
  try {
    const decoded = decodeGoObject(object, definition);
    const strict = decoded.unknownFields.map(unknownField);
    if (fieldValidation === 'Strict' && strict.length > 0) throw new StrictError(strict);
    return {
      object: withTypeMeta(decoded.object, expected),
      warnings: fieldValidation === 'Warn' ? strict : [],
    };
  } catch (error) {
    if (!isClientFault(error)) throw error;
    const message = `Invalid value: ${JSON.stringify(JSON.stringify(object))}: ${error.message}`;
    throw invalid({ group: '', kind: '' }, '', `patch: ${message}`, [
      { reason: 'FieldValueInvalid', message, field: 'patch' },
    ]);
  }
}

/** DeleteOptions, Eviction, Scale, Binding …: an empty body is an object without fields. Unknown fields are let pass. */
export function decodeOptions(
  body: Uint8Array,
  contentType: string | undefined,
  kind: string,
): Record<string, unknown> {
  if (body.length === 0) return {};
  const definition = findKindAnywhere(kind);
  if (definition === undefined) throw badRequest(`no kind "${kind}" is registered`);
  try {
    const envelope = openBody(body, contentType);
    if (envelope.kind !== '' && envelope.kind !== kind) {
      const own = findKindAnywhere(envelope.kind);
      throw new DecodeError(
        own === undefined
          ? `no kind "${envelope.kind}" is registered for version "${envelope.apiVersion}" in scheme "${SCHEME}"`
          : `converting (v1.${envelope.kind}) to (core.${kind}): unknown conversion`,
      );
    }
    const { object } = decodeGoObject(envelope.read(definition), definition);
    const { apiVersion, kind: own } = envelope;
    return {
      ...object,
      ...(apiVersion === '' ? {} : { apiVersion }),
      ...(own === '' ? {} : { kind: own }),
    };
  } catch (error) {
    if (!isClientFault(error)) throw error;
    throw badRequest(error.message, error);
  }
}

/** kind and apiVersion stand first, where Go puts them. */
function withTypeMeta(object: Record<string, unknown>, gvk: GroupVersionKind): KubernetesObject {
  return Object.assign({ kind: gvk.kind, apiVersion: versionText(gvk) }, object, {
    kind: gvk.kind,
    apiVersion: versionText(gvk),
  });
}

class DecodeError extends Error {}

class StrictError extends Error {
  constructor(errors: readonly string[]) {
    super(`strict decoding error: ${errors.join(', ')}`);
  }
}

function isClientFault(error: unknown): error is Error {
  return [
    DecodeError,
    StrictError,
    GoTypeError,
    JsonSyntaxError,
    ProtobufError,
    QuantityError,
    TimeError,
    YamlError,
  ].some((type) => error instanceof type);
}

function openBody(body: Uint8Array, contentType: string | undefined): Envelope {
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

function withDefaults(envelope: Envelope, expected: GroupVersionKind): GroupVersionKind {
  const kind = envelope.kind || expected.kind;
  if (envelope.apiVersion === '') return { ...expected, kind };
  const [first = '', second] = envelope.apiVersion.split('/');
  return second === undefined
    ? { group: '', version: first, kind }
    : { group: first, version: second, kind };
}

function definitionFor(actual: GroupVersionKind, expected: GroupVersionKind): string {
  const definition = definitionOfKind(actual);
  if (definition === undefined) throw new DecodeError(notRegistered(actual));
  const sameVersion = versionText(actual) === versionText(expected);
  if (actual.kind !== expected.kind) {
    const from = `${actual.version}.${actual.kind}`;
    throw new DecodeError(
      `converting (${from}) to (${internalName(expected)}): unknown conversion`,
    );
  }
  if (!sameVersion) {
    throw badRequest(
      `the API version in the data (${versionText(actual)}) does not match the expected API version (${versionText(expected)})`,
    );
  }
  return definition;
}

function notRegistered(gvk: GroupVersionKind): string {
  return `no kind "${gvk.kind}" is registered for version "${versionText(gvk)}" in scheme "${SCHEME}"`;
}

/** Upstream converts into types of its own, which it names after the group: core.Pod, apps.Deployment. */
function internalName({ group, kind }: GroupVersionKind): string {
  return `${group.split('.')[0] || 'core'}.${kind}`;
}

function versionText({ group, version }: GroupVersionKind): string {
  return group === '' ? version : `${group}/${version}`;
}

function unknownField(path: string): string {
  return `unknown field "${path}"`;
}

function describeFailure(
  error: Error,
  actual: GroupVersionKind | undefined,
  expected: GroupVersionKind,
  body: Uint8Array,
): string {
  if (actual !== undefined) {
    const { kind, version } = actual;
    return `${kind} in version "${version}" cannot be handled as a ${expected.kind}: ${error.message}`;
  }
  return `the object provided is unrecognized (must be of type ${expected.kind}): ${error.message} (${summaryOf(body)})`;
}

/** The start of the body: as text when it looks like JSON, else in hex. */
function summaryOf(body: Uint8Array): string {
  if (body.length === 0) return '<empty>';
  const start = Buffer.from(body.subarray(0, SUMMARY_MAX_BYTES));
  const shown = start.toString(body[0] === 0x7b ? 'utf8' : 'hex');
  return body.length > SUMMARY_MAX_BYTES ? `${shown} ...` : shown;
}

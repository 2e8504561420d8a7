// decode: the body of a request becomes an object of the kind that its path asks for.
//
// Steps: media type → value (JSON, YAML, protobuf) → what kind does it say it is → go-decode → strictness. Whatever a client
// sends, the outcome is an object or an ApiError in upstream's words; nothing else may escape, or one bad body would be a 500.
// kind and apiVersion may be left out: the path says what is meant.
//
// Same steps upstream: apiserver, pkg/endpoints/handlers (create.go, rest.go: transformDecodeError) over
// apimachinery's codec factory.

import { badRequest, invalid } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { definitionOfKind, findKindAnywhere, type GroupVersionKind } from '../schema/catalog.ts';
import { DecodeError, type Envelope, openBody } from './body-envelope.ts';
import { decodeGoObject } from './go-decode.ts';
import { JsonSyntaxError } from './go-json.ts';
import { GoTypeError } from './go-place.ts';
import { ProtobufError } from './protobuf.ts';
import { QuantityError } from './quantity.ts';
import { TimeError } from './time.ts';
import { warningsOf, YamlError } from './yaml-body.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodedObject {
  readonly object: KubernetesObject;
  /** For `Warning:` headers; empty unless fieldValidation is Warn. */
  readonly warnings: readonly string[];
}

const SUMMARY_MAX_BYTES = 30;
const SCHEME = 'pkg/api/legacyscheme/scheme.go:30';

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
    const value = envelope.read(definition);
    const { object, unknownFields } = decodeGoObject(value, definition);
    const strict = [...envelope.strictErrors, ...unknownFields.map(unknownField)];
    if (fieldValidation === 'Strict' && strict.length > 0) throw new StrictError(strict);
    return {
      object: withTypeMeta(keepingReset(object, value), actual),
      warnings: fieldValidation === 'Warn' ? strict.flatMap(warningsOf) : [],
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
      object: withTypeMeta(keepingReset(decoded.object, object), expected),
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

/**
 * An empty list of managedFields is more than none: it resets the list. Go keeps the difference in memory, though not in JSON, and so
 * does the object that is about to be written.
 */
export function keepingReset(
  object: Record<string, unknown>,
  sent: unknown,
): Record<string, unknown> {
  const list = metadataOf(sent)?.managedFields;
  const metadata = metadataOf(object);
  if (Array.isArray(list) && list.length === 0 && metadata !== undefined) {
    metadata.managedFields = [];
  }
  return object;
}

function metadataOf(object: unknown): Record<string, unknown> | undefined {
  const metadata = (object as { metadata?: unknown } | null | undefined)?.metadata;
  return typeof metadata === 'object' && metadata !== null
    ? (metadata as Record<string, unknown>)
    : undefined;
}

/** kind and apiVersion stand first, where Go puts them. */
function withTypeMeta(object: Record<string, unknown>, gvk: GroupVersionKind): KubernetesObject {
  return Object.assign({ kind: gvk.kind, apiVersion: versionText(gvk) }, object, {
    kind: gvk.kind,
    apiVersion: versionText(gvk),
  });
}

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

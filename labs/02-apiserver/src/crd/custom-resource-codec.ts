// custom-resource-codec: how custom resources are read, from clients and from the store.
//
//   from a client   JSON or YAML → nulls that may not be there go → defaults → unknown fields go (and are reported) → metadata
//   from the store  the same without complaint: what the schema has forgotten goes, what it learned since is filled in
//
// Defaults come before pruning, so that a default never brings in what the schema does not know. An object says its kind itself:
// unlike for the server's own kinds, the path does not stand in for it.
//
// Same steps upstream: apiextensions-apiserver, pkg/apiserver/customresource_handler.go (unstructuredNegotiatedSerializer,
// schemaCoercingDecoder, unstructuredDefaulter).

import { isDeepStrictEqual } from 'node:util';
import { badRequest, invalid as invalidObject, unsupportedMediaType } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { DecodeError, type Envelope, openBody } from '../codec/body-envelope.ts';
import { copyJson } from '../codec/copy-json.ts';
import type { DecodedObject, FieldValidation } from '../codec/decode.ts';
import { JsonSyntaxError } from '../codec/go-json.ts';
import { GoTypeError } from '../codec/go-place.ts';
import type { KindCodec } from '../codec/kind-codec.ts';
import { TimeError } from '../codec/time.ts';
import { YamlError } from '../codec/yaml-body.ts';
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH } from '../patch/apply-patch.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { GroupVersionKind } from '../schema/catalog.ts';
import { invalid, invalidValue } from '../strategy/field-error.ts';
import { applyDefaults, dropNulls } from './default.ts';
import { coerceEmbedded, coerceMetadata, repairMetadata } from './embedded-meta.ts';
import { isJsonObject, type JsonObject, type JsonSchema } from './json-schema.ts';
import { prune } from './prune.ts';

const MEDIA_TYPES = ['application/json', 'application/yaml'];
const SUMMARY_MAX_BYTES = 30;

/** Unknown fields and the like: the message is upstream's, complete. */
class StrictError extends Error {
  constructor(errors: readonly string[]) {
    super(`strict decoding error: ${errors.join(', ')}`);
  }
}

export function customResourceCodec(
  gvk: GroupVersionKind,
  schema: JsonSchema | undefined,
): KindCodec {
  return {
    decode: (bytes, contentType, validation) =>
      decodeBody(bytes, contentType, { gvk, schema, validation }),
    check: (value, validation) => checkPatched(value, { gvk, schema, validation }),
    patchTypes: [JSON_PATCH, MERGE_PATCH, APPLY_PATCH],
    structure: schema === undefined ? undefined : { kind: 'structural', schema: schema as object },
    setDefaults() {}, // decode() and check() have done it.
  };
}

/** A stored object as its schema sees it today: a copy, or the very same when there is nothing to do. */
export function readFromStore(
  object: ReadonlyApiObject,
  schema: JsonSchema | undefined,
): ReadonlyApiObject {
  const copy = copyJson(object) as unknown as JsonObject;
  dropNulls(copy, schema);
  applyDefaults(copy, schema);
  prune(copy, schema);
  repairMetadata(copy);
  return isDeepStrictEqual(copy, object) ? object : (copy as unknown as ReadonlyApiObject);
}

interface Reading {
  readonly gvk: GroupVersionKind;
  readonly schema: JsonSchema | undefined;
  readonly validation: FieldValidation;
}

function decodeBody(
  bytes: Uint8Array,
  contentType: string | undefined,
  reading: Reading,
): DecodedObject {
  const { gvk } = reading;
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase() || 'application/json';
  if (!MEDIA_TYPES.includes(mediaType)) throw unsupportedMediaType(MEDIA_TYPES);
  let envelope: Envelope | undefined;
  try {
    envelope = openBody(bytes, contentType);
    const value = envelope.read('');
    if (!isJsonObject(value) || envelope.kind === '') {
      throw new DecodeError(`Object 'Kind' is missing in '${Buffer.from(bytes).toString()}'`);
    }
    if (envelope.apiVersion !== '' && envelope.apiVersion !== apiVersionOf(gvk)) {
      throw badRequest(
        `the API version in the data (${envelope.apiVersion}) does not match the expected API version (${apiVersionOf(gvk)})`,
      );
    }
    return coerce(value, envelope.strictErrors, reading);
  } catch (error) {
    if (!isClientFault(error)) throw error;
    throw badRequest(describeFailure(error, envelope, gvk, bytes), error);
  }
}

/** The result of a patch: its faults are the patch's. */
function checkPatched(value: unknown, reading: Reading): DecodedObject {
  const text = JSON.stringify(value);
  try {
    if (!isJsonObject(value)) throw new GoTypeError(`Object 'Kind' is missing in '${text}'`);
    return coerce(copyJson(value), [], reading);
  } catch (error) {
    if (!isClientFault(error)) throw error;
    const message = `Invalid value: ${JSON.stringify(text)}: ${error.message}`;
    throw invalidObject({ group: '', kind: '' }, '', `patch: ${message}`, [
      { reason: 'FieldValueInvalid', message, field: 'patch' },
    ]);
  }
}

/** Writes into `object`, which was just parsed. */
function coerce(
  object: JsonObject,
  strictErrors: readonly string[],
  { gvk, schema, validation }: Reading,
): DecodedObject {
  checkKind(object, gvk);
  dropNulls(object, schema);
  applyDefaults(object, schema);
  const unknown = [...prune(object, schema)].sort();
  unknown.push(...coerceMetadata(object), ...coerceEmbedded(object, schema));
  const strict = [...strictErrors, ...unknown.map((path) => `unknown field "${path}"`)];
  if (validation === 'Strict' && strict.length > 0) throw new StrictError(strict);
  const { kind } = gvk;
  const typed = Object.assign({ kind, apiVersion: apiVersionOf(gvk) }, object, {
    kind,
    apiVersion: apiVersionOf(gvk),
  });
  return { object: typed as KubernetesObject, warnings: validation === 'Warn' ? strict : [] };
}

function checkKind(object: JsonObject, gvk: GroupVersionKind): void {
  const { kind = gvk.kind, metadata } = object;
  if (kind === gvk.kind) return;
  const name = isJsonObject(metadata) && typeof metadata.name === 'string' ? metadata.name : '';
  throw invalid(gvk, name, [invalidValue('kind', kind, `must be ${gvk.kind}`)]);
}

function isClientFault(error: unknown): error is Error {
  return [DecodeError, StrictError, GoTypeError, JsonSyntaxError, TimeError, YamlError].some(
    (type) => error instanceof type,
  );
}

function apiVersionOf({ group, version }: GroupVersionKind): string {
  return `${group}/${version}`;
}

function describeFailure(
  error: Error,
  envelope: Envelope | undefined,
  gvk: GroupVersionKind,
  bytes: Uint8Array,
): string {
  if (envelope !== undefined) {
    const kind = envelope.kind || gvk.kind;
    return `${kind} in version "${gvk.version}" cannot be handled as a ${gvk.kind}: ${error.message}`;
  }
  return `the object provided is unrecognized (must be of type ${gvk.kind}): ${error.message} (${summaryOf(bytes)})`;
}

/** The start of the body: as text when it looks like JSON, else in hex. */
function summaryOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const start = Buffer.from(bytes.subarray(0, SUMMARY_MAX_BYTES));
  const shown = start.toString(bytes[0] === 0x7b ? 'utf8' : 'hex');
  return bytes.length > SUMMARY_MAX_BYTES ? `${shown} ...` : shown;
}

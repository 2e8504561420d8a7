// embedded-meta: apiVersion, kind and metadata, at the root of a custom resource and of resources inside it.
//
// Metadata is the machinery's, whatever the schema says: it is decoded as ObjectMeta, unknown fields in it are dropped, and fields
// of the wrong type are an error when they come from a client, or dropped when they lie in the store already.
//
// Same rules upstream: apiextensions-apiserver, pkg/apiserver/schema/objectmeta.

import { keepingReset } from '../codec/decode.ts';
import { decodeGoObject } from '../codec/go-decode.ts';
import { GoTypeError } from '../codec/go-place.ts';
import { TimeError } from '../codec/time.ts';
import { type FieldError, invalidValue, required } from '../strategy/field-error.ts';
import { dns1035Label, pathSegment } from '../strategy/name-rules.ts';
import { validateObjectMeta } from '../strategy/object-meta.ts';
import {
  fieldSchemaOf,
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  propertyOf,
} from './json-schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Writes the object's metadata as Go would; answers with the paths of fields that ObjectMeta does not have. */
export function coerceMetadata(object: JsonObject, path = ''): readonly string[] {
  const { metadata } = object;
  if (metadata === undefined || metadata === null) {
    delete object.metadata;
    return [];
  }
  const decoded = decodeGoObject(metadata, OBJECT_META);
  object.metadata = decoded.object;
  if (path === '') keepingReset(object, { metadata });
  const lead = path === '' ? 'metadata' : `${path}.metadata`;
  return decoded.unknownFields.map((field) => `${lead}.${field}`);
}

/** The same for every embedded resource below the root. Throws Go's error for a field of the wrong type. */
export function coerceEmbedded(
  value: unknown,
  schema: JsonSchema | undefined,
  path = '',
): readonly string[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.flatMap((item: unknown, index) =>
      coerceEmbedded(item, items, `${path}[${index}]`),
    );
  }
  if (!isJsonObject(value)) return [];
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const own = embedded ? coerceMetadata(value, path) : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([name, inner]) => {
      const at = path === '' ? name : `${path}.${name}`;
      return coerceEmbedded(inner, fieldSchemaOf(schema, name), at);
    }),
  ];
}

/** For what lies in the store: metadata that does not decode loses the fields that are wrong, instead of the whole object. */
export function repairMetadata(object: JsonObject): void {
  try {
    coerceMetadata(object);
  } catch (error) {
    if (!isWrongType(error)) throw error;
    const { metadata } = object;
    const fields = isJsonObject(metadata) ? Object.entries(metadata) : [];
    object.metadata = Object.fromEntries(fields.filter(([name, value]) => decodes(name, value)));
  }
}

function decodes(name: string, value: unknown): boolean {
  try {
    return decodeGoObject({ [name]: value }, OBJECT_META).unknownFields.length === 0;
  } catch (error) {
    if (isWrongType(error)) return false;
    throw error;
  }
}

function isWrongType(error: unknown): boolean {
  return error instanceof GoTypeError || error instanceof TimeError;
}

/** Every embedded resource says what it is, and its metadata is valid. */
export function validateEmbedded(
  value: unknown,
  schema: JsonSchema | undefined,
  path = '',
): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.flatMap((item: unknown, index) =>
      validateEmbedded(item, items, `${path}[${index}]`),
    );
  }
  if (!isJsonObject(value)) return [];
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  return [
    ...(embedded ? resourceErrors(value, path) : []),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const isProperty = propertyOf(schema, name) !== undefined;
      const child = path === '' ? name : `${path}.${name}`;
      return validateEmbedded(
        inner,
        fieldSchemaOf(schema, name),
        isProperty ? child : `${path}[${name}]`,
      );
    }),
  ];
}

function resourceErrors(resource: JsonObject, path: string): FieldError[] {
  return [
    ...versionErrors(resource, path),
    ...kindErrors(resource, path),
    ...metadataErrors(resource, path),
  ];
}

function versionErrors({ apiVersion }: JsonObject, path: string): FieldError[] {
  const field = `${path}.apiVersion`;
  if (apiVersion === undefined || apiVersion === '') return [required(field)];
  if (typeof apiVersion !== 'string') return [invalidValue(field, apiVersion, 'must be a string')];
  if (apiVersion.split('/').length <= 2) return [];
  return [invalidValue(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
}

function kindErrors({ kind }: JsonObject, path: string): FieldError[] {
  const field = `${path}.kind`;
  if (kind === undefined || kind === '') return [required(field)];
  if (typeof kind !== 'string') return [invalidValue(field, kind, 'must be a string')];
  const messages = dns1035Label(kind.toLowerCase());
  if (messages.length === 0) return [];
  const detail = `may have mixed case, but should otherwise match: ${messages.join(',')}`;
  return [invalidValue(field, kind, detail)];
}

function metadataErrors({ metadata }: JsonObject, path: string): FieldError[] {
  if (!isJsonObject(metadata)) return [];
  const { namespace = '' } = metadata;
  // A template has no name yet; any will do, so that its absence is no error.
  const named = { metadata: { name: 'fakename', ...metadata } };
  const rules = { namespaced: namespace !== '', name: pathSegment };
  return validateObjectMeta(named, rules).map((error) => ({
    ...error,
    field: `${path}.${error.field}`,
  }));
}

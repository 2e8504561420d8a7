// custom-resource-strategy: what the server keeps for itself, and what is valid, of an object that a definition describes.
//
// One strategy for each version: a client is judged by the schema of the version that it speaks. Without a status subresource the status
// is a field like any other; with it, each of the two writes leaves the other's part alone, and everything but metadata and
// status counts as the specification: a change of it is a new generation.
//
// An update that leaves a wrong value as it was is let pass (upstream calls it ratcheting): a schema that became stricter must
// not make old objects unchangeable.
//
// The schema's rules (x-kubernetes-validations) come last, and only for an object that is what the schema says: they are compiled with its
// types. They are compiled when the first object is judged, once for as long as the definition stays as it is.
//
// Same rules upstream: apiextensions-apiserver, pkg/registry/customresource (strategy.go, status_strategy.go, validator.go).
// Left out: for ratcheting of all but rules, items of a list are told apart by their place.

import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../client/resources.ts';
import { metadataOf } from '../registry/api-object.ts';
import { sameValue } from '../strategy/equality.ts';
import {
  bodyOf,
  type FieldError,
  type FieldErrorType,
  invalidValue,
} from '../strategy/field-error.ts';
import { dns1123Subdomain } from '../strategy/name-rules.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../strategy/object-meta.ts';
import { keep, type Strategy } from '../strategy/strategy.ts';
import { compileRules, type RuleNode } from './compiled-rules.ts';
import {
  type CustomResourceDefinitionVersion,
  hasStatus,
  scaleOf,
  schemaOfVersion,
} from './definition.ts';
import { validateEmbedded } from './embedded-meta.ts';
import { isJsonObject, type JsonObject, type JsonSchema } from './json-schema.ts';
import { validateListTypes } from './list-types.ts';
import { evaluateRules } from './rule-evaluation.ts';
import { validateCustomScale, validateCustomScaleStatus } from './scale.ts';
import { validateBySchema } from './schema-validator.ts';

export interface CustomResourceStrategyOptions {
  readonly version: CustomResourceDefinitionVersion;
  readonly namespaced: boolean;
}

export function customResourceStrategy({
  version,
  namespaced,
}: CustomResourceStrategyOptions): Strategy {
  const schema = schemaOfVersion(version);
  const scale = scaleOf(version);
  const withStatus = hasStatus(version);
  const bySchema = (object: KubernetesObject): FieldError[] =>
    schema === undefined ? [] : validateBySchema(object, schema);
  const withRules = ruleJudge(schema);
  const byScale = (object: KubernetesObject): FieldError[] =>
    scale === undefined ? [] : validateCustomScale(object, scale);
  return {
    setDefaults() {}, // The codec's business: defaults are the schema's.
    prepareForCreate(object) {
      if (withStatus) delete (object as JsonObject).status;
      metadataOf(object).generation = 1;
    },
    prepareForUpdate(object, old) {
      if (withStatus) keep(object, old, 'status');
      const generation = old.metadata?.generation ?? 0;
      metadataOf(object).generation = sameSpecification(object, old) ? generation : generation + 1;
    },
    prepareForStatusUpdate,
    validate: (object) =>
      withRules(object, undefined, [
        ...validateObjectMeta(object, { namespaced, name: dns1123Subdomain }),
        ...bySchema(object),
        ...byScale(object),
        ...validateEmbedded(object, schema),
        ...validateListTypes(object, schema),
      ]),
    validateUpdate: (object, old) =>
      withRules(object, old, [
        ...validateObjectMetaUpdate(object, old),
        ...ratcheted(bySchema(object), bySchema(old), { object, old }),
        ...byScale(object),
        ...validateEmbedded(object, schema),
        ...newOnly(validateListTypes(object, schema), validateListTypes(old, schema)),
      ]),
    validateStatusUpdate: (object, old) =>
      withRules(object, old, [
        ...validateObjectMetaUpdate(object, old),
        ...ratcheted(bySchema(object), bySchema(old), { object, old }),
        ...(scale === undefined ? [] : validateCustomScaleStatus(object, scale)),
        ...newOnly(validateListTypes(object, schema), validateListTypes(old, schema)),
      ]),
  };
}

type RuleJudge = (
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  errors: FieldError[],
) => FieldError[];

/** Adds to the errors that there are already what the schema's rules say. */
function ruleJudge(schema: JsonSchema | undefined): RuleJudge {
  let rules: RuleNode | undefined;
  let isCompiled = false;
  return (object, old, errors) => {
    if (!isCompiled && schema !== undefined) rules = compileRules(schema);
    isCompiled = true;
    if (rules === undefined) return errors;
    if (errors.some(isBlocking)) return [...errors, invalidValue('<nil>', null, UNCHECKED)];
    return [...errors, ...evaluateRules(rules, object, old)];
  };
}

const UNCHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const BLOCKING: readonly FieldErrorType[] = [
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
];

/** After these the values may not be what the rules were compiled for. */
function isBlocking({ type, detail }: FieldError): boolean {
  return BLOCKING.includes(type) || detail.includes('in body must be of type ');
}

/** Only the status is the client's, and of metadata what apply remembers. */
function prepareForStatusUpdate(object: KubernetesObject, old: KubernetesObject): void {
  const { managedFields } = object.metadata ?? {};
  for (const name of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (name !== 'status') keep(object, old, name as keyof KubernetesObject);
  }
  const { managedFields: _before, ...metadata } = old.metadata ?? {};
  object.metadata = managedFields === undefined ? metadata : { ...metadata, managedFields };
}

function sameSpecification(object: KubernetesObject, old: KubernetesObject): boolean {
  const { metadata: _, ...now } = object;
  const { metadata: __, ...before } = old;
  return sameValue(now, before);
}

/** What was wrong with the lists before is no reason to refuse a change now. */
function newOnly(errors: readonly FieldError[], before: readonly FieldError[]): FieldError[] {
  return before.length > 0 ? [] : [...errors];
}

/** Without the errors that the old object has too, at a value that did not change. */
function ratcheted(
  errors: readonly FieldError[],
  before: readonly FieldError[],
  { object, old }: { object: KubernetesObject; old: KubernetesObject },
): FieldError[] {
  if (errors.length === 0 || before.length === 0) return [...errors];
  const known = new Set(before.map(textOf));
  return errors.filter((error) => {
    // What is missing is missing in its parent: that is the value which must not have changed.
    const place = placeOf(error.field);
    const at = error.type === 'FieldValueRequired' ? place.slice(0, -1) : place;
    const same = at.length > 0 && isDeepStrictEqual(valueAt(object, at), valueAt(old, at));
    return !known.has(textOf(error)) || !same;
  });
}

function textOf(error: FieldError): string {
  return `${error.field}: ${bodyOf(error)}`;
}

/** `spec.list[0].name` → spec, list, 0, name. Keys with dots in them are not found, so their errors stay. */
function placeOf(field: string): readonly string[] {
  return field === '<nil>' ? [] : field.split(/[.[\]]+/).filter((part) => part !== '');
}

function valueAt(object: unknown, place: readonly string[]): unknown {
  return place.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return (value as unknown[])[Number(step)];
    return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, object);
}

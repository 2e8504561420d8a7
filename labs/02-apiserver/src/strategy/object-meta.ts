// object-meta: the rules for metadata, which every object has.
//
// The server fills in uid, creationTimestamp and resourceVersion before it asks; what is checked here is what clients say.
//
// Same rules upstream: apimachinery, pkg/api/validation/objectmeta.go.

import type { ObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1';
import type { KubernetesObject } from '../client/resources.ts';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
  tooLong,
} from './field-error.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  type NameRule,
  qualifiedName,
} from './name-rules.ts';

export interface MetadataRules {
  readonly namespaced: boolean;
  readonly name: NameRule;
}

const ANNOTATIONS_MAX_BYTES = 256 * 1024;
export const IMMUTABLE = 'field is immutable';
const DEFAULT_RULES: MetadataRules = { namespaced: true, name: dns1123Subdomain };

export function validateObjectMeta(
  object: KubernetesObject,
  { namespaced, name: nameRule }: MetadataRules = DEFAULT_RULES,
): FieldError[] {
  const metadata = object.metadata ?? {};
  const { name = '', namespace = '', generateName = '' } = metadata;
  // A generated name ends in five random characters, so a prefix may end in what a name may not.
  const prefix = generateName.replace(/-+$/, 'a');
  return [
    ...(generateName === ''
      ? []
      : invalidValues('metadata.generateName', generateName, nameRule(prefix))),
    ...(name === ''
      ? [required('metadata.name', 'name or generateName is required')]
      : invalidValues('metadata.name', name, nameRule(name))),
    ...namespaceErrors(namespace, namespaced),
    ...validateMetadataContents(metadata),
  ];
}

function namespaceErrors(namespace: string, namespaced: boolean): FieldError[] {
  const field = 'metadata.namespace';
  if (!namespaced) {
    return namespace === '' ? [] : [forbiddenField(field, 'not allowed on this type')];
  }
  return namespace === ''
    ? [required(field)]
    : invalidValues(field, namespace, dns1123Label(namespace));
}

export function validateObjectMetaUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
): FieldError[] {
  const metadata = object.metadata ?? {};
  const before = old.metadata ?? {};
  const fixed = ['name', 'namespace', 'uid', 'creationTimestamp'] as const;
  const errors = fixed.flatMap((field) =>
    (metadata[field] ?? '') === (before[field] ?? '')
      ? []
      : [invalidValue(`metadata.${field}`, metadata[field] ?? '', IMMUTABLE)],
  );
  const added = (metadata.finalizers ?? []).filter(
    (finalizer) => !(before.finalizers ?? []).includes(finalizer),
  );
  if (before.deletionTimestamp !== undefined && added.length > 0) {
    const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
    errors.push(forbiddenField('metadata.finalizers', detail));
  }
  return [...errors, ...validateMetadataContents(metadata)];
}

/** What a client may change at any time: labels, annotations, owners, finalizers. */
function validateMetadataContents(metadata: ObjectMeta): FieldError[] {
  return [
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwnerReferences(metadata.ownerReferences ?? [], 'metadata.ownerReferences'),
    ...validateFinalizers(metadata.finalizers ?? [], 'metadata.finalizers'),
  ];
}

export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidValues(field, key, qualifiedName(key)),
    ...invalidValues(field, value, labelValue(value)),
  ]);
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const entries = Object.entries(annotations ?? {});
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return [
    ...entries.flatMap(([key]) => invalidValues(field, key, qualifiedName(key.toLowerCase()))),
    ...(bytes > ANNOTATIONS_MAX_BYTES ? [tooLong(field, ANNOTATIONS_MAX_BYTES)] : []),
  ];
}

function validateOwnerReferences(owners: readonly OwnerReference[], field: string): FieldError[] {
  const errors = owners.flatMap((owner) => ownerErrors(owner, field));
  const controllers = owners.filter(({ controller }) => controller === true);
  const [first] = controllers;
  for (const other of controllers.slice(1)) {
    const names = `${first?.kind}/${first?.name} and ${other.kind}/${other.name}`;
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
    errors.push(invalidValue(field, owners, detail));
  }
  return errors;
}

function ownerErrors(owner: OwnerReference, field: string): FieldError[] {
  const { apiVersion = '', kind = '', name = '', uid = '' } = owner;
  const errors: FieldError[] = [];
  if (apiVersion === '' || apiVersion.endsWith('/')) {
    errors.push(invalidValue(`${field}.apiVersion`, apiVersion, 'version must not be empty'));
  }
  for (const [part, value] of Object.entries({ kind, name, uid })) {
    if (value === '') errors.push(invalidValue(`${field}.${part}`, value, 'must not be empty'));
  }
  if (apiVersion === 'v1' && kind === 'Event') {
    const detail = '/v1, Kind=Event is disallowed from being an owner';
    errors.push(invalidValue(field, owner, detail));
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[], field: string): FieldError[] {
  const errors = finalizers.flatMap((name) => invalidValues(field, name, qualifiedName(name)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const detail = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalidValue(field, finalizers, detail));
  }
  return errors;
}

export function validateImmutable(value: unknown, old: unknown, field: string): FieldError[] {
  return sameValue(value, old) ? [] : [invalidValue(field, value, IMMUTABLE)];
}

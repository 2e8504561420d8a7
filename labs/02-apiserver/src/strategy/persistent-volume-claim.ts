// persistent-volume-claim: the strategy of claims for storage.
//
// A claim is a contract: once made, only its size may grow, and only when it is bound. Whoever could change it later would get
// around quotas and limits.
//
// Same rules upstream: pkg/registry/core/persistentvolumeclaim/strategy.go, pkg/apis/core/validation
// (ValidatePersistentVolumeClaim, ValidatePersistentVolumeClaimUpdate). Left out: the diff of Go structs after the sentence
// about forbidden changes.

import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from 'kubernetes-types/core/v1';
import { nanoOfQuantity } from '../codec/quantity.ts';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Label, dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import {
  validateAccessModes,
  validateClassName,
  validatePositiveQuantity,
  validateVolumeMode,
} from './volume-rules.ts';

/** Where the class stood before it was a field. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const MAY_CHANGE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const SIZE = 'spec.resources.requests.storage';

export const persistentVolumeClaimStrategy: Strategy = defineStrategy<PersistentVolumeClaim>({
  metadata: { name: dns1123Subdomain },
  hasGeneration: false,
  setDefaults({ spec }) {
    if (spec !== undefined) setSpecDefaults(spec);
  },
  prepareForCreate(claim) {
    Object.assign(claim, { status: { phase: 'Pending' } });
  },
  validate: ({ spec }) => validateClaimSpec(spec ?? {}, 'spec'),
  validateUpdate: validateClaimUpdate,
  validateStatus: ({ status }) =>
    Object.entries(status?.capacity ?? {}).flatMap(([name, amount]) =>
      nanoOfQuantity(amount) < 0n
        ? [invalidValue(`status.capacity[${name}]`, amount, 'must be a valid resource quantity')]
        : [],
    ),
});

/** The old field and the new one say the same where both can. */
function setSpecDefaults(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined)
    spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef !== undefined && dataSource === undefined && !dataSourceRef.namespace) {
    const { namespace: _, ...reference } = dataSourceRef;
    spec.dataSource = reference;
  }
}

/** For the templates of stateful sets, which are whole claims. */
export function setClaimTemplateDefaults(claim: PersistentVolumeClaim): void {
  claim.apiVersion = 'v1';
  claim.kind = 'PersistentVolumeClaim';
  if (claim.spec !== undefined) claim.spec.volumeMode ??= 'Filesystem';
  Object.assign(claim, { status: { phase: 'Pending', ...claim.status } });
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, field: string): FieldError[] {
  const { accessModes = [], selector } = spec;
  return [
    ...(accessModes.length === 0
      ? [required(`${field}.accessModes`, 'at least 1 access mode is required')]
      : []),
    ...(selector === undefined ? [] : validateLabelSelector(selector, `${field}.selector`)),
    ...validateAccessModes(accessModes, `${field}.accessModes`),
    ...validateSize(spec.resources?.requests?.storage, `${field}.resources[storage]`),
    ...validateClassName(spec.storageClassName, `${field}.storageClassName`),
    ...validateVolumeMode(spec.volumeMode, `${field}.volumeMode`),
    ...validateDataSource(spec.dataSource, `${field}.dataSource`),
    ...validateDataSource(spec.dataSourceRef, `${field}.dataSourceRef`),
    ...validateSourcesAgree(spec, field),
    ...validateClassName(spec.volumeAttributesClassName, `${field}.volumeAttributesClassName`),
  ];
}

function validateSize(size: string | undefined, field: string): FieldError[] {
  return size === undefined ? [required(field)] : validatePositiveQuantity(size, field);
}

function validateDataSource(
  source: PersistentVolumeClaimSpec['dataSourceRef'],
  field: string,
): FieldError[] {
  if (source === undefined) return [];
  const { name, kind, apiGroup = '', namespace = '' } = source;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.name`));
  if (!kind) errors.push(required(`${field}.kind`));
  if (apiGroup === '' && kind !== 'PersistentVolumeClaim') {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(invalidValue(field, kind ?? '', detail));
  }
  if (apiGroup !== '') {
    errors.push(...invalidValues(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup)));
  }
  if (namespace !== '') {
    errors.push(...invalidValues(`${field}.namespace`, namespace, dns1123Label(namespace)));
  }
  return errors;
}

function validateSourcesAgree(spec: PersistentVolumeClaimSpec, field: string): FieldError[] {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource === undefined || dataSourceRef === undefined) return [];
  const value = `${field}.dataSource`;
  if (dataSourceRef.namespace) {
    const detail = 'may not be specified when dataSourceRef.namespace is specified';
    return [invalidValue(field, value, detail)];
  }
  const { namespace: _, ...reference } = dataSourceRef;
  return sameValue(dataSource, reference)
    ? []
    : [invalidValue(field, value, 'must match dataSourceRef')];
}

function validateClaimUpdate(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): FieldError[] {
  const spec = claim.spec ?? {};
  const before = old.spec ?? {};
  const errors: FieldError[] = [];
  if (!sameValue(withAllowedChanges(claim, old), before)) {
    errors.push(forbiddenField('spec', MAY_CHANGE));
  }
  errors.push(...validateSizeUpdate(claim, old));
  errors.push(...validateImmutable(spec.volumeMode, before.volumeMode, 'volumeMode'));
  if (before.volumeAttributesClassName !== undefined && !spec.volumeAttributesClassName) {
    const what = spec.volumeAttributesClassName === undefined ? 'nil' : 'an empty string';
    const detail = `update from non-nil value to ${what} is forbidden`;
    errors.push(forbiddenField('spec.volumeAttributesClassName', detail));
  }
  return errors;
}

/** The new spec with everything that may change put back. */
function withAllowedChanges(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): PersistentVolumeClaimSpec {
  const next: PersistentVolumeClaimSpec = { ...claim.spec };
  const before: PersistentVolumeClaimSpec = { ...old.spec };
  const isBound = claim.status?.phase === 'Bound';
  const put = <K extends keyof PersistentVolumeClaimSpec>(name: K): void => {
    if (before[name] === undefined) delete next[name];
    else next[name] = before[name];
  };
  if (!before.volumeName) put('volumeName');
  if (isBound && next.resources?.requests !== undefined) {
    const { storage, ...others } = next.resources.requests;
    const size = before.resources?.requests?.storage;
    const requests = size === undefined ? others : { ...others, storage: size };
    next.resources = { ...next.resources, requests };
  }
  if (isBound && next.volumeAttributesClassName !== undefined) put('volumeAttributesClassName');
  // A claim without a class gets the default one, also when that is made after the claim.
  const annotated = old.metadata?.annotations?.[CLASS_ANNOTATION];
  const mayNameClass = annotated === undefined || annotated === next.storageClassName;
  if (before.storageClassName === undefined && mayNameClass) put('storageClassName');
  return next;
}

/** Less than before is allowed only while it is still more than what there is: to take back an expansion that failed. */
function validateSizeUpdate(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): FieldError[] {
  const size = (object: PersistentVolumeClaim): bigint =>
    nanoOfQuantity(object.spec?.resources?.requests?.storage ?? '0');
  if (size(claim) >= size(old)) return [];
  if (size(claim) > nanoOfQuantity(old.status?.capacity?.storage ?? '0')) return [];
  return [forbiddenField(SIZE, 'field can not be less than status.capacity')];
}

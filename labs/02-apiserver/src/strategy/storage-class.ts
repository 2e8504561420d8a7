// storage-class: the strategy of storage classes: which driver makes volumes, and how.
//
// Same rules upstream: pkg/apis/storage/v1/defaults.go, pkg/apis/storage/validation (ValidateStorageClass).

import type { StorageClass } from 'kubernetes-types/storage/v1';
import { validateQualifiedName } from './domain-rules.ts';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const PARAMETERS_MAX = 512;
const PARAMETERS_MAX_BYTES = 256 * 1024;
const RECLAIM_POLICIES = ['Delete', 'Retain'] as const;
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'] as const;

export const storageClassStrategy: Strategy = defineStrategy<StorageClass>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: (storageClass) => [
    ...validateProvisioner(storageClass.provisioner ?? '', 'provisioner'),
    ...validateParameters(storageClass.parameters ?? {}, 'parameters'),
    ...chosen(storageClass.reclaimPolicy, RECLAIM_POLICIES, 'reclaimPolicy'),
    ...chosen(storageClass.volumeBindingMode, BINDING_MODES, 'volumeBindingMode'),
    ...validateTopologies(storageClass.allowedTopologies ?? [], 'allowedTopologies'),
  ],
  validateUpdate: (storageClass, old) => [
    ...(['parameters', 'provisioner', 'reclaimPolicy'] as const).flatMap((field) =>
      sameValue(storageClass[field], old[field])
        ? []
        : [forbiddenField(field, `updates to ${field} are forbidden.`)],
    ),
    ...validateImmutable(
      storageClass.volumeBindingMode,
      old.volumeBindingMode,
      'volumeBindingMode',
    ),
  ],
});

function chosen(value: string | undefined, valid: readonly string[], field: string): FieldError[] {
  return value === undefined || valid.includes(value) ? [] : [notSupported(field, value, valid)];
}

function validateProvisioner(name: string, field: string): FieldError[] {
  return name === '' ? [required(field)] : validateQualifiedName(name.toLowerCase(), field);
}

function validateParameters(
  parameters: Readonly<Record<string, string>>,
  field: string,
): FieldError[] {
  const entries = Object.entries(parameters);
  if (entries.length > PARAMETERS_MAX) return [tooLong(field, PARAMETERS_MAX)];
  const errors = entries.flatMap(([key]) =>
    key === '' ? [invalidValue(field, key, 'field can not be empty.')] : [],
  );
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return bytes > PARAMETERS_MAX_BYTES ? [...errors, tooLong(field, PARAMETERS_MAX_BYTES)] : errors;
}

type Topology = NonNullable<StorageClass['allowedTopologies']>[number];

function validateTopologies(topologies: readonly Topology[], field: string): FieldError[] {
  return topologies.flatMap(({ matchLabelExpressions = [] }, index) => {
    const keys = new Set<string>();
    return matchLabelExpressions.flatMap(({ key, values = [] }, position) => {
      const at = `${field}[${index}].matchLabelExpressions[${position}]`;
      const errors = validateQualifiedName(key, `${at}.key`);
      if (keys.has(key)) {
        errors.push({ type: 'FieldValueDuplicate', field: `${at}.key`, value: key, detail: '' });
      }
      keys.add(key);
      if (values.length === 0) errors.push(required(`${at}.values`));
      values.forEach((value, place) => {
        if (values.indexOf(value) === place) return;
        const where = `${at}.values[${place}]`;
        errors.push({ type: 'FieldValueDuplicate', field: where, value, detail: '' });
      });
      return errors;
    });
  });
}

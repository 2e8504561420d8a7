// environment: the rules for a container's environment variables.
//
// Same rules upstream: pkg/apis/core/validation (ValidateEnv, ValidateEnvFrom).

import {
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { configMapKey, dns1123Subdomain, envVarName, qualifiedName } from './name-rules.ts';
import type { Container, EnvFromSource, EnvVar } from './pod-types.ts';

type Source = NonNullable<EnvVar['valueFrom']>;

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
] as const;
const CONTAINER_RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
] as const;
const SUBSCRIPT = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/;

export function validateEnvironment(container: Container, path: string): FieldError[] {
  const { env = [], envFrom = [] } = container;
  return [
    ...env.flatMap((variable, index) => validateVariable(variable, `${path}.env[${index}]`)),
    ...envFrom.flatMap((source, index) => validateEnvFrom(source, `${path}.envFrom`, index)),
  ];
}

function validateVariable(variable: EnvVar, field: string): FieldError[] {
  const { name = '', value = '', valueFrom } = variable;
  return [
    ...(name === ''
      ? [required(`${field}.name`)]
      : invalidValues(`${field}.name`, name, envVarName(name))),
    ...(valueFrom === undefined
      ? []
      : validateSource(valueFrom, value !== '', `${field}.valueFrom`)),
  ];
}

function validateSource(source: Source, hasValue: boolean, field: string): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = source;
  const errors: FieldError[] = [];
  if (fieldRef) errors.push(...validateFieldRef(fieldRef.fieldPath, `${field}.fieldRef`));
  if (resourceFieldRef) {
    errors.push(...validateResourceRef(resourceFieldRef.resource, `${field}.resourceFieldRef`));
  }
  if (configMapKeyRef) errors.push(...validateKeyRef(configMapKeyRef, `${field}.configMapKeyRef`));
  if (secretKeyRef) errors.push(...validateKeyRef(secretKeyRef, `${field}.secretKeyRef`));
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef].filter(Boolean).length;
  if (count === 0) {
    const detail =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalidValue(field, '', detail));
  } else if (hasValue) {
    errors.push(invalidValue(field, '', 'may not be specified when `value` is not empty'));
  } else if (count > 1) {
    errors.push(invalidValue(field, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

export function validateFieldRef(
  fieldPath: string,
  field: string,
  known: readonly string[] = FIELD_PATHS,
): FieldError[] {
  if (fieldPath === '') return [required(`${field}.fieldPath`)];
  const [, path, key = ''] = SUBSCRIPT.exec(fieldPath) ?? [];
  if (path === 'metadata.annotations') {
    return invalidValues(field, key.toLowerCase(), qualifiedName(key.toLowerCase()));
  }
  if (path === 'metadata.labels') return invalidValues(field, key, qualifiedName(key));
  if (known.includes(fieldPath)) return [];
  if (/^(?:metadata|spec|status)\./.test(fieldPath) && FIELD_LABELS.has(fieldPath)) {
    return [notSupported(`${field}.fieldPath`, fieldPath, known)];
  }
  const detail = `error converting fieldPath: field label not supported: ${fieldPath}`;
  return [invalidValue(`${field}.fieldPath`, fieldPath, detail)];
}

/** Fields that exist for selectors, but are none of a variable's. */
const FIELD_LABELS: ReadonlySet<string> = new Set([
  ...FIELD_PATHS,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);

export function validateResourceRef(resource: string, field: string): FieldError[] {
  if (resource === '') return [required(`${field}.resource`)];
  const known = (CONTAINER_RESOURCES as readonly string[]).includes(resource);
  if (known || /^(?:limits|requests)\.hugepages-/.test(resource)) return [];
  return [notSupported(`${field}.resource`, resource, CONTAINER_RESOURCES)];
}

function validateKeyRef(
  { name = '', key = '' }: { readonly name?: string; readonly key: string },
  field: string,
): FieldError[] {
  return [
    ...invalidValues(`${field}.name`, name, dns1123Subdomain(name)),
    ...(key === ''
      ? [required(`${field}.key`)]
      : invalidValues(`${field}.key`, key, configMapKey(key))),
  ];
}

function validateEnvFrom(source: EnvFromSource, list: string, index: number): FieldError[] {
  const { prefix = '', configMapRef, secretRef } = source;
  const field = `${list}[${index}]`;
  const errors = prefix === '' ? [] : invalidValues(`${field}.prefix`, prefix, envVarName(prefix));
  for (const [name, reference] of Object.entries({ configMapRef, secretRef })) {
    if (reference !== undefined)
      errors.push(...nameErrors(reference.name, `${field}.${name}.name`));
  }
  if (configMapRef === undefined && secretRef === undefined) {
    errors.push(invalidValue(list, '', 'must specify one of: `configMapRef` or `secretRef`'));
  } else if (configMapRef !== undefined && secretRef !== undefined) {
    errors.push(invalidValue(list, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function nameErrors(name: string | undefined, field: string): FieldError[] {
  if (name === undefined || name === '') return [required(field)];
  return invalidValues(field, name, dns1123Subdomain(name));
}

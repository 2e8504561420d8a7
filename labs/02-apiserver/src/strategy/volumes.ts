// volumes: the rules for a pod's volumes.
//
// Each volume has a name and exactly one source. Sources that this cluster's kubelet cannot mount are accepted like upstream
// does: it is the kubelet that says so, on the pod.
//
// Same rules upstream: pkg/apis/core/validation (ValidateVolumes). Left out: the rules inside cloud and storage sources.

import { nanoOfQuantity } from '../codec/quantity.ts';
import { validateFieldRef, validateResourceRef } from './environment.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { configMapKey, dns1123Label } from './name-rules.ts';
import type { PodSpec, Volume } from './pod-types.ts';

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}
interface DownwardFile {
  readonly path: string;
  readonly mode?: number;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: { readonly resource: string };
}

const MODE_MAX = 0o777;
const MODE_RANGE = 'must be a number between 0 and 0777 (octal), both inclusive';
const DOWNWARD_PATHS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
] as const;
const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
] as const;

export function validateVolumes(spec: PodSpec, field: string): FieldError[] {
  const names = new Set<string>();
  return (spec.volumes ?? []).flatMap((volume, index) => {
    const at = `${field}[${index}]`;
    const errors = validateSource(volume, at);
    const { name = '' } = volume;
    if (name === '') return [...errors, required(`${at}.name`)];
    const messages = dns1123Label(name);
    if (messages.length > 0) return [...errors, ...invalidValues(`${at}.name`, name, messages)];
    if (names.has(name)) return [...errors, duplicate(`${at}.name`, name)];
    names.add(name);
    return errors;
  });
}

function validateSource(volume: Volume, field: string): FieldError[] {
  const { name: _, ...sources } = volume;
  const [first, ...others] = Object.keys(sources);
  if (first === undefined) return [required(field, 'must specify a volume type')];
  return [
    ...sourceErrors(volume, field),
    ...others.map((other) =>
      forbiddenField(`${field}.${other}`, 'may not specify more than 1 volume type'),
    ),
  ];
}

export function sourceErrors(volume: Omit<Volume, 'name'>, field: string): FieldError[] {
  const { emptyDir, hostPath, secret, configMap, downwardAPI, projected } = volume;
  const { nfs, persistentVolumeClaim } = volume;
  const errors: FieldError[] = [];
  const { sizeLimit } = emptyDir ?? {};
  if (sizeLimit !== undefined && nanoOfQuantity(sizeLimit) < 0n) {
    const detail = 'SizeLimit field must be a valid resource quantity';
    errors.push(forbiddenField(`${field}.emptyDir.sizeLimit`, detail));
  }
  if (hostPath) errors.push(...validateHostPath(hostPath, `${field}.hostPath`));
  if (secret) {
    if (!secret.secretName) errors.push(required(`${field}.secret.secretName`));
    errors.push(...validateFiles(secret, `${field}.secret`));
  }
  if (configMap) {
    if (!configMap.name) errors.push(required(`${field}.configMap.name`));
    errors.push(...validateFiles(configMap, `${field}.configMap`));
  }
  if (downwardAPI) {
    errors.push(...modeErrors(downwardAPI.defaultMode, `${field}.downwardAPI.defaultMode`));
    errors.push(...validateDownward(downwardAPI.items, `${field}.downwardAPI`));
  }
  if (projected) errors.push(...validateProjected(projected, `${field}.projected`));
  if (nfs) {
    if (nfs.server === '') errors.push(required(`${field}.nfs.server`));
    if (nfs.path === '') errors.push(required(`${field}.nfs.path`));
    else if (!nfs.path.startsWith('/')) {
      errors.push(invalidValue(`${field}.nfs.path`, nfs.path, 'must be an absolute path'));
    }
  }
  if (persistentVolumeClaim && persistentVolumeClaim.claimName === '') {
    errors.push(required(`${field}.persistentVolumeClaim.claimName`));
  }
  return errors;
}

function validateHostPath(
  { path, type }: NonNullable<Volume['hostPath']>,
  field: string,
): FieldError[] {
  if (path === '') return [required(`${field}.path`)];
  const errors = backstepErrors(path, `${field}.path`);
  if (type !== undefined && !(HOST_PATH_TYPES as readonly string[]).includes(type)) {
    errors.push(notSupported(`${field}.type`, type, HOST_PATH_TYPES));
  }
  return errors;
}

function validateFiles(
  source: { readonly defaultMode?: number; readonly items?: readonly KeyToPath[] },
  field: string,
): FieldError[] {
  const items = source.items ?? [];
  return [
    ...modeErrors(source.defaultMode, `${field}.defaultMode`),
    ...items.flatMap(({ key, path, mode }, index) => {
      const at = `${field}.items[${index}]`;
      return [
        ...(key === ''
          ? [required(`${at}.key`)]
          : invalidValues(`${at}.key`, key, configMapKey(key))),
        ...(path === '' ? [required(`${at}.path`)] : validateFilePath(path, `${at}.path`)),
        ...modeErrors(mode, `${at}.mode`),
      ];
    }),
  ];
}

function validateDownward(files: readonly DownwardFile[] = [], field: string): FieldError[] {
  return files.flatMap(({ path, mode, fieldRef, resourceFieldRef }) => {
    const errors =
      path === '' ? [required(`${field}.path`)] : validateFilePath(path, `${field}.path`);
    if (fieldRef && resourceFieldRef) {
      const detail = 'fieldRef and resourceFieldRef can not be specified simultaneously';
      errors.push(invalidValue(field, 'resource', detail));
    } else if (fieldRef) {
      const { fieldPath } = fieldRef;
      errors.push(...validateFieldRef(fieldPath, `${field}.fieldRef`, DOWNWARD_PATHS));
    } else if (resourceFieldRef) {
      errors.push(...validateResourceRef(resourceFieldRef.resource, `${field}.resourceFieldRef`));
    } else {
      errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'));
    }
    return [...errors, ...modeErrors(mode, `${field}.mode`)];
  });
}

function validateProjected(
  { sources = [], defaultMode }: NonNullable<Volume['projected']>,
  field: string,
): FieldError[] {
  return [
    ...modeErrors(defaultMode, `${field}.defaultMode`),
    ...sources.flatMap(({ secret, configMap, downwardAPI, serviceAccountToken }, index) => {
      const at = `${field}.sources[${index}]`;
      const errors: FieldError[] = [];
      if (secret) {
        if (!secret.name) errors.push(required(`${at}.secret.name`));
        errors.push(...validateFiles(secret, `${at}.secret`));
      }
      if (configMap) {
        if (!configMap.name) errors.push(required(`${at}.configMap.name`));
        errors.push(...validateFiles(configMap, `${at}.configMap`));
      }
      if (downwardAPI) errors.push(...validateDownward(downwardAPI.items, `${at}.downwardAPI`));
      if (serviceAccountToken && serviceAccountToken.path === '') {
        errors.push(required(`${at}.serviceAccountToken.path`));
      }
      return errors;
    }),
  ];
}

function modeErrors(mode: number | undefined, field: string): FieldError[] {
  const fine = mode === undefined || (mode >= 0 && mode <= MODE_MAX);
  return fine ? [] : [invalidValue(field, mode, MODE_RANGE)];
}

/** A file inside the volume: no way out of it, and not the names that the kubelet keeps for itself. */
function validateFilePath(path: string, field: string): FieldError[] {
  const errors = validateLocalPath(path, field);
  if (path.startsWith('..') && !path.startsWith('../')) {
    errors.push(invalidValue(field, path, "must not start with '..'"));
  }
  return errors;
}

export function validateLocalPath(path: string, field: string): FieldError[] {
  return [
    ...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []),
    ...backstepErrors(path, field),
  ];
}

function backstepErrors(path: string, field: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}

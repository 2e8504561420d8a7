// scale: the Scale of a custom resource, read and written at the places that its definition names.
//
// Whoever scales (kubectl, an autoscaler) knows one kind, Scale; where the numbers stand in the object is the definition's business.
//
// Same mapping upstream: apiextensions-apiserver, pkg/registry/customresource/etcd.go (ScaleREST).

import type { Scale } from 'kubernetes-types/autoscaling/v1';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { NO_REPLICAS, type ScaleAccess } from '../server/scale.ts';
import { type FieldError, invalidValue } from '../strategy/field-error.ts';
import type { CustomResourceSubresourceScale } from './definition.ts';
import { isJsonObject, type JsonObject, setOwn } from './json-schema.ts';

const REPLICAS_MAX = 2 ** 31 - 1;

export function customScaleAccess(paths: CustomResourceSubresourceScale): ScaleAccess {
  return {
    path: paths.specReplicasPath,
    read: (object) => customScaleOf(object, paths),
    write: (object, replicas) => setCustomReplicas(object, paths, replicas),
  };
}

/** The replicas are NO_REPLICAS when the object has none. */
export function customScaleOf(
  object: ReadonlyApiObject,
  paths: CustomResourceSubresourceScale,
): Scale {
  const number = readPath(object, paths.specReplicasPath);
  const replicas = typeof number === 'number' ? number : NO_REPLICAS;
  const now = readPath(object, paths.statusReplicasPath);
  const selector =
    paths.labelSelectorPath === undefined ? undefined : readPath(object, paths.labelSelectorPath);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: JSON.parse(JSON.stringify(metadata)) as NonNullable<Scale['metadata']>,
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: typeof now === 'number' ? now : 0,
      ...(typeof selector === 'string' && selector !== '' ? { selector } : {}),
    },
  };
}

/** Writes into `object`. Objects on the way are made where they are missing. */
export function setCustomReplicas(
  object: object,
  { specReplicasPath }: CustomResourceSubresourceScale,
  replicas: number,
): void {
  const names = namesOf(specReplicasPath);
  const last = names.pop() ?? '';
  let at = object as JsonObject;
  for (const name of names) {
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    const inner = isJsonObject(next) ? next : {};
    if (inner !== next) setOwn(at, name, inner);
    at = inner;
  }
  setOwn(at, last, replicas);
}

/** What the paths lead to must be a number that Scale can hold. */
export function validateCustomScale(
  object: object,
  paths: CustomResourceSubresourceScale,
): FieldError[] {
  return [...specErrors(object, paths), ...validateCustomScaleStatus(object, paths)];
}

export function validateCustomScaleStatus(
  object: object,
  { statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale,
): FieldError[] {
  const errors = replicasErrors(object, statusReplicasPath);
  const selector = labelSelectorPath === undefined ? '' : readPath(object, labelSelectorPath);
  if (selector === undefined || typeof selector === 'string') return errors;
  const path = labelSelectorPath ?? '';
  return [...errors, invalidValue(path, '', accessor(path, selector, 'string'))];
}

function specErrors(object: object, paths: CustomResourceSubresourceScale): FieldError[] {
  return replicasErrors(object, paths.specReplicasPath);
}

function replicasErrors(object: object, path: string): FieldError[] {
  const value = readPath(object, path);
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    return [invalidValue(path, 0, accessor(path, value, 'int64'))];
  }
  if (value < 0) return [invalidValue(path, value, 'should be a non-negative integer')];
  if (value <= REPLICAS_MAX) return [];
  return [invalidValue(path, value, `should be less than or equal to ${REPLICAS_MAX}`)];
}

function accessor(path: string, value: unknown, wanted: string): string {
  return `${path} accessor error: ${JSON.stringify(value)} is of the type ${goType(value)}, expected ${wanted}`;
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isJsonObject(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' ? 'float64' : typeof value;
}

/** `.spec.replicas`, a name after each dot and nothing else. */
function namesOf(path: string): string[] {
  return path.replace(/^\./, '').split('.');
}

function readPath(object: object, path: string): unknown {
  let value: unknown = object;
  for (const name of namesOf(path)) {
    value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value ?? undefined;
}

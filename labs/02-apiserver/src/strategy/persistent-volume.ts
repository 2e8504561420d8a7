// persistent-volume: the strategy of persistent volumes: pieces of storage that exist whether or not somebody claims them.
//
// What a volume is made of never changes; who claims it, its class and its policy may.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation (ValidatePersistentVolume,
// ValidatePersistentVolumeUpdate). Left out: the rules inside cloud sources; the diff of Go
// structs after the sentence about the source.

import { posix } from 'node:path';
import type { PersistentVolume, PersistentVolumeSpec, Volume } from 'kubernetes-types/core/v1';
import { validateCsiDriverName } from './domain-rules.ts';
import { sameValue } from './equality.ts';
import { type FieldError, forbiddenField, notSupported, required } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { termErrors } from './scheduling-rules.ts';
import { defineStrategy, type Strategy, type WriteFacts } from './strategy.ts';
import {
  validateAccessModes,
  validateClassName,
  validatePositiveQuantity,
  validateVolumeMode,
} from './volume-rules.ts';
import { sourceErrors } from './volumes.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'] as const;

export const persistentVolumeStrategy: Strategy = defineStrategy<PersistentVolume>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasGeneration: false,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath !== undefined) spec.hostPath.type ??= '';
  },
  prepareForCreate(volume, facts) {
    const at = facts === undefined ? {} : { lastPhaseTransitionTime: facts.now };
    Object.assign(volume, { status: { phase: 'Pending', ...at } });
  },
  prepareForStatusUpdate: stampPhase,
  validate: ({ spec }) => validateSpec(spec ?? {}, 'spec'),
  validateUpdate: ({ spec }, old) => validateSpecUpdate(spec ?? {}, old.spec ?? {}),
});

/** Since when the phase is what it is: whoever changes the phase need not say. */
function stampPhase(volume: PersistentVolume, old: PersistentVolume, facts?: WriteFacts): void {
  const { phase, lastPhaseTransitionTime: said } = volume.status ?? {};
  const before = old.status?.lastPhaseTransitionTime;
  const isSame = phase === old.status?.phase;
  const next = isSame
    ? (said ?? before)
    : said === undefined || said === before
      ? facts?.now
      : said;
  if (next === undefined) return;
  Object.assign(volume, { status: { ...volume.status, lastPhaseTransitionTime: next } });
}

/** A spec is its source and what is said about it; the source is whatever is not one of these. */
function sourceOf(spec: PersistentVolumeSpec): object {
  const {
    accessModes,
    capacity,
    claimRef,
    mountOptions,
    nodeAffinity,
    persistentVolumeReclaimPolicy,
    storageClassName,
    volumeAttributesClassName,
    volumeMode,
    ...source
  } = spec;
  return source;
}

function validateSpec(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const { accessModes = [], persistentVolumeReclaimPolicy: policy = '' } = spec;
  return [
    ...(accessModes.length === 0 ? [required(`${field}.accessModes`)] : []),
    ...validateAccessModes(accessModes, `${field}.accessModes`),
    ...validateCapacity(spec.capacity ?? {}, `${field}.capacity`),
    ...(policy === '' || (RECLAIM_POLICIES as readonly string[]).includes(policy)
      ? []
      : [notSupported(`${field}.persistentVolumeReclaimPolicy`, policy, RECLAIM_POLICIES)]),
    ...validateNodeAffinity(spec.nodeAffinity, `${field}.nodeAffinity`),
    ...validateSource(spec, field),
    ...validateRecycling(spec, field),
    ...validateClassName(spec.storageClassName, `${field}.storageClassName`),
    ...validateVolumeMode(spec.volumeMode, `${field}.volumeMode`),
    ...validateAttributesClass(spec, field),
  ];
}

function validateCapacity(capacity: Readonly<Record<string, string>>, field: string): FieldError[] {
  const names = Object.keys(capacity);
  return [
    ...(names.length === 0 ? [required(field)] : []),
    ...(capacity.storage === undefined || names.length > 1
      ? [notSupported(field, capacity, ['storage'])]
      : []),
    ...Object.entries(capacity).flatMap(([name, amount]) =>
      validatePositiveQuantity(amount, `${field}[${name}]`),
    ),
  ];
}

function validateNodeAffinity(
  affinity: PersistentVolumeSpec['nodeAffinity'],
  field: string,
): FieldError[] {
  if (affinity === undefined) return [];
  const must = affinity.required;
  if (must === undefined) {
    return [required(`${field}.required`, 'must specify required node constraints')];
  }
  const terms = `${field}.required.nodeSelectorTerms`;
  const { nodeSelectorTerms = [] } = must;
  if (nodeSelectorTerms.length === 0) {
    return [required(terms, 'must have at least one node selector term')];
  }
  return nodeSelectorTerms.flatMap((term, index) => termErrors(term, `${terms}[${index}]`));
}

function validateSource(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const [first, ...others] = Object.keys(sourceOf(spec));
  if (first === undefined) return [required(field, 'must specify a volume type')];
  const { hostPath, nfs, local, csi } = spec;
  const shared = { hostPath, nfs } as Pick<Volume, 'hostPath' | 'nfs'>;
  const errors = [
    ...others.map((other) =>
      forbiddenField(`${field}.${other}`, 'may not specify more than 1 volume type'),
    ),
    ...sourceErrors(shared, field),
  ];
  if (local !== undefined) {
    if (local.path === '') errors.push(required(`${field}.local.path`));
    // It is on one node's disk, so a pod must be sent there.
    if (spec.nodeAffinity === undefined) {
      errors.push(required(`${field}.nodeAffinity`, 'Local volume requires node affinity'));
    }
  }
  if (csi !== undefined) {
    errors.push(...validateCsiDriverName(csi.driver ?? '', `${field}.csi.driver`));
    if (!csi.volumeHandle) errors.push(required(`${field}.csi.volumeHandle`));
  }
  return errors;
}

/** Recycling deletes everything below the path. */
function validateRecycling(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const { hostPath, persistentVolumeReclaimPolicy: policy } = spec;
  if (hostPath === undefined || policy !== 'Recycle') return [];
  if (posix.normalize(hostPath.path) !== '/') return [];
  const detail = "may not be 'recycle' for a hostPath mount of '/'";
  return [forbiddenField(`${field}.persistentVolumeReclaimPolicy`, detail)];
}

function validateAttributesClass(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const { volumeAttributesClassName: name, csi } = spec;
  const at = `${field}.volumeAttributesClassName`;
  if (name === undefined) return [];
  return [
    ...(name === ''
      ? [required(at, 'an empty string is disallowed')]
      : validateClassName(name, at)),
    ...(csi === undefined
      ? [required(`${field}.csi`, 'has to be specified when using volumeAttributesClassName')]
      : []),
  ];
}

function validateSpecUpdate(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!sameValue(withoutAddedSecret(sourceOf(spec), old), sourceOf(old))) {
    const detail = 'spec.persistentvolumesource is immutable after creation';
    errors.push(forbiddenField('spec.persistentvolumesource', detail));
  }
  errors.push(...validateImmutable(spec.volumeMode, old.volumeMode, 'volumeMode'));
  if (old.nodeAffinity !== undefined) {
    errors.push(...validateImmutable(spec.nodeAffinity, old.nodeAffinity, 'nodeAffinity'));
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    const detail = 'update from non-nil value to nil is forbidden';
    errors.push(forbiddenField('spec.volumeAttributesClassName', detail));
  }
  return errors;
}

/** The secret for expansion may be added to volumes that were made before it existed. */
function withoutAddedSecret(source: PersistentVolumeSpec, old: PersistentVolumeSpec): object {
  if (source.csi === undefined || old.csi?.controllerExpandSecretRef !== undefined) return source;
  const { controllerExpandSecretRef: _, ...csi } = source.csi;
  return { ...source, csi };
}

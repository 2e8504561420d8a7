// stateful-set: the strategy of stateful sets, whose pods have names, an order and storage of their own.
//
// The claims of volumeClaimTemplates become volumes of the pods later, so a template's mounts cannot be judged here: of the
// pod's spec only what the controller itself needs is looked at.
//
// Same rules upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation (ValidateStatefulSet, ValidateStatefulSetUpdate,
// ValidateStatefulSetStatus).

import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from 'kubernetes-types/apps/v1';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from './field-error.ts';
import { validateSelectorOfTemplate } from './label-selector.ts';
import { dns1123Label } from './name-rules.ts';
import { validateAnnotations, validateLabels } from './object-meta.ts';
import { setClaimTemplateDefaults } from './persistent-volume-claim.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { nonNegative } from './probes.ts';
import { validateTemplateOfController } from './replication-controller.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateCollisionCount, validateCounts, validateNotAbove } from './workload-status.ts';

const RETENTION_POLICIES = ['Retain', 'Delete'] as const;
const MAY_CHANGE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export const statefulSetStrategy: Strategy = defineStrategy<StatefulSet>({
  metadata: { name: dns1123Label },
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.podManagementPolicy ??= 'OrderedReady';
    spec.updateStrategy ??= {};
    if (spec.updateStrategy.type === undefined) {
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    }
    if (spec.updateStrategy.rollingUpdate !== undefined) {
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    setPodTemplateDefaults(spec.template);
    for (const claim of spec.volumeClaimTemplates ?? []) setClaimTemplateDefaults(claim);
  },
  prepareForCreate(set) {
    Object.assign(set, { status: { availableReplicas: 0, replicas: 0 } });
  },
  validate: ({ spec }) => validateSpec(spec),
  validateUpdate: ({ spec }, old) => validateSpecUpdate(spec, old.spec),
  validateStatus: ({ status }, old) => validateStatus(status, old.status),
});

function validateSpec(spec: StatefulSetSpec | undefined): FieldError[] {
  const template = spec?.template;
  const { labels, annotations } = template?.metadata ?? {};
  return [
    ...validatePodManagement(spec?.podManagementPolicy ?? '', 'spec.podManagementPolicy'),
    ...validateUpdateStrategy(spec?.updateStrategy, 'spec.updateStrategy'),
    ...validateRetention(spec, 'spec.persistentVolumeClaimRetentionPolicy'),
    ...nonNegative(spec?.replicas ?? 0, 'spec.replicas'),
    ...nonNegative(spec?.minReadySeconds ?? 0, 'spec.minReadySeconds'),
    ...nonNegative(spec?.ordinals?.start ?? 0, 'spec.ordinals.start'),
    ...validateSelectorOfTemplate(spec?.selector, labels, 'statefulset'),
    ...validateLabels(labels, 'spec.template.labels'),
    ...validateAnnotations(annotations, 'spec.template.annotations'),
    ...validateTemplateOfController(template, 'spec.template').map((error) => ({
      ...error,
      detail: error.detail.replace('ReplicaSet', 'StatefulSet'),
    })),
  ];
}

function validatePodManagement(policy: string, field: string): FieldError[] {
  if (policy === '') return [required(field)];
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [invalidValue(field, policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateUpdateStrategy(
  strategy: StatefulSetSpec['updateStrategy'],
  field: string,
): FieldError[] {
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === '') return [required(field)];
  if (type === 'OnDelete') {
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    return rollingUpdate === undefined
      ? []
      : [invalidValue(`${field}.rollingUpdate`, rollingUpdate, detail)];
  }
  if (type !== 'RollingUpdate') {
    return [invalidValue(field, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  return nonNegative(rollingUpdate?.partition ?? 0, `${field}.rollingUpdate.partition`);
}

function validateRetention(spec: StatefulSetSpec | undefined, field: string): FieldError[] {
  const policy = spec?.persistentVolumeClaimRetentionPolicy;
  if (policy === undefined) return [];
  return (['whenDeleted', 'whenScaled'] as const).flatMap((name) => {
    const value = policy[name] ?? '';
    return (RETENTION_POLICIES as readonly string[]).includes(value)
      ? []
      : [notSupported(`${field}.${name}`, value, RETENTION_POLICIES)];
  });
}

function validateSpecUpdate(
  spec: StatefulSetSpec | undefined,
  old: StatefulSetSpec | undefined,
): FieldError[] {
  if (sameValue(fixedParts(spec), fixedParts(old))) return [];
  return [forbiddenField('spec', MAY_CHANGE)];
}

function fixedParts(spec: StatefulSetSpec | undefined): object {
  const {
    replicas,
    ordinals,
    template,
    updateStrategy,
    revisionHistoryLimit,
    persistentVolumeClaimRetentionPolicy,
    minReadySeconds,
    ...rest
  } = spec ?? ({} as StatefulSetSpec);
  return rest;
}

function validateStatus(
  status: StatefulSetStatus = { replicas: 0 },
  old: StatefulSetStatus | undefined,
): FieldError[] {
  const parts = [
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
  ] as const;
  return [
    ...validateCounts(status, ['replicas', ...parts, 'observedGeneration', 'collisionCount']),
    ...parts.flatMap((name) => validateNotAbove(status, name, 'replicas')),
    ...validateNotAbove(status, 'availableReplicas', 'readyReplicas'),
    ...validateCollisionCount(status.collisionCount, old?.collisionCount),
  ];
}

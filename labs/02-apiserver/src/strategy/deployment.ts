// deployment: the strategy of deployments.
//
// Same rules upstream: pkg/apis/apps/v1/defaults.go, ValidateDeployment.

import type { Deployment, DeploymentStrategy } from 'kubernetes-types/apps/v1';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from './field-error.ts';
import { validateSelectorOfTemplate } from './label-selector.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import { nonNegative } from './probes.ts';
import { validateTemplateOfController } from './replication-controller.ts';
import { isNone, validateAtMostAll, validateIntOrPercent } from './rolling-update.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import {
  validateCollisionCount,
  validateCounts,
  validateReplicaCounts,
} from './workload-status.ts';

export const deploymentStrategy: Strategy = defineStrategy<Deployment>({
  metadata: { name: dns1123Subdomain },
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ??= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    setPodTemplateDefaults(spec.template);
  },
  validate({ spec }) {
    const template = spec?.template;
    return [
      ...nonNegative(spec?.replicas ?? 0, 'spec.replicas'),
      ...validateSelectorOfTemplate(spec?.selector, template?.metadata?.labels, 'deployment'),
      ...(template === undefined
        ? [required('spec.template')]
        : [
            ...validatePodTemplate(template, 'spec.template'),
            ...validateTemplateOfController(template, 'spec.template'),
          ]),
      ...validateStrategy(spec?.strategy, 'spec.strategy'),
      ...nonNegative(spec?.minReadySeconds ?? 0, 'spec.minReadySeconds'),
      ...nonNegative(spec?.revisionHistoryLimit ?? 0, 'spec.revisionHistoryLimit'),
      ...validateDeadline(spec?.progressDeadlineSeconds, spec?.minReadySeconds ?? 0),
    ];
  },
  validateUpdate: (deployment, old) =>
    validateImmutable(deployment.spec?.selector, old.spec?.selector, 'spec.selector'),
  validateStatus: ({ status = {} }, old) => [
    ...validateReplicaCounts(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas']),
    ...validateCounts(status, ['unavailableReplicas', 'collisionCount']),
    ...validateCollisionCount(status.collisionCount, old.status?.collisionCount),
  ],
});

function validateStrategy(strategy: DeploymentStrategy | undefined, field: string): FieldError[] {
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === 'Recreate') {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate === undefined ? [] : [forbiddenField(`${field}.rollingUpdate`, detail)];
  }
  if (type !== 'RollingUpdate') {
    return [notSupported(field, strategy, ['Recreate', 'RollingUpdate'])];
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
  const at = `${field}.rollingUpdate`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
  ];
  if (isNone(maxUnavailable) && isNone(maxSurge)) {
    const detail = 'may not be 0 when `maxSurge` is 0';
    errors.push(invalidValue(`${at}.maxUnavailable`, maxUnavailable, detail));
  }
  return [...errors, ...validateAtMostAll(maxUnavailable, `${at}.maxUnavailable`)];
}

function validateDeadline(seconds: number | undefined, minReadySeconds: number): FieldError[] {
  if (seconds === undefined) return [];
  const field = 'spec.progressDeadlineSeconds';
  const errors = nonNegative(seconds, field);
  if (seconds <= minReadySeconds) {
    errors.push(invalidValue(field, seconds, 'must be greater than minReadySeconds'));
  }
  return errors;
}

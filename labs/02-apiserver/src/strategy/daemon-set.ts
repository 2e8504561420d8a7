// daemon-set: the strategy of daemon sets.
//
// Same rules upstream: pkg/apis/apps/v1/defaults.go, ValidateDaemonSet.

import type { DaemonSet, DaemonSetUpdateStrategy } from 'kubernetes-types/apps/v1';
import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { validateSelectorOfTemplate } from './label-selector.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import { nonNegative } from './probes.ts';
import { isNone, validateAtMostAll, validateIntOrPercent } from './rolling-update.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateCollisionCount, validateCounts } from './workload-status.ts';

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

export const daemonSetStrategy: Strategy = defineStrategy<DaemonSet>({
  metadata: { name: dns1123Subdomain },
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    setPodTemplateDefaults(spec.template);
  },
  prepareForCreate(set) {
    const none = {
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    };
    Object.assign(set, { status: none });
  },
  validate({ spec }) {
    const template = spec?.template;
    const { restartPolicy } = template?.spec ?? {};
    const path = 'spec.template.spec.restartPolicy';
    return [
      ...validateSelectorOfTemplate(spec?.selector, template?.metadata?.labels, 'daemonset'),
      ...(template === undefined
        ? [required('spec.template')]
        : validatePodTemplate(template, 'spec.template')),
      ...(restartPolicy !== undefined && restartPolicy !== 'Always'
        ? [notSupported(path, restartPolicy, ['Always'])]
        : []),
      ...nonNegative(spec?.minReadySeconds ?? 0, 'spec.minReadySeconds'),
      ...validateStrategy(spec?.updateStrategy, 'spec.updateStrategy'),
      ...nonNegative(spec?.revisionHistoryLimit ?? 0, 'spec.revisionHistoryLimit'),
    ];
  },
  validateUpdate: (set, old) =>
    validateImmutable(set.spec?.selector, old.spec?.selector, 'spec.selector'),
  validateStatus: ({ status }, old) =>
    status === undefined
      ? []
      : [
          ...validateCounts(status, COUNTS),
          ...validateCollisionCount(status.collisionCount, old.status?.collisionCount),
        ],
});

function validateStrategy(
  strategy: DaemonSetUpdateStrategy | undefined,
  field: string,
): FieldError[] {
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') {
    return [notSupported(field, strategy, ['OnDelete', 'RollingUpdate'])];
  }
  if (rollingUpdate === undefined) return [required(`${field}.rollingUpdate`)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const at = `${field}.rollingUpdate`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateAtMostAll(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
    ...validateAtMostAll(maxSurge, `${at}.maxSurge`),
  ];
  if (!isNone(maxUnavailable) && !isNone(maxSurge)) {
    const detail = 'may not be set when maxUnavailable is non-zero';
    errors.push(invalidValue(`${at}.maxSurge`, maxSurge, detail));
  }
  if (isNone(maxUnavailable) && isNone(maxSurge)) {
    errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}

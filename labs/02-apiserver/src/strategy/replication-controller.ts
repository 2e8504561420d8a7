// replication-controller: the strategy of replication controllers.
//
// The oldest controller kind, and the only one that works out its selector and labels from the template when they are missing.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go, ValidateReplicationController.

import type { ReplicationController } from 'kubernetes-types/core/v1';
import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import type { PodTemplateSpec } from './pod-types.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateReplicaCounts } from './workload-status.ts';

export const replicationControllerStrategy: Strategy = defineStrategy<ReplicationController>({
  metadata: { name: dns1123Subdomain },
  setDefaults(controller) {
    controller.spec ??= {};
    const { spec } = controller;
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(controller.metadata?.labels ?? {}).length === 0) {
        controller.metadata = { ...controller.metadata, labels: { ...labels } };
      }
    }
    spec.replicas ??= 1;
    setPodTemplateDefaults(spec.template);
  },
  prepareForCreate(controller) {
    Object.assign(controller, { status: { replicas: 0 } });
  },
  validate({ spec }) {
    return [
      ...nonNegative(spec?.minReadySeconds ?? 0, 'spec.minReadySeconds'),
      ...(Object.keys(spec?.selector ?? {}).length === 0 ? [required('spec.selector')] : []),
      ...nonNegative(spec?.replicas ?? 0, 'spec.replicas'),
      ...validateTemplate(spec?.template, spec?.selector ?? {}),
    ];
  },
  validateStatus: ({ status = { replicas: 0 } }) =>
    validateReplicaCounts(status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
});

function validateTemplate(
  template: PodTemplateSpec | undefined,
  selector: Readonly<Record<string, string>>,
): FieldError[] {
  const field = 'spec.template';
  if (template === undefined) return [required(field)];
  const labels = template.metadata?.labels ?? {};
  const selected = Object.entries(selector).every(([key, value]) => labels[key] === value);
  const mismatch =
    Object.keys(selector).length > 0 && !selected
      ? [
          invalidValue(
            `${field}.metadata.labels`,
            labels,
            '`selector` does not match template `labels`',
          ),
        ]
      : [];
  return [
    ...mismatch,
    ...validatePodTemplate(template, field),
    ...validateTemplateOfController(template, field),
  ];
}

/** Controllers that keep pods alive need pods that restart, and that no deadline ends. */
export function validateTemplateOfController(
  template: PodTemplateSpec | undefined,
  field: string,
): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  const errors: FieldError[] = [];
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    errors.push(notSupported(`${field}.spec.restartPolicy`, restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = 'activeDeadlineSeconds in ReplicaSet is not Supported';
    errors.push({
      type: 'FieldValueForbidden',
      field: `${field}.spec.activeDeadlineSeconds`,
      detail,
    });
  }
  return errors;
}

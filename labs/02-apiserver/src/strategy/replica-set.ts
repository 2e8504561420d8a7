// replica-set: the strategy of replica sets.
//
// Same rules upstream: pkg/apis/apps/v1/defaults.go, ValidateReplicaSet.

import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import { required } from './field-error.ts';
import { validateSelectorOfTemplate } from './label-selector.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import { nonNegative } from './probes.ts';
import { validateTemplateOfController } from './replication-controller.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateReplicaCounts } from './workload-status.ts';

export const replicaSetStrategy: Strategy = defineStrategy<ReplicaSet>({
  metadata: { name: dns1123Subdomain },
  setDefaults(set) {
    if (set.spec === undefined) return;
    set.spec.replicas ??= 1;
    setPodTemplateDefaults(set.spec.template);
  },
  prepareForCreate(set) {
    Object.assign(set, { status: { replicas: 0 } });
  },
  validate({ spec }) {
    const template = spec?.template;
    return [
      ...nonNegative(spec?.replicas ?? 0, 'spec.replicas'),
      ...nonNegative(spec?.minReadySeconds ?? 0, 'spec.minReadySeconds'),
      ...validateSelectorOfTemplate(spec?.selector, template?.metadata?.labels, 'deployment'),
      ...(template === undefined
        ? [required('spec.template')]
        : [
            ...validatePodTemplate(template, 'spec.template'),
            ...validateTemplateOfController(template, 'spec.template'),
          ]),
    ];
  },
  validateUpdate: (set, old) =>
    validateImmutable(set.spec?.selector, old.spec?.selector, 'spec.selector'),
  validateStatus: ({ status = { replicas: 0 } }) =>
    validateReplicaCounts(status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
});

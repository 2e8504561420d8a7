// pod-template: the strategy of pod templates, which nothing in Kubernetes uses by itself; operators keep theirs in them.
//
// Same rules upstream: pkg/registry/core/podtemplate/strategy.go, ValidatePodTemplate.

import type { PodTemplate } from 'kubernetes-types/core/v1';
import { sameValue } from './equality.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-spec.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const podTemplateStrategy: Strategy = defineStrategy<PodTemplate>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  hasGeneration: true,
  setDefaults: ({ template }) => setPodTemplateDefaults(template),
  prepareForUpdate(object, old) {
    const { generation = 1 } = old.metadata ?? {};
    const changed = !sameValue(object.template, old.template);
    object.metadata = { ...object.metadata, generation: changed ? generation + 1 : generation };
  },
  validate: ({ template }) => validatePodTemplate(template, 'template'),
});

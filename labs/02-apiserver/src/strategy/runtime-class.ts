// runtime-class: the strategy of runtime classes: which way of running containers a pod wants.
//
// Same rules upstream: pkg/apis/node/validation (ValidateRuntimeClass, ValidateRuntimeClassUpdate).

import type { RuntimeClass } from 'kubernetes-types/node/v1';
import { type FieldError, invalidValues } from './field-error.ts';
import { dns1123Label, dns1123Subdomain } from './name-rules.ts';
import { validateImmutable, validateLabels } from './object-meta.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import { validateTolerations } from './scheduling-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const runtimeClassStrategy: Strategy = defineStrategy<RuntimeClass>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  validate: ({ handler = '', overhead, scheduling }) => [
    ...invalidValues('handler', handler, dns1123Label(handler)),
    ...validateOverhead(overhead?.podFixed, 'overhead.podFixed'),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
    ...validateTolerations(scheduling?.tolerations ?? [], 'scheduling.tolerations'),
  ],
  validateUpdate: ({ handler }, old) => validateImmutable(handler, old.handler, 'handler'),
});

/** What the runtime itself needs counts like the limits of one more container. */
function validateOverhead(
  amounts: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  if (amounts === undefined) return [];
  return validateResourceRequirements({ limits: amounts }, field).map((error) => ({
    ...error,
    field: error.field.replace(`${field}.limits`, field),
  }));
}

// pod-disruption-budget: the strategy of budgets, which say how many pods of a set may be missing on purpose.
//
// Same rules upstream: pkg/registry/policy/poddisruptionbudget/strategy.go, pkg/apis/policy/validation.

import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1';
import { validateConditions } from './conditions.ts';
import { type FieldError, invalidValue, notSupported } from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { pathSegment } from './name-rules.ts';
import { validateAtMostAll, validateIntOrPercent } from './rolling-update.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateCounts } from './workload-status.ts';

const UNHEALTHY_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'] as const;

export const podDisruptionBudgetStrategy: Strategy = defineStrategy<PodDisruptionBudget>({
  metadata: { name: pathSegment },
  prepareForCreate(budget) {
    const none = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
    Object.assign(budget, { status: none });
  },
  validate: ({ spec }) => validateSpec(spec ?? {}),
  validateStatus: ({ status }) => [
    ...validateConditions(status?.conditions, 'status.conditions'),
    ...(status === undefined
      ? []
      : validateCounts(status, [
          'disruptionsAllowed',
          'currentHealthy',
          'desiredHealthy',
          'expectedPods',
        ])),
  ],
});

function validateSpec(spec: PodDisruptionBudgetSpec): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const detail = 'minAvailable and maxUnavailable cannot be both set';
    errors.push(invalidValue('spec', spec, detail));
  }
  for (const [name, amount] of Object.entries({ minAvailable, maxUnavailable })) {
    if (amount === undefined) continue;
    errors.push(...validateIntOrPercent(amount, `spec.${name}`));
    errors.push(...validateAtMostAll(amount, `spec.${name}`));
  }
  errors.push(...validateLabelSelector(selector, 'spec.selector'));
  if (policy !== undefined && !(UNHEALTHY_POLICIES as readonly string[]).includes(policy)) {
    errors.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, UNHEALTHY_POLICIES));
  }
  return errors;
}

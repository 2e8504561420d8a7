// policy: the resources of the group policy: how many pods an eviction must leave.
//
// Same facts upstream: registry/policy/rest/storage_policy.go.

import { podDisruptionBudgetPrinter } from '../../printers/policy.ts';
import { podDisruptionBudgetStrategy } from '../../strategy/pod-disruption-budget.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

export const POLICY_RESOURCES: readonly ResourceDefinition[] = [
  define('PodDisruptionBudget', 'poddisruptionbudgets', {
    group: 'policy',
    shortNames: ['pdb'],
    strategy: podDisruptionBudgetStrategy,
    printer: podDisruptionBudgetPrinter,
    unconditionalUpdate: false,
    subresources: [status('PodDisruptionBudget')],
  }),
];

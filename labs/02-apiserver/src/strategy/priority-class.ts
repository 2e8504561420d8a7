// priority-class: the strategy of priority classes, and the two that every cluster has from the start.
//
// Same rules upstream: pkg/apis/scheduling/v1 (defaults.go, helpers.go), pkg/apis/scheduling/validation.

import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { type FieldError, forbiddenField, notSupported } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const SYSTEM_PREFIX = 'system-';
/** Above it is the system's own. */
const USER_VALUE_MAX = 1_000_000_000;
const PREEMPTION_POLICIES = ['Never', 'PreemptLowerPriority'] as const;

/** What a new cluster gets; their values can never change. */
export const SYSTEM_PRIORITY_CLASSES: readonly PriorityClass[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

export const priorityClassStrategy: Strategy = defineStrategy<PriorityClass>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  hasGeneration: true,
  setDefaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate: (priorityClass) => [
    ...validateValue(priorityClass),
    ...validatePreemption(priorityClass.preemptionPolicy, 'preemptionPolicy'),
  ],
  validateOnUpdate: ({ value, preemptionPolicy }, old) => [
    ...(value === old.value ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
    ...validateImmutable(preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy'),
  ],
});

function validateValue({
  metadata,
  value = 0,
  globalDefault = false,
}: PriorityClass): FieldError[] {
  const name = metadata?.name ?? '';
  if (!name.startsWith(SYSTEM_PREFIX)) {
    const detail = `maximum allowed value of a user defined priority is ${USER_VALUE_MAX}`;
    return value > USER_VALUE_MAX ? [forbiddenField('value', detail)] : [];
  }
  const problem = systemProblem(name, value, globalDefault);
  if (problem === undefined) return [];
  const detail = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${problem}`;
  return [forbiddenField('metadata.name', detail)];
}

function systemProblem(name: string, value: number, globalDefault: boolean): string | undefined {
  const known = SYSTEM_PRIORITY_CLASSES.find(({ metadata }) => metadata?.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known.value !== value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validatePreemption(policy: string | undefined, field: string): FieldError[] {
  if (policy === undefined || (PREEMPTION_POLICIES as readonly string[]).includes(policy))
    return [];
  return [notSupported(field, policy, PREEMPTION_POLICIES)];
}

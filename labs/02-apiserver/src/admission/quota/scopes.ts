// scopes: whether a quota means an object: some mean only pods that end by themselves, or only those of a priority. Pure.
//
// Same rules upstream: pkg/quota/v1/evaluator/core (podMatchesScopeFunc) and apiserver, quota/v1/generic (Matches, getScopeSelectorsFromQuota).
// Left out: the scope VolumeAttributesClass, which matches nothing here.

import type { PodAffinityTerm, ResourceQuota } from 'kubernetes-types/core/v1';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import { qosClassOf } from '../../strategy/pod.ts';
import type { Pod } from '../../strategy/pod-types.ts';

interface Requirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** An object that has no scopes, like a secret, is meant by quotas without scopes only. */
export function matchesScopes({ spec }: ResourceQuota, object: ReadonlyApiObject): boolean {
  const requirements: readonly Requirement[] = [
    ...(spec?.scopeSelector?.matchExpressions ?? []),
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
  ];
  if (requirements.length === 0) return true;
  if (object.kind !== 'Pod') return false;
  return requirements.every((requirement) => matches(requirement, object as unknown as Pod));
}

function matches({ scopeName, operator, values = [] }: Requirement, pod: Pod): boolean {
  switch (scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return qosClassOf(pod) === 'BestEffort';
    case 'NotBestEffort':
      return qosClassOf(pod) !== 'BestEffort';
    case 'CrossNamespacePodAffinity':
      return usesOtherNamespaces(pod);
    case 'PriorityClass':
      return matchesName(operator, values, pod.spec?.priorityClassName ?? '');
    default:
      return false;
  }
}

function matchesName(operator: string, values: readonly string[], name: string): boolean {
  switch (operator) {
    case 'Exists':
      return name !== '';
    case 'DoesNotExist':
      return name === '';
    case 'In':
      return name !== '' && values.includes(name);
    case 'NotIn':
      return name === '' || !values.includes(name);
    default:
      return false;
  }
}

/** It will end by itself, by the clock. */
function isTerminating({ spec }: Pod): boolean {
  return spec?.activeDeadlineSeconds !== undefined;
}

function usesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity): PodAffinityTerm[] => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }) => podAffinityTerm,
    ),
  ]);
  return terms.some(
    ({ namespaces = [], namespaceSelector }) =>
      namespaces.length > 0 || namespaceSelector !== undefined,
  );
}

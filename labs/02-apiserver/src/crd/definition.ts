// definition: a CustomResourceDefinition as the server reads it, and what can be asked of one.
//
// Conditions say how far it has come: NamesAccepted (nobody else in its group has its names), Established (its resource is
// served), Terminating (its objects are being deleted). setCondition() keeps the time of the last change of a condition's status.
//
// Same helpers upstream: apiextensions-apiserver, pkg/apihelpers.

import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from 'kubernetes-types/apiextensions/v1';
import type { JsonSchema } from './json-schema.ts';

export type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
};

/** While it is there, the definition stays: the objects go first. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';
export const APPROVED_ANNOTATION = 'api-approved.kubernetes.io';

export type ConditionType = 'NamesAccepted' | 'Established' | 'Terminating' | 'NonStructuralSchema';
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** The published type of a schema knows no `x-kubernetes-…`; what is stored does. */
export function schemaOfVersion(version: CustomResourceDefinitionVersion): JsonSchema | undefined {
  return version.schema?.openAPIV3Schema as JsonSchema | undefined;
}

export function storageVersionOf({
  versions,
}: CustomResourceDefinitionSpec): CustomResourceDefinitionVersion | undefined {
  return versions.find(({ storage }) => storage);
}

/** `status: {}` switches it on: its contents mean nothing. */
export function hasStatus({ subresources }: CustomResourceDefinitionVersion): boolean {
  return subresources?.status !== undefined && subresources.status !== null;
}

export function scaleOf({
  subresources,
}: CustomResourceDefinitionVersion): CustomResourceSubresourceScale | undefined {
  return subresources?.scale;
}

export function conditionOf(
  { status }: CustomResourceDefinition,
  type: ConditionType,
): CustomResourceDefinitionCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isTrue(definition: CustomResourceDefinition, type: ConditionType): boolean {
  return conditionOf(definition, type)?.status === 'True';
}

/** `conditions` with one of them set: a new array, or the same one when nothing changes. `now` is metav1.Time's text. */
export function setCondition(
  conditions: readonly CustomResourceDefinitionCondition[],
  condition: Condition,
  now: string,
): CustomResourceDefinitionCondition[] {
  const old = conditions.find(({ type }) => type === condition.type);
  if (old === undefined) return [...conditions, { ...condition, lastTransitionTime: now }];
  const lastTransitionTime =
    old.status === condition.status && old.lastTransitionTime !== undefined
      ? old.lastTransitionTime
      : now;
  const next = { ...condition, lastTransitionTime };
  return conditions.map((one) => (one === old ? next : one));
}

export function isTerminating({ metadata }: CustomResourceDefinition): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

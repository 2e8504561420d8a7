// workload-status: the rules for the counters that controllers write into the status of what they control.
//
// Same rules upstream: pkg/apis/apps/validation (ValidateDeploymentStatus, ValidateReplicaSetStatus, validateDaemonSetStatus),
// pkg/apis/core/validation (ValidateReplicationControllerStatusUpdate).

import { type FieldError, invalidValue } from './field-error.ts';
import { nonNegative } from './probes.ts';

const AT = 'status';

/** None of the named counters is below zero. */
export function validateCounts<T extends object>(
  status: T,
  names: readonly (keyof T & string)[],
): FieldError[] {
  return names.flatMap((name) => nonNegative(numberOf(status, name), `${AT}.${name}`));
}

/** There are never more pods of the one sort than of the other, which holds them all. */
export function validateNotAbove<T extends object>(
  status: T,
  name: keyof T & string,
  all: keyof T & string,
  shown: string = `status.${all}`,
): FieldError[] {
  const value = numberOf(status, name);
  const detail = `cannot be greater than ${shown}`;
  return value > numberOf(status, all) ? [invalidValue(`${AT}.${name}`, value, detail)] : [];
}

/** What deployments, replica sets and replication controllers count alike. */
export function validateReplicaCounts<T extends object>(
  status: T,
  parts: readonly (keyof T & string)[],
): FieldError[] {
  const counts = status as T & Readonly<Record<string, number>>;
  return [
    ...validateCounts(counts, ['replicas', 'observedGeneration', ...parts]),
    ...parts.flatMap((name) => validateNotAbove(counts, name, 'replicas')),
    ...validateNotAbove(counts, 'availableReplicas', 'readyReplicas', 'readyReplicas'),
  ];
}

/** It only ever grows: it makes the next hash differ from all before. */
export function validateCollisionCount(
  count: number | undefined,
  old: number | undefined,
): FieldError[] {
  if ((count ?? 0) >= (old ?? 0)) return [];
  return [invalidValue(`${AT}.collisionCount`, count ?? 0, 'cannot be decremented')];
}

function numberOf<T extends object>(status: T, name: keyof T & string): number {
  const value: unknown = status[name];
  return typeof value === 'number' ? value : 0;
}

// delete-options: which options of a DELETE make sense, and what is said of those that were left out.
//
// Same rules upstream: apimachinery, meta/v1/validation (ValidateDeleteOptions) and registry/batch/job/storage (the warning).

import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { badRequest } from '../api-error.ts';
import type { ResourceDefinition } from './resource-definition.ts';

const JOB_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

export function checkDeleteOptions(options: DeleteOptions): void {
  const { propagationPolicy, orphanDependents, gracePeriodSeconds } = options;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    throw badRequest('orphanDependents and deletionPropagation cannot be both set');
  }
  const known = ['Foreground', 'Background', 'Orphan'];
  if (propagationPolicy !== undefined && !known.includes(propagationPolicy)) {
    throw badRequest(
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "${propagationPolicy}": supported values: "Background", "Foreground", "Orphan"`,
    );
  }
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest('gracePeriodSeconds must be an integer');
  }
}

/** What a client hears that deletes a job and does not say what shall become of the pods. */
export function deletionWarning(
  { group, resource }: ResourceDefinition,
  { propagationPolicy, orphanDependents }: DeleteOptions,
): string | undefined {
  const isJob = group === 'batch' && resource === 'jobs';
  if (!isJob || propagationPolicy !== undefined || orphanDependents !== undefined) return undefined;
  return JOB_WARNING;
}

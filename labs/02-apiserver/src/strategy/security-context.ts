// security-context: the rules for what a container may do.
//
// Same rules upstream: pkg/apis/core/validation (ValidateSecurityContext, validatePodSpecSecurityContext).
// Left out: SELinux, AppArmor and Windows options, sysctls.

import type { PodSecurityContext, SecurityContext } from 'kubernetes-types/core/v1';
import { type FieldError, invalidValue, invalidValues } from './field-error.ts';
import { inclusiveRange } from './name-rules.ts';

/** User and group ids are unsigned 32 bit numbers. */
const ID_MAX = 2 ** 31 - 1;

export function validateSecurityContext(
  context: SecurityContext | undefined,
  field: string,
): FieldError[] {
  if (context === undefined) return [];
  const { privileged, allowPrivilegeEscalation, capabilities } = context;
  const errors = [
    ...idErrors(context.runAsUser, `${field}.runAsUser`),
    ...idErrors(context.runAsGroup, `${field}.runAsGroup`),
  ];
  if (allowPrivilegeEscalation === false) {
    if (privileged === true) {
      const detail = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
      errors.push(invalidValue(field, context, detail));
    }
    if (capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN' || name === 'SYS_ADMIN')) {
      const detail =
        'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      errors.push(invalidValue(field, context, detail));
    }
  }
  return errors;
}

export function validatePodSecurityContext(
  context: PodSecurityContext | undefined,
  field: string,
): FieldError[] {
  const groups = context?.supplementalGroups ?? [];
  return [
    ...idErrors(context?.fsGroup, `${field}.fsGroup`),
    ...idErrors(context?.runAsUser, `${field}.runAsUser`),
    ...idErrors(context?.runAsGroup, `${field}.runAsGroup`),
    ...groups.flatMap((id, index) => idErrors(id, `${field}.supplementalGroups[${index}]`)),
  ];
}

function idErrors(id: number | undefined, field: string): FieldError[] {
  if (id === undefined || (id >= 0 && id <= ID_MAX)) return [];
  return invalidValues(field, id, [inclusiveRange(0, ID_MAX)]);
}

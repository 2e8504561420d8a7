// pod-status: what a kubelet may not write into a pod's status: that a container which ended for good runs again.
//
// Same rules upstream: pkg/apis/core/validation (ValidatePodStatusUpdate, ValidateContainerStateTransition).

import type { ContainerStatus } from 'kubernetes-types/core/v1';
import { type FieldError, forbiddenField, invalidValues } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import type { Pod } from './pod-types.ts';

export function validatePodStatus({ spec, status }: Pod, old: Pod): FieldError[] {
  const nominated = status?.nominatedNodeName ?? '';
  const policy = spec?.restartPolicy ?? 'Always';
  const restartable = new Set(
    (spec?.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === 'Always')
      .map(({ name }) => name),
  );
  return [
    ...(nominated === ''
      ? []
      : invalidValues('status.nominatedNodeName', nominated, dns1123Subdomain(nominated))),
    ...transitionErrors(status?.containerStatuses, old.status?.containerStatuses, {
      policy,
      restartable: new Set(),
      field: 'status.containerStatuses',
    }),
    ...transitionErrors(status?.initContainerStatuses, old.status?.initContainerStatuses, {
      policy,
      restartable,
      field: 'status.initContainerStatuses',
    }),
  ];
}

interface Rule {
  readonly policy: string;
  /** Sidecars start again whatever the pod's policy is. */
  readonly restartable: ReadonlySet<string>;
  readonly field: string;
}

function transitionErrors(
  statuses: readonly ContainerStatus[] = [],
  old: readonly ContainerStatus[] = [],
  { policy, restartable, field }: Rule,
): FieldError[] {
  if (policy === 'Always') return [];
  return old.flatMap(({ name, state }, index) => {
    const ended = state?.terminated;
    if (ended === undefined || restartable.has(name)) return [];
    if (ended.exitCode !== 0 && policy === 'OnFailure') return [];
    const next = statuses.find((status) => status.name === name);
    if (next === undefined || next.state?.terminated !== undefined) return [];
    const detail = 'may not be transitioned to non-terminated state';
    return [forbiddenField(`${field}[${index}].state`, detail)];
  });
}

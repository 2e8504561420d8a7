// Priority: the name of a pod's priority class becomes a number, which the scheduler compares.
//
// A pod without a class gets the default one, if there is one, and 0 otherwise. The number is the server's: whoever writes another one is
// refused.
//
// Same rules and sentences upstream: plugin/pkg/admission/priority.

import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { type AdmissionPlugin, type AdmissionRequest, denied } from './admission.ts';
import { cachedObjects, findObject, type Lookup } from './lookup.ts';

const GROUP = 'scheduling.k8s.io';

export function priority({ table }: Lookup): AdmissionPlugin {
  const classes = () => table.registry(GROUP, 'priorityclasses');
  return {
    name: 'Priority',
    async mutate(request) {
      const { operation, definition, subresource, object, old } = request;
      if (definition.group !== '' || definition.kind !== 'Pod' || subresource !== undefined) return;
      const { spec } = (object ?? {}) as Pod;
      if (spec === undefined) return;
      if (operation === 'UPDATE') {
        const before = (old as unknown as Pod).spec?.priority;
        if (before !== undefined) spec.priority ??= before;
      }
      if (operation !== 'CREATE') return;
      const found = spec.priorityClassName
        ? await findObject(classes(), { name: spec.priorityClassName })
        : defaultClass(await cachedObjects(classes()));
      if (found === undefined && spec.priorityClassName) {
        throw denied(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
      }
      setPriority(request, spec, found as unknown as PriorityClass | undefined);
    },
    async validate(request) {
      const { operation, definition, object, name } = request;
      if (definition.group !== GROUP || definition.kind !== 'PriorityClass') return;
      const isWritten = operation === 'CREATE' || operation === 'UPDATE';
      if (!isWritten || (object as unknown as PriorityClass).globalDefault !== true) return;
      const other = defaultClass(await cachedObjects(classes()))?.metadata?.name;
      if (other === undefined || other === name) return;
      const why = `PriorityClass ${other} is already marked as default. Only one default can exist`;
      throw denied(request, why);
    },
  };
}

/** Should there be several, the smallest: a pod must not become important by accident. */
function defaultClass(objects: readonly object[]): PriorityClass | undefined {
  return (objects as readonly PriorityClass[])
    .filter(({ globalDefault }) => globalDefault === true)
    .sort((a, b) => a.value - b.value)[0];
}

function setPriority(
  request: AdmissionRequest,
  spec: PodSpec,
  found: PriorityClass | undefined,
): void {
  const { value = 0, preemptionPolicy = 'PreemptLowerPriority', metadata } = found ?? {};
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw denied(request, why);
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`;
    throw denied(request, why);
  }
  if (metadata?.name !== undefined) spec.priorityClassName = metadata.name;
  spec.priority = value;
  spec.preemptionPolicy = preemptionPolicy;
}

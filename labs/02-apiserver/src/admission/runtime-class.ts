// RuntimeClass: a pod that names a runtime gets what the runtime costs and where it can run.
//
// Same rules and sentences upstream: plugin/pkg/admission/runtimeclass.

import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import { sameValue } from '../strategy/equality.ts';
import { type AdmissionPlugin, type AdmissionRequest, denied } from './admission.ts';
import { findObject, type Lookup } from './lookup.ts';

export function runtimeClass({ table }: Lookup): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    async mutate(request) {
      const { operation, definition, subresource, object } = request;
      const isPod = definition.group === '' && definition.kind === 'Pod';
      if (!isPod || operation !== 'CREATE' || subresource !== undefined) return;
      const { spec } = object as Pod;
      const name = spec?.runtimeClassName ?? '';
      if (spec === undefined || name === '') return;
      const found = await findObject(table.registry('node.k8s.io', 'runtimeclasses'), { name });
      // Better no pod than one that waits for ever on a node that cannot run it.
      if (found === undefined) {
        throw denied(request, `pod rejected: RuntimeClass "${name}" not found`);
      }
      apply(request, spec, found as unknown as RuntimeClass);
    },
  };
}

/** Whoever makes pods may say the same as the runtime, but not contradict it. */
function apply(
  request: AdmissionRequest,
  spec: PodSpec,
  { overhead, scheduling }: RuntimeClass,
): void {
  const fixed = overhead?.podFixed;
  if (fixed !== undefined) {
    if (spec.overhead !== undefined && !sameValue(spec.overhead, fixed)) {
      const why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
      throw denied(request, why);
    }
    spec.overhead = { ...fixed };
  }
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw denied(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  // Tolerations add up: more of them only widens where the pod can run.
  const tolerations = scheduling?.tolerations ?? [];
  const added = tolerations.filter(
    (toleration) => !(spec.tolerations ?? []).some((own) => sameValue(own, toleration)),
  );
  if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added];
}

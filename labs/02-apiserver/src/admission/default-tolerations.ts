// DefaultTolerationSeconds: a pod stays on a node that is not ready or not reachable for a while, then it is evicted.
//
// The two tolerations that say so are written into every pod that does not say anything about these taints itself.
//
// Same rule upstream: plugin/pkg/admission/defaulttolerationseconds.

import type { Pod, Toleration } from 'kubernetes-types/core/v1';
import type { AdmissionPlugin } from './admission.ts';

export interface TolerationDefaults {
  readonly notReadySeconds: number;
  readonly unreachableSeconds: number;
}

export function defaultTolerationSeconds(defaults: TolerationDefaults): AdmissionPlugin {
  const wanted = [
    { key: 'node.kubernetes.io/not-ready', seconds: defaults.notReadySeconds },
    { key: 'node.kubernetes.io/unreachable', seconds: defaults.unreachableSeconds },
  ];
  return {
    name: 'DefaultTolerationSeconds',
    mutate({ operation, definition, subresource, object }) {
      if (definition.kind !== 'Pod' || operation !== 'CREATE' || subresource !== undefined) return;
      const { spec } = object as Pod;
      if (spec === undefined) return;
      for (const { key, seconds } of wanted) {
        if ((spec.tolerations ?? []).some((toleration) => covers(toleration, key))) continue;
        const added = { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds };
        spec.tolerations = [...(spec.tolerations ?? []), added];
      }
    },
  };
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  const sameKey = key === taint || (key ?? '') === '';
  return sameKey && (effect === 'NoExecute' || (effect ?? '') === '');
}

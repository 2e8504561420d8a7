// PressureAdmission: no new pods for a node that is short of something already.
//
// Short of disk or process ids, it takes none. Short of memory, it takes those that asked for some, and the best-effort ones that
// say they can bear it. Critical pods are always taken.
//
// Same rule upstream: Admit in kubernetes, pkg/kubelet/eviction/eviction_manager.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { qosClassOf } from '../container/resources.ts';
import type { AdmitHandler } from '../pod/admission.ts';
import { isCritical } from './critical-pod.ts';
import type { PressureType } from './pressure.ts';

const TAINT = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' } as const;

export function pressureAdmission(conditions: () => readonly PressureType[]): AdmitHandler {
  return {
    admit(pod) {
      const present = conditions();
      if (present.length === 0 || isCritical(pod)) return { admitted: true };
      const onlyMemory = present.length === 1 && present[0] === 'MemoryPressure';
      if (onlyMemory && (qosClassOf(pod) !== 'BestEffort' || bearsIt(pod)))
        return { admitted: true };
      const message = `The node had condition: [${present.join(' ')}]. `;
      return { admitted: false, reason: 'Evicted', message };
    },
  };
}

function bearsIt({ spec }: Pod): boolean {
  return (spec?.tolerations ?? []).some(
    ({ key = '', effect = '', operator = 'Equal', value = '' }) =>
      (effect === '' || effect === TAINT.effect) &&
      (key === TAINT.key
        ? operator === 'Exists' || value === ''
        : key === '' && operator === 'Exists'),
  );
}

// TaintNodesByCondition: a node that is new takes no pods before somebody has seen it ready.
//
// The node lifecycle controller takes the taint away. Same rule upstream: plugin/pkg/admission/nodetaint.

import type { Node } from 'kubernetes-types/core/v1';
import type { AdmissionPlugin } from './admission.ts';

const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  mutate({ operation, definition, subresource, object }) {
    const isNode = definition.group === '' && definition.kind === 'Node';
    if (!isNode || operation !== 'CREATE' || subresource !== undefined) return;
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect))
      return;
    node.spec = { ...node.spec, taints: [...taints, { ...NOT_READY }] };
  },
};

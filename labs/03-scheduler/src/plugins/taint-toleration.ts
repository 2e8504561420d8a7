// TaintToleration: keep pods off tainted nodes unless they say they can cope.
//
// Filter  rejects a node that has a hard taint (NoSchedule, NoExecute) the pod does not tolerate.
// Score   ranks nodes by how few soft taints (PreferNoSchedule) remain untolerated.
//
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/tainttoleration.

import type { Node, Pod, Taint, Toleration } from 'kubernetes-types/core/v1';
import { FITS, normalizeToMax, type Plugin, rejects } from '../framework.ts';

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  helpedBy: ['NodeAdd', 'NodeTaintChange'],
  filter(pod, { node }) {
    const taint = taintsOf(node).find((each) => isHard(each) && !tolerates(pod, each));
    if (taint === undefined) return FITS;
    return rejects(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
  },
  score(pod, { node }) {
    const soft = taintsOf(node).filter(({ effect }) => effect === 'PreferNoSchedule');
    return soft.filter((taint) => !tolerates(pod, taint)).length;
  },
  normalizeScore: (scores) => normalizeToMax(scores, true),
};

export function tolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => covers(toleration, taint));
}

/** An empty effect covers all effects; an empty key with Exists covers all taints. */
function covers(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  switch (operator) {
    case '':
    case 'Equal':
      return key !== '' && value === (taint.value ?? '');
    case 'Exists':
      return true;
    default:
      return false;
  }
}

function isHard({ effect }: Taint): boolean {
  return effect === 'NoSchedule' || effect === 'NoExecute';
}

function taintsOf(node: Node): readonly Taint[] {
  return node.spec?.taints ?? [];
}

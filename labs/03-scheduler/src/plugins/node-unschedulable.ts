// NodeUnschedulable: keep pods off a node that `kubectl cordon` closed.
//
// Filter  rejects a node with spec.unschedulable, unless the pod tolerates the taint that stands for it.
//
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/nodeunschedulable.

import { FITS, type Plugin, rejects } from '../framework.ts';
import { tolerates } from './taint-toleration.ts';

const REASON = 'node(s) were unschedulable';
const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  helpedBy: ['NodeAdd', 'NodeSpecUnschedulableChange'],
  filter(pod, { node }) {
    if (node.spec?.unschedulable !== true || tolerates(pod, TAINT)) return FITS;
    return rejects(REASON);
  },
};

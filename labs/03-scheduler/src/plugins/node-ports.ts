// NodePorts: two pods cannot have the same port of one node.
//
// PreFilter  collects the host ports that the pod wants.
// Filter     rejects a node where one of them is taken: same port and protocol, on the same address or on all.
//
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/nodeports.

import { FITS, type Plugin, rejects } from '../framework.ts';
import { type HostPort, hostPorts, portsConflict } from '../snapshot.ts';

const REASON = "node(s) didn't have free ports for the requested pod ports";

export const nodePorts: Plugin<readonly HostPort[]> = {
  name: 'NodePorts',
  helpedBy: ['NodeAdd', 'AssignedPodDelete'],
  preFilter: (pod) => ({ kind: 'ready', state: hostPorts(pod) }),
  filter(_pod, { usedPorts }, wanted) {
    const taken = wanted.some((port) => usedPorts.some((used) => portsConflict(port, used)));
    return taken ? rejects(REASON) : FITS;
  },
};

// PortMappings: the ports of the node that a pod asks for. Pure.
//
// A pod in the node's network has none: what it listens on is the node's already.
//
// Same idea upstream: MakePortMappings in kubernetes, pkg/kubelet/container/helpers.go.

import type { Pod } from 'kubernetes-types/core/v1';
import type { PortMapping } from '../runtime/runtime.ts';

/** Ways to say "every address of the node". */
const EVERY_ADDRESS = ['', '0.0.0.0', '::'];

export function portMappingsOf(pod: Pod): readonly PortMapping[] {
  const { hostNetwork, containers = [], initContainers = [] } = pod.spec ?? {};
  if (hostNetwork === true) return [];
  const sidecars = initContainers.filter((one) => one.restartPolicy === 'Always');
  return [...sidecars, ...containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, containerPort, protocol = 'TCP', hostIP: hostIp = '' }) => {
      if (hostPort === 0) return [];
      const mapping = { hostPort, containerPort, protocol: protocol as PortMapping['protocol'] };
      return [EVERY_ADDRESS.includes(hostIp) ? mapping : { ...mapping, hostIp }];
    }),
  );
}

/** Two mappings that cannot both be had. */
export function portsClash(a: PortMapping, b: PortMapping): boolean {
  const sameAddress = a.hostIp === undefined || b.hostIp === undefined || a.hostIp === b.hostIp;
  return sameAddress && a.hostPort === b.hostPort && a.protocol === b.protocol;
}

// service-allocations: what the server gave a service stays with it when an update does not mention it.
//
// Clients send back what they know of: a manifest has no cluster address and no node port. Leaving them out cannot mean
// "give me others", so they are taken over, and dropped when the new type has no use for them.
//
// Same rules upstream: pkg/registry/core/service/storage (patchAllocatedValues, dropTypeDependentFields, normalizeClusterIPs).

import type { ServiceSpec } from 'kubernetes-types/core/v1';
import { sameValue } from './equality.ts';

/** Writes into `spec`; `old` is only read. */
export function keepAllocations(spec: ServiceSpec, old: ServiceSpec): void {
  followClusterIp(spec, old);
  if (hasClusterIp(spec) && hasClusterIp(old)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && old.clusterIPs) spec.clusterIPs = [...old.clusterIPs];
  }
  if (hasNodePorts(spec) && hasNodePorts(old)) keepNodePorts(spec, old);
  if (!hasClusterIp(spec)) dropClusterIp(spec, old);
  if (!hasNodePorts(spec) && hasNodePorts(old)) dropNodePorts(spec, old);
  if (!hasNodePorts(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy) {
    if (!spec.externalIPs?.length) delete spec.externalTrafficPolicy;
  }
}

function hasClusterIp({ type }: ServiceSpec): boolean {
  return type !== 'ExternalName';
}

function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}

/** Clients that know only the old, single field change that one: the list follows it. */
function followClusterIp(spec: ServiceSpec, old: ServiceSpec): void {
  const changed = (spec.clusterIP ?? '') !== (old.clusterIP ?? '');
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!changed || !sameValue(spec.clusterIPs, old.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

function keepNodePorts(spec: ServiceSpec, old: ServiceSpec): void {
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of spec.ports ?? []) {
    const same = (old.ports ?? []).find(
      (candidate) => candidate.port === port.port && candidate.protocol === port.protocol,
    );
    if (port.nodePort || !same?.nodePort || used.has(same.nodePort)) continue;
    port.nodePort = same.nodePort;
    used.add(same.nodePort);
  }
}

function dropClusterIp(spec: ServiceSpec, old: ServiceSpec): void {
  if (!sameValue(spec.clusterIPs, old.clusterIPs)) return;
  delete spec.clusterIP;
  delete spec.clusterIPs;
  delete spec.ipFamilies;
  delete spec.ipFamilyPolicy;
  delete spec.internalTrafficPolicy;
}

/** Node ports that are merely repeated go; ones that the client set anew are an error, which validation finds. */
function dropNodePorts(spec: ServiceSpec, old: ServiceSpec): void {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of spec.ports ?? []) {
    if (before.has(port.nodePort)) delete port.nodePort;
  }
}

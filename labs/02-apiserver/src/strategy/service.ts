// service: the strategy of services.
//
// Addresses and node ports are the server's to give, after validation. An update that leaves them out means the ones that
// are there.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go, pkg/registry/core/service.
// Left out: dual stack, load balancer classes and source ranges.

import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { forbiddenField } from './field-error.ts';
import { validateBalancerAddresses } from './ingress.ts';
import { dns1035Label } from './name-rules.ts';
import { keepAllocations } from './service-allocations.ts';
import { validateAddressUpdate, validateServiceSpec } from './service-validation.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const AFFINITY_SECONDS = 10_800;

export const serviceStrategy: Strategy = defineStrategy<Service>({
  metadata: { name: dns1035Label },
  hasGeneration: false,
  setDefaults(service) {
    service.spec ??= {};
    setSpecDefaults(service.spec);
  },
  prepareForCreate(service) {
    Object.assign(service, { status: { loadBalancer: {} } });
    const { spec } = service;
    if (spec?.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    setFamilies(spec);
  },
  prepareForUpdate(service, old) {
    if (service.spec !== undefined && old.spec !== undefined) {
      keepAllocations(service.spec, old.spec);
    }
    setFamilies(service.spec);
  },
  validate: ({ spec }) => validateServiceSpec(spec ?? {}),
  validateUpdate: ({ spec }, old) => validateAddressUpdate(spec ?? {}, old.spec ?? {}),
  validateStatus({ spec, status }) {
    const addresses = status?.loadBalancer?.ingress ?? [];
    const errors = validateBalancerAddresses(addresses);
    if (addresses.length === 0 || spec?.type === 'LoadBalancer') return errors;
    const detail = 'may only be used when `spec.type` is "LoadBalancer"';
    return [forbiddenField('status.loadBalancer.ingress', detail), ...errors];
  },
});

function setSpecDefaults(spec: ServiceSpec): void {
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= AFFINITY_SECONDS;
  }
  spec.type ??= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    port.targetPort ||= port.port;
  }
  const onNodes = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (onNodes) spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

/** No default, but given with the addresses: whoever writes the service does not own it. */
function setFamilies(spec: ServiceSpec | undefined): void {
  if (spec === undefined || spec.type === 'ExternalName') return;
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
}

// FixedSource: a DnsSource over plain arrays, for tests.

import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { DnsSource } from '../../src/dns/cluster-records.ts';
import { serviceKeyOf } from '../../src/service-map.ts';

export function fixedSource(
  services: readonly Service[],
  slices: readonly EndpointSlice[] = [],
): DnsSource {
  const keyOf = ({ metadata }: Service) => `${metadata?.namespace}/${metadata?.name}`;
  return {
    ready: true,
    service: (key) => services.find((service) => keyOf(service) === key),
    slices: (key) => slices.filter((slice) => serviceKeyOf(slice) === key),
    hasNamespace: (namespace) => services.some((s) => s.metadata?.namespace === namespace),
    servicesByIP: (ip) => services.filter((service) => service.spec?.clusterIP === ip),
    slicesByIP: (ip) =>
      slices.filter((slice) => slice.endpoints.some(({ addresses }) => addresses.includes(ip))),
  };
}

// network: the columns of services, endpoints and endpoint slices.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { AGE_COLUMN, ageOf, formatLabels, NAME_COLUMN, orNone, type Printer } from './table.ts';

const ENDPOINTS_SHOWN_MAX = 3;

export const servicePrinter: Printer<Service> = {
  columns: [
    NAME_COLUMN,
    { name: 'Type' },
    { name: 'Cluster-IP' },
    { name: 'External-IP' },
    { name: 'Port(s)' },
    AGE_COLUMN,
    { name: 'Selector', wide: true },
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.type ?? '',
    orNone(spec?.clusterIP),
    externalIp(spec, status),
    portsText(spec),
    ageOf(metadata?.creationTimestamp, nowMs),
    formatLabels(spec?.selector),
  ],
};

function externalIp(spec: Service['spec'], status: Service['status']): string {
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  const external = spec?.externalIPs ?? [];
  if (spec?.type !== 'LoadBalancer') return orNone(external.join(','));
  const ingress = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname }) => ip ?? hostname ?? '',
  );
  const all = [...ingress, ...external];
  return all.length === 0 ? '<pending>' : all.join(',');
}

function portsText(spec: Service['spec']): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return orNone(ports.join(','));
}

export const endpointsPrinter: Printer<Endpoints> = {
  columns: [NAME_COLUMN, { name: 'Endpoints' }, AGE_COLUMN],
  row: ({ metadata, subsets = [] }, nowMs) => {
    const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
      ports.length === 0
        ? addresses.map(({ ip }) => ip)
        : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
    );
    return [metadata?.name ?? '', firstFew(all), ageOf(metadata?.creationTimestamp, nowMs)];
  },
};

export const endpointSlicePrinter: Printer<EndpointSlice> = {
  columns: [
    NAME_COLUMN,
    { name: 'AddressType' },
    { name: 'Ports' },
    { name: 'Endpoints' },
    AGE_COLUMN,
  ],
  row: ({ metadata, addressType, ports, endpoints = [] }, nowMs) => {
    const numbers = (ports ?? []).map(({ port }) => String(port ?? '*'));
    return [
      metadata?.name ?? '',
      addressType,
      numbers.length === 0 ? '<unset>' : firstFew(numbers),
      endpoints.length === 0
        ? '<unset>'
        : firstFew(endpoints.flatMap(({ addresses }) => addresses)),
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

function firstFew(all: readonly string[]): string {
  const shown = all.slice(0, ENDPOINTS_SHOWN_MAX).join(',');
  const more = all.length - ENDPOINTS_SHOWN_MAX;
  return more > 0 ? `${shown} + ${more} more...` : orNone(shown);
}

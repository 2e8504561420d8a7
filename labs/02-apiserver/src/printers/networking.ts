// networking: the columns of ingresses, their classes, and network policies.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { Ingress, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1';
import { AGE_COLUMN, ageOf, NAME_COLUMN, type Printer } from './table.ts';
import { selectorText } from './workloads.ts';

const HOSTS_SHOWN_MAX = 3;

export const ingressPrinter: Printer<Ingress> = {
  columns: [
    NAME_COLUMN,
    { name: 'Class' },
    { name: 'Hosts' },
    { name: 'Address' },
    { name: 'Ports' },
    AGE_COLUMN,
  ],
  row: ({ metadata, spec, status }, nowMs) => {
    const addresses = (status?.loadBalancer?.ingress ?? []).map(
      ({ ip, hostname }) => ip || hostname || '',
    );
    return [
      metadata?.name ?? '',
      spec?.ingressClassName ?? '<none>',
      hostsText((spec?.rules ?? []).map(({ host = '' }) => host)),
      [...new Set(addresses.filter((text) => text !== ''))].sort().join(','),
      (spec?.tls ?? []).length > 0 ? '80, 443' : '80',
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

/** A rule without a host takes all of them. */
function hostsText(hosts: readonly string[]): string {
  const shown: string[] = [];
  let isCut = false;
  for (const host of hosts) {
    isCut ||= shown.length === HOSTS_SHOWN_MAX;
    if (!isCut && host !== '') shown.push(host);
  }
  if (shown.length === 0) return '*';
  return isCut ? `${shown.join(',')} + ${hosts.length - HOSTS_SHOWN_MAX} more...` : shown.join(',');
}

export const ingressClassPrinter: Printer<IngressClass> = {
  columns: [NAME_COLUMN, { name: 'Controller' }, { name: 'Parameters' }, AGE_COLUMN],
  row: ({ metadata, spec }, nowMs) => {
    const { kind, apiGroup, name } = spec?.parameters ?? {};
    const group = apiGroup === undefined ? '' : `.${apiGroup}`;
    return [
      metadata?.name ?? '',
      spec?.controller ?? '',
      spec?.parameters === undefined ? '<none>' : `${kind}${group}/${name}`,
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

export const networkPolicyPrinter: Printer<NetworkPolicy> = {
  columns: [NAME_COLUMN, { name: 'Pod-Selector' }, AGE_COLUMN],
  row: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    selectorText(spec?.podSelector),
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

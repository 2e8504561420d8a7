// ServiceMap: what the proxy must do, worked out from Services and EndpointSlices, and nothing about how.
//
// One ServicePort for each port of each Service with a cluster IP. The endpoints in it are those that shall get
// connections: ready ones; when none is ready, those that still serve while they terminate; for a Local
// policy only those on this node. Nothing here knows nftables, has a clock or a client, so a test is a row of data.
//
// Invariant: every address, port and protocol in a ServiceMap was checked to be one. The API server validates too, but
// these values end up in the text of a ruleset, and a text must not depend on the manners of who wrote its parts.
//
// Same idea upstream: pkg/proxy/servicechangetracker.go, endpointschangetracker.go and topology.go.
// Left out here: IPv6, topology hints, trafficDistribution, loadBalancerSourceRanges, health check node ports.

import { isIPv4 } from 'node:net';
import type { Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';

export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface ServiceEndpoint {
  readonly ip: string;
  readonly port: number;
  /** Runs on this node, so it may meet itself through its own service. */
  readonly local: boolean;
}

export interface ServicePort {
  /** 'namespace/name' or 'namespace/name:port', as upstream writes a ServicePortName. */
  readonly id: string;
  readonly protocol: Protocol;
  readonly clusterIP: string;
  readonly port: number;
  readonly nodePort: number | undefined;
  /** spec.externalIPs and the load balancer's addresses. */
  readonly externalIPs: readonly string[];
  /** sessionAffinity ClientIP: the same client meets the same endpoint. */
  readonly sticky: boolean;
  /** externalTrafficPolicy Local: the endpoint sees the client's own address. */
  readonly preserveClientIP: boolean;
  /** For connections to the cluster IP. */
  readonly endpoints: readonly ServiceEndpoint[];
  /** For connections to the node port and the external IPs. */
  readonly externalEndpoints: readonly ServiceEndpoint[];
}

/** In the order of ids, so that equal input gives equal rules. */
export type ServiceMap = readonly ServicePort[];

export interface ServiceMapOptions {
  readonly nodeName: string;
  /** Cluster IPs that something else on this node answers for: the address of cluster DNS. */
  readonly skipClusterIPs?: readonly string[];
}

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export function buildServiceMap(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  options: ServiceMapOptions,
): ServiceMap {
  const slicesOf = groupSlices(slices);
  const ports: ServicePort[] = [];
  for (const service of services) {
    const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
    ports.push(...portsOf(service, slicesOf.get(key) ?? [], options));
  }
  return ports.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** 'namespace/name' of the Service that a slice belongs to. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? undefined : `${slice.metadata?.namespace}/${name}`;
}

/** An absent condition means "unknown", and the API says to read unknown as ready. */
export function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready !== false;
}

export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function groupSlices(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = serviceKeyOf(slice);
    if (key === undefined || slice.addressType !== 'IPv4') continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

function portsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  { nodeName, skipClusterIPs = [] }: ServiceMapOptions,
): ServicePort[] {
  const { metadata, spec } = service;
  const clusterIP = spec?.clusterIP ?? '';
  // Headless ('None'), not yet allocated (''), an alias (ExternalName), or somebody else's address.
  if (!isIPv4(clusterIP) || spec?.type === 'ExternalName' || skipClusterIPs.includes(clusterIP)) {
    return [];
  }
  const externalLocal = spec?.externalTrafficPolicy === 'Local';
  const ports: ServicePort[] = [];
  for (const port of spec?.ports ?? []) {
    const protocol = protocolOf(port.protocol);
    if (protocol === undefined || !isPort(port.port)) continue;
    const all = endpointsOf(slices, { portName: port.name ?? '', protocol, nodeName });
    const name = `${metadata?.namespace}/${metadata?.name}`;
    ports.push({
      id: port.name === undefined || port.name === '' ? name : `${name}:${port.name}`,
      protocol,
      clusterIP,
      port: port.port,
      nodePort: isPort(port.nodePort) ? port.nodePort : undefined,
      externalIPs: externalIPsOf(service),
      sticky: spec?.sessionAffinity === 'ClientIP',
      preserveClientIP: externalLocal,
      endpoints: chooseEndpoints(all, spec?.internalTrafficPolicy === 'Local'),
      externalEndpoints: chooseEndpoints(all, externalLocal),
    });
  }
  return ports;
}

interface Candidate extends ServiceEndpoint {
  readonly ready: boolean;
}

/** Every endpoint behind one port that could take a connection, ready or serving to its end. */
function endpointsOf(
  slices: readonly EndpointSlice[],
  wanted: { readonly portName: string; readonly protocol: Protocol; readonly nodeName: string },
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    const port = slice.ports?.find(
      (candidate) =>
        (candidate.name ?? '') === wanted.portName &&
        protocolOf(candidate.protocol) === wanted.protocol,
    )?.port;
    if (!isPort(port)) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0] ?? '';
      const ready = isReady(endpoint);
      if (!isIPv4(ip) || !(ready || isServingWhileTerminating(endpoint))) continue;
      const key = `${ip}:${port}`;
      // A pod that moves between slices is in two of them for a moment: it counts once, by its best state.
      if (found.get(key)?.ready) continue;
      found.set(key, { ip, port, local: endpoint.nodeName === wanted.nodeName, ready });
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

function isServingWhileTerminating({ conditions }: Endpoint): boolean {
  return conditions?.serving === true && conditions.terminating === true;
}

function chooseEndpoints(all: readonly Candidate[], localOnly: boolean): ServiceEndpoint[] {
  const allowed = localOnly ? all.filter((endpoint) => endpoint.local) : all;
  const ready = allowed.filter((endpoint) => endpoint.ready);
  return (ready.length > 0 ? ready : allowed).map(({ ip, port, local }) => ({ ip, port, local }));
}

function externalIPsOf({ spec, status }: Service): string[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const addresses = [...(spec?.externalIPs ?? []), ...ingress.map((entry) => entry.ip ?? '')];
  return [...new Set(addresses)].filter((address) => isIPv4(address));
}

function protocolOf(text: string | undefined): Protocol | undefined {
  switch (text ?? 'TCP') {
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
    default:
      return undefined;
  }
}

// clusterRecords: the answer to one question about the cluster, from Services and EndpointSlices.
//
// Three answers look alike and are not: records; none of that type though the name exists (a resolver then asks no
// further); no such name (a resolver goes on through its search list). AAAA is always of the second kind here: a
// wrong "no such name" for AAAA would end the search for the A record as well. Pure: sources are read, nothing waits.
//
// Same idea upstream: coredns, plugin/kubernetes; the records are those of docs/specification.md of kubernetes/dns.
// A namespace is known by its services, so an empty one does not exist here; a pod's name is not checked against pods,
// as in CoreDNS's mode `pods insecure`, which kubeadm sets.
// Left out here: IPv6, NS glue, zone transfer, names of endpoints after their pods.

import { isIPv4 } from 'node:net';
import type { Answer } from 'dns-packet';
import type { Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { isReady, serviceKeyOf } from '../service-map.ts';
import { type ClusterName, parseClusterName } from './cluster-name.ts';

/** The part of the cluster that has names. */
export interface DnsSource {
  /** False until everything was listed once; till then "no such name" would be a guess. */
  readonly ready: boolean;
  service(key: string): Service | undefined;
  /** The slices of one service. */
  slices(key: string): readonly EndpointSlice[];
  hasNamespace(namespace: string): boolean;
  servicesByIP(ip: string): readonly Service[];
  slicesByIP(ip: string): readonly EndpointSlice[];
}

export interface ZoneOptions {
  /** 'cluster.local'. */
  readonly zone: string;
  /** Addresses whose names only the cluster can know: services and pods. */
  ownsAddress(ip: string): boolean;
}

export type ClusterAnswer =
  /** Empty: the name exists and has no record of this type. */
  | { readonly kind: 'records'; readonly answers: Answer[]; readonly additionals: Answer[] }
  | { readonly kind: 'alias'; readonly answer: Answer; readonly target: string }
  | { readonly kind: 'no-such-name' }
  | { readonly kind: 'outside' };

export interface ClusterQuestion {
  readonly name: string;
  readonly type: string;
}

/** Seconds. Short, because a pod's address may be another pod's a minute later. CoreDNS's own default. */
export const TTL_SECONDS = 5;
const SCHEMA_VERSION = '1.1.0';
const SRV_WEIGHT_TOTAL = 100;

export function clusterRecords(
  question: ClusterQuestion,
  source: DnsSource,
  options: ZoneOptions,
): ClusterAnswer {
  const parsed = parseClusterName(question.name, options.zone);
  switch (parsed.kind) {
    case 'outside':
      return { kind: 'outside' };
    case 'impossible':
      return NO_SUCH_NAME;
    case 'apex':
      return ofType(question, 'SOA', [soa(options.zone)]);
    case 'branch':
      return NO_DATA;
    case 'schema-version': {
      const data = SCHEMA_VERSION;
      return ofType(question, 'TXT', [
        { type: 'TXT', name: question.name, ttl: TTL_SECONDS, data },
      ]);
    }
    case 'namespace':
      return source.hasNamespace(parsed.namespace) ? NO_DATA : NO_SUCH_NAME;
    case 'pod':
      return ofType(question, 'A', [a(question.name, parsed.ip)]);
    case 'address':
      return addressAnswer(question, parsed.ip, { source, options });
    case 'service':
    case 'endpoint':
    case 'port': {
      const service = source.service(`${parsed.namespace}/${parsed.service}`);
      if (service === undefined) return NO_SUCH_NAME;
      return serviceAnswer(parsed, { question, service, source, zone: options.zone });
    }
    default:
      return parsed satisfies never;
  }
}

/** What a negative answer carries, so that resolvers know how long it holds. */
export function soa(zone: string): Answer {
  const data = { mname: `ns.dns.${zone}`, rname: `hostmaster.${zone}`, serial: 1 };
  const times = { refresh: 7_200, retry: 1_800, expire: 86_400, minimum: TTL_SECONDS };
  return { type: 'SOA', name: zone, ttl: TTL_SECONDS, data: { ...data, ...times } };
}

const NO_SUCH_NAME: ClusterAnswer = { kind: 'no-such-name' };
const NO_DATA: ClusterAnswer = { kind: 'records', answers: [], additionals: [] };

interface ServiceContext {
  readonly question: ClusterQuestion;
  readonly service: Service;
  readonly source: DnsSource;
  readonly zone: string;
}

function serviceAnswer(
  parsed: ClusterName & { kind: 'service' | 'endpoint' | 'port' },
  context: ServiceContext,
): ClusterAnswer {
  const { question, service } = context;
  const { type, externalName = '', clusterIP = '' } = service.spec ?? {};
  if (type === 'ExternalName') {
    if (parsed.kind !== 'service' || externalName === '') return NO_SUCH_NAME;
    const answer: Answer = { ...base(question.name), type: 'CNAME', data: externalName };
    return { kind: 'alias', answer, target: externalName };
  }
  const fqdn = `${parsed.service}.${parsed.namespace}.svc.${context.zone}`;
  const endpoints = readyEndpoints(context.source.slices(keyOf(service)));
  const headless = !isIPv4(clusterIP);
  // The specification: a headless service without ready endpoints has no name.
  if (headless && endpoints.length === 0) return NO_SUCH_NAME;

  if (parsed.kind === 'endpoint') {
    const named = endpoints.filter((endpoint) => endpoint.host === parsed.host);
    if (named.length === 0) return NO_SUCH_NAME;
    return ofType(question, 'A', addresses(question.name, named));
  }
  const wantsPort = parsed.kind === 'port' ? parsed : undefined;
  const srv = headless
    ? headlessSrv(question.name, fqdn, { endpoints, wantsPort })
    : clusterIpSrv(question.name, fqdn, { service, wantsPort });
  if (wantsPort !== undefined && srv.answers.length === 0) return NO_SUCH_NAME;
  if (question.type === 'SRV') return { kind: 'records', ...srv };
  if (wantsPort !== undefined) return NO_DATA;
  const records = headless ? addresses(question.name, endpoints) : [a(question.name, clusterIP)];
  return ofType(question, 'A', records);
}

interface NamedEndpoint {
  readonly host: string;
  readonly ip: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; port: number }[];
}

function readyEndpoints(slices: readonly EndpointSlice[]): NamedEndpoint[] {
  const found: NamedEndpoint[] = [];
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const ports = (slice.ports ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({
      name,
      protocol: protocol.toLowerCase(),
      port,
    }));
    for (const endpoint of slice.endpoints ?? []) {
      const [ip = ''] = endpoint.addresses;
      if (isIPv4(ip) && isReady(endpoint)) found.push({ host: hostOf(endpoint, ip), ip, ports });
    }
  }
  return found;
}

function hostOf({ hostname = '' }: Endpoint, ip: string): string {
  return hostname === '' ? ip.replaceAll('.', '-') : hostname.toLowerCase();
}

type WantedPort = { readonly port: string; readonly protocol: string } | undefined;

function clusterIpSrv(
  name: string,
  fqdn: string,
  { service, wantsPort }: { service: Service; wantsPort: WantedPort },
) {
  const ports = (service.spec?.ports ?? []).filter((port) =>
    isWanted(wantsPort, {
      name: port.name ?? '',
      protocol: (port.protocol ?? 'TCP').toLowerCase(),
    }),
  );
  const weight = weightOf(ports.length);
  const answers = ports.map((port) => srvRecord(name, { target: fqdn, port: port.port, weight }));
  const additionals = answers.length === 0 ? [] : [a(fqdn, service.spec?.clusterIP ?? '')];
  return { answers, additionals };
}

function headlessSrv(
  name: string,
  fqdn: string,
  { endpoints, wantsPort }: { endpoints: readonly NamedEndpoint[]; wantsPort: WantedPort },
) {
  const served = endpoints.flatMap((endpoint) =>
    endpoint.ports
      .filter((port) => isWanted(wantsPort, port))
      .map(({ port }) => ({ target: `${endpoint.host}.${fqdn}`, port, ip: endpoint.ip })),
  );
  const weight = weightOf(served.length);
  const answers = served.map((entry) => srvRecord(name, { ...entry, weight }));
  const unique = new Map(served.map(({ target, ip }) => [`${target} ${ip}`, a(target, ip)]));
  return { answers, additionals: [...unique.values()] };
}

function isWanted(wanted: WantedPort, port: { name: string; protocol: string }): boolean {
  if (wanted === undefined) return true;
  // A port without a name has no SRV record of its own.
  if (wanted.port === '' || wanted.protocol !== port.protocol) return false;
  return wanted.port === port.name.toLowerCase();
}

function weightOf(count: number): number {
  return Math.max(1, Math.floor(SRV_WEIGHT_TOTAL / Math.max(1, count)));
}

function addressAnswer(
  question: ClusterQuestion,
  ip: string,
  { source, options }: { source: DnsSource; options: ZoneOptions },
): ClusterAnswer {
  const names = source
    .servicesByIP(ip)
    .map(({ metadata }) => `${metadata?.name}.${metadata?.namespace}.svc.${options.zone}`);
  for (const slice of source.slicesByIP(ip)) {
    const service = source.service(serviceKeyOf(slice) ?? '');
    // Only a headless service gives its endpoints names; behind a cluster IP they are nobody's business.
    if (service === undefined || isIPv4(service.spec?.clusterIP ?? '')) continue;
    for (const { host } of readyEndpoints([slice]).filter((endpoint) => endpoint.ip === ip)) {
      const { name, namespace } = service.metadata ?? {};
      names.push(`${host}.${name}.${namespace}.svc.${options.zone}`);
    }
  }
  if (names.length === 0) return options.ownsAddress(ip) ? NO_SUCH_NAME : { kind: 'outside' };
  const records = [...new Set(names)].map(
    (data): Answer => ({ ...base(question.name), type: 'PTR', data }),
  );
  return ofType(question, 'PTR', records);
}

function ofType({ type }: ClusterQuestion, has: string, records: Answer[]): ClusterAnswer {
  if (type !== has && type !== 'ANY') return NO_DATA;
  return { kind: 'records', answers: records, additionals: [] };
}

function addresses(name: string, endpoints: readonly NamedEndpoint[]): Answer[] {
  return [...new Set(endpoints.map(({ ip }) => ip))].map((ip) => a(name, ip));
}

function a(name: string, ip: string): Answer {
  return { ...base(name), type: 'A', data: ip };
}

function srvRecord(
  name: string,
  { target, port, weight }: { target: string; port: number; weight: number },
): Answer {
  return { ...base(name), type: 'SRV', data: { priority: 0, weight, port, target } };
}

function base(name: string) {
  return { name, ttl: TTL_SECONDS, class: 'IN' } as const;
}

function keyOf({ metadata }: Service): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

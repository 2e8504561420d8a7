// Dns: a pod's /etc/resolv.conf, from its dnsPolicy, its dnsConfig, the cluster's DNS and the node's own file. Pure.
//
// ClusterFirst asks the cluster's DNS, with the search domains that make a bare service name work; ndots:5 makes
// the resolver try them first. A pod in the node's network gets the node's file unless it asks otherwise. What is
// more than resolvers take is left out, and told of.
//
// Same idea upstream: kubernetes, pkg/kubelet/network/dns.

import type { Pod, PodDNSConfig } from 'kubernetes-types/core/v1';

export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  /** Several are written as a,b. */
  readonly address: string | undefined;
  readonly domain: string;
}

export interface DnsWarning {
  readonly reason: 'MissingClusterDNS' | 'DNSConfigForming';
  readonly message: string;
}

export interface PodResolver {
  readonly config: ResolverConfig;
  readonly warnings: readonly DnsWarning[];
}

const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_LENGTH_MAX = 253;
const SEARCH_LINE_LENGTH_MAX = 2048;
/** Of a node that is to have no resolver: the machine itself, where none is. */
const NO_RESOLVER: ResolverConfig = { nameservers: ['127.0.0.1'], searches: ['.'], options: [] };

/** @param node undefined where the node is to have none. */
export function resolverConfigOf(
  pod: Pod,
  dns: ClusterDns,
  node: ResolverConfig | undefined,
): PodResolver {
  const policy = policyOf(pod);
  const isMissing = policy === 'cluster' && dns.address === undefined;
  const base = policyConfig(pod, dns, { policy: isMissing ? 'node' : policy, node });
  const { config, warnings } = withinLimits(withDnsConfig(base, pod.spec?.dnsConfig));
  return { config, warnings: [...(isMissing ? [missingClusterDns(pod)] : []), ...warnings] };
}

export function parseResolverConfig(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') searches = values.map(withoutEndingDot);
    if (keyword === 'options') options = values;
  }
  return { nameservers, searches, options };
}

export function formatResolverConfig(config: ResolverConfig): string {
  const lines = [
    ...(config.searches.length > 0 ? [`search ${config.searches.join(' ')}`] : []),
    ...config.nameservers.map((address) => `nameserver ${address}`),
    ...(config.options.length > 0 ? [`options ${config.options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

type Policy = 'none' | 'cluster' | 'node';

function policyOf({ spec }: Pod): Policy {
  const policy = spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return 'none';
  if (policy === 'ClusterFirstWithHostNet') return 'cluster';
  return policy === 'ClusterFirst' && spec?.hostNetwork !== true ? 'cluster' : 'node';
}

function policyConfig(
  pod: Pod,
  { address = '', domain }: ClusterDns,
  { policy, node }: { readonly policy: Policy; readonly node: ResolverConfig | undefined },
): ResolverConfig {
  if (policy === 'none') return { nameservers: [], searches: [], options: [] };
  if (policy === 'node') return node ?? NO_RESOLVER;
  const namespace = pod.metadata?.namespace ?? 'default';
  const cluster = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return {
    nameservers: address.split(','),
    searches: unique([
      ...(domain === '' ? [] : cluster),
      ...(node?.searches ?? []).filter((search) => search !== '.'),
    ]),
    options: ['ndots:5'],
  };
}

/** The pod's own entries come behind; an option of the same name replaces. */
function withDnsConfig(config: ResolverConfig, own: PodDNSConfig | undefined): ResolverConfig {
  if (own === undefined) return config;
  const ownOptions = (own.options ?? []).map(({ name, value }) =>
    value === undefined ? (name ?? '') : `${name}:${value}`,
  );
  const nameOf = (option: string) => option.split(':')[0];
  const replaced = new Set(ownOptions.map(nameOf));
  return {
    nameservers: unique([...config.nameservers, ...(own.nameservers ?? [])]),
    searches: unique([...config.searches, ...(own.searches ?? [])]),
    options: [...config.options.filter((option) => !replaced.has(nameOf(option))), ...ownOptions],
  };
}

function withinLimits(config: ResolverConfig): PodResolver {
  const nameservers = config.nameservers.slice(0, NAMESERVERS_MAX);
  const searches = searchesWithin(config.searches);
  const warnings = [
    ...(nameservers.length < config.nameservers.length
      ? [cut('Nameserver', 'nameservers', `nameserver line is: ${nameservers.join(' ')}`)]
      : []),
    ...(searches.length < config.searches.length
      ? [cut('Search Line', 'search paths', `search line is: ${searches.join(' ')}`)]
      : []),
  ];
  return { config: { ...config, nameservers, searches }, warnings };
}

function cut(what: string, things: string, applied: string): DnsWarning {
  const message = `${what} limits were exceeded, some ${things} have been omitted, the applied ${applied}`;
  return { reason: 'DNSConfigForming', message };
}

/** The first ones; a name that is too long makes resolvers fail. */
function searchesWithin(searches: readonly string[]): readonly string[] {
  const names = searches
    .slice(0, SEARCHES_MAX)
    .filter((search) => search.length <= SEARCH_LENGTH_MAX);
  while (names.join(' ').length > SEARCH_LINE_LENGTH_MAX) names.pop();
  return names;
}

function missingClusterDns({ metadata }: Pod): DnsWarning {
  const { name, namespace, uid } = metadata ?? {};
  return {
    reason: 'MissingClusterDNS',
    message: `pod: "${name}_${namespace}(${uid})". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`,
  };
}

function withoutEndingDot(search: string): string {
  return search === '.' ? search : search.replace(/\.$/, '');
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

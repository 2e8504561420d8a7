// Dns: a pod's /etc/resolv.conf, from its dnsPolicy, its dnsConfig, the cluster's DNS and the node's own file. Pure.
//
// ClusterFirst asks the cluster's DNS, with the search domains that make a bare service name work; ndots:5 makes
// the resolver try them first. A pod in the node's network gets the node's file unless it asks otherwise.
//
// Same idea upstream: kubernetes, pkg/kubelet/network/dns.
// Left out here: the limits of old resolvers (six search domains).

import type { Pod, PodDNSConfig } from 'kubernetes-types/core/v1';

export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  readonly address: string | undefined;
  readonly domain: string;
}

const NAMESERVERS_MAX = 3;

export function resolverConfigOf(pod: Pod, dns: ClusterDns, node: ResolverConfig): ResolverConfig {
  return withDnsConfig(policyConfig(pod, dns, node), pod.spec?.dnsConfig);
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
    if (keyword === 'search' || keyword === 'domain') searches = values;
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

function policyConfig(pod: Pod, dns: ClusterDns, node: ResolverConfig): ResolverConfig {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const wantsCluster =
    policy === 'ClusterFirstWithHostNet' ||
    (policy === 'ClusterFirst' && pod.spec?.hostNetwork !== true);
  if (!wantsCluster || dns.address === undefined) return node;
  const namespace = pod.metadata?.namespace ?? 'default';
  return {
    nameservers: [dns.address],
    searches: [
      `${namespace}.svc.${dns.domain}`,
      `svc.${dns.domain}`,
      dns.domain,
      ...node.searches.filter((search) => search !== '.'),
    ],
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
    nameservers: unique([...config.nameservers, ...(own.nameservers ?? [])]).slice(
      0,
      NAMESERVERS_MAX,
    ),
    searches: unique([...config.searches, ...(own.searches ?? [])]),
    options: [...config.options.filter((option) => !replaced.has(nameOf(option))), ...ownOptions],
  };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

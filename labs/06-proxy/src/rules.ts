// rules: a ServiceMap as the contents of one nftables table.
//
// The rules stand still and the data moves. An address at which a service can be reached (its cluster IP, an external IP,
// this node's IP with its node port) is a key of the map service-ips, which sends the packet to a chain; there
// is one chain for each *number* of endpoints, not for each service:
//
//   service-ips     10.96.0.7 . tcp . 80       → goto tcp-2
//   tcp-2           draws 0 or 1, looks up     10.96.0.7 . 80 . <drawn>   in tcp-endpoints
//   tcp-endpoints   10.96.0.7 . 80 . 0 → 10.244.1.4 . 8080,   10.96.0.7 . 80 . 1 → 10.244.2.9 . 8080
//
// So a changed service is a few elements removed and added, and 10,000 services load in a third of a second.
// There is a map of endpoints for each protocol, because `th dport` in a typed map is misread by nft up to 1.0.6.
//
// Same idea upstream: pkg/proxy/nftables/proxier.go; service-ips, no-endpoint-services and the mark are its own. It
// has a chain for each service and each endpoint, where session affinity can keep a set with a timeout.
// Left out here: that timeout. A sticky client is hashed, so it keeps its endpoint until the set of endpoints changes.

import type { Protocol, ServiceEndpoint, ServiceMap, ServicePort } from './service-map.ts';

export interface RulesOptions {
  readonly nodeIP: string;
  readonly serviceRange: string;
  /** The range of all pods. Undefined: everything is taken to come from outside the cluster. */
  readonly clusterCidr?: string | undefined;
  /** Answered on this node itself, so never rejected. */
  readonly clusterDns?: string | undefined;
  /** Set where the kernel does not show bridged packets to nftables: the bridge on which pods could answer each other directly. */
  readonly podBridge?: string | undefined;
}

/** What changes while the proxy runs: chains by name, and elements by map or set. A set's values are ''. */
export interface RuleSet {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly elements: Readonly<Record<ElementOwner, ReadonlyMap<string, string>>>;
}

export const elementOwners = [
  'service-ips',
  'tcp-endpoints',
  'udp-endpoints',
  'sctp-endpoints',
  'no-endpoint-services',
  'hairpin-connections',
] as const;
export type ElementOwner = (typeof elementOwners)[number];

/** Upstream's bit for "change the source address on the way out". */
const MASQUERADE_MARK = '0x4000';

/** What never changes while the proxy runs: maps, sets, and the chains that hang in the kernel's hooks. */
export function staticRules(options: RulesOptions): string[] {
  return [
    'map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }',
    ...(['tcp', 'udp', 'sctp'] as const).map(endpointMap),
    'set no-endpoint-services { type ipv4_addr . inet_proto . inet_service; }',
    'set hairpin-connections { type ipv4_addr . ipv4_addr; }',
    chain('services', ['ip daddr . meta l4proto . th dport vmap @service-ips']),
    chain('nat-prerouting', ['type nat hook prerouting priority dstnat', 'jump services']),
    chain('nat-output', ['type nat hook output priority -100', 'jump services']),
    chain('nat-postrouting', [
      'type nat hook postrouting priority srcnat',
      ...masqueradeRules(options),
    ]),
    // The filter hooks run after the translation: what still carries a service address here has nowhere to go. A
    // tcp reset is used because the kernel limits the rate of ICMP errors, and a refusal must always be at once.
    chain('reject-chain', ['meta l4proto tcp reject with tcp reset', 'reject']),
    chain('service-endpoints-check', endpointChecks(options)),
    ...(['input', 'forward', 'output'] as const).map((hook) =>
      chain(`filter-${hook}`, [
        `type filter hook ${hook} priority filter`,
        'jump service-endpoints-check',
      ]),
    ),
  ];
}

/** Decides every chain and element. Where two services claim one address and port, the first id keeps it. */
export function buildRules(services: ServiceMap, options: RulesOptions): RuleSet {
  const chains = new Map<string, readonly string[]>();
  const elements = {} as Record<ElementOwner, Map<string, string>>;
  for (const owner of elementOwners) elements[owner] = new Map();
  const taken = new Set<string>();

  for (const service of services) {
    for (const frontend of frontendsOf(service, options)) {
      const { address, port, endpoints } = frontend;
      const key = `${address} . ${service.protocol} . ${port}`;
      if (taken.has(key)) continue;
      taken.add(key);
      if (endpoints.length === 0) {
        elements['no-endpoint-services'].set(key, '');
        continue;
      }
      const target = chainFor(service, frontend);
      elements['service-ips'].set(key, `goto ${target}`);
      if (!chains.has(target)) chains.set(target, chainRules(service, frontend, options));
      endpoints.forEach((endpoint, index) => {
        const value = `${endpoint.ip} . ${endpoint.port}`;
        elements[`${service.protocol}-endpoints`].set(`${address} . ${port} . ${index}`, value);
        if (endpoint.local) {
          elements['hairpin-connections'].set(`${endpoint.ip} . ${endpoint.ip}`, '');
        }
      });
    }
  }
  return { chains, elements };
}

/** One address at which a service port can be reached. */
interface Frontend {
  readonly address: string;
  readonly port: number;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly preserveClientIP: boolean;
}

function frontendsOf(service: ServicePort, { nodeIP }: RulesOptions): Frontend[] {
  const { port, nodePort, preserveClientIP, externalEndpoints: endpoints } = service;
  const frontends: Frontend[] = [
    { address: service.clusterIP, port, endpoints: service.endpoints, preserveClientIP: false },
  ];
  for (const address of service.externalIPs) {
    frontends.push({ address, port, endpoints, preserveClientIP });
  }
  if (nodePort !== undefined) {
    frontends.push({ address: nodeIP, port: nodePort, endpoints, preserveClientIP });
  }
  return frontends;
}

function chainFor({ protocol, sticky }: ServicePort, frontend: Frontend): string {
  const suffix = `${sticky ? '-sticky' : ''}${frontend.preserveClientIP ? '-local' : ''}`;
  return `${protocol}-${frontend.endpoints.length}${suffix}`;
}

function chainRules(
  { protocol, sticky }: ServicePort,
  frontend: Frontend,
  { clusterCidr }: RulesOptions,
): string[] {
  const draw = sticky ? 'jhash ip saddr' : 'numgen random';
  const index = `${draw} mod ${frontend.endpoints.length}`;
  const pick = `dnat ip to ip daddr . ${protocol} dport . ${index} map @${protocol}-endpoints`;
  // A local endpoint answers through this node anyway, so its client can keep its address.
  if (frontend.preserveClientIP) return [pick];
  // An endpoint elsewhere would answer a client from outside past this node, so it must see this node as the source.
  const outside = clusterCidr === undefined ? '' : `ip saddr != ${clusterCidr} `;
  return [`${outside}meta mark set meta mark | ${MASQUERADE_MARK}`, pick];
}

function masqueradeRules({ clusterCidr, serviceRange, podBridge }: RulesOptions): string[] {
  const masquerade = 'masquerade fully-random';
  const rules = [
    // A pod that reached itself would answer itself, with an address it never called.
    `ct status dnat ip saddr . ip daddr @hairpin-connections ${masquerade}`,
    `meta mark & ${MASQUERADE_MARK} != 0 meta mark set meta mark & 0xffffbfff ${masquerade}`,
  ];
  if (podBridge !== undefined) {
    // The same among neighbours on one bridge: the answer would cross the bridge without being translated back.
    rules.push(`iifname "${podBridge}" oifname "${podBridge}" ct status dnat ${masquerade}`);
  }
  if (clusterCidr !== undefined) {
    // Outside, nobody has a route to a pod: what leaves the cluster leaves with the node's address.
    const inside = `{ ${clusterCidr}, ${serviceRange} }`;
    rules.push(`ip saddr ${clusterCidr} ip daddr != ${inside} ${masquerade}`);
  }
  return rules;
}

function endpointChecks({ serviceRange, clusterDns }: RulesOptions): string[] {
  const check = 'ip daddr . meta l4proto . th dport @no-endpoint-services goto reject-chain';
  const unallocated = `ip daddr ${serviceRange} goto reject-chain`;
  if (clusterDns === undefined) return [check, unallocated];
  return [check, `ip daddr ${clusterDns} return`, unallocated];
}

function endpointMap(protocol: Protocol): string {
  const key = `ip daddr . ${protocol} dport . numgen random mod 65536`;
  return `map ${protocol}-endpoints { typeof ${key} : ip daddr . ${protocol} dport; }`;
}

function chain(name: string, lines: readonly string[]): string {
  return `chain ${name} {\n    ${lines.join(';\n    ')};\n  }`;
}

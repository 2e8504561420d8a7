// runProxy: one node's service proxy and cluster DNS, put together.
//
//   API server ─watch→ Services, EndpointSlices ─→ Proxier ─→ nftables
//                                               └→ Resolver ←─ port 53 of the DNS address on the sink device
//
// Both read the same two local copies. The sink comes first, because DNS binds an address on it and because nothing
// addressed to the service range may leave the node, not even before the first rules. The rules stay when this ends.
// Same idea upstream: cmd/kube-proxy/app/server.go; node-local cluster DNS: k8s.io/dns, node-cache.

import { readFile } from 'node:fs/promises';
import { type Client, Informer, type Logger, realClock, resources } from '@kube-labs/apiserver';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { type Cidr, parseCidr } from './cidr.ts';
import { type Command, runCommand } from './command.ts';
import { InformerSource, serviceIndexers, sliceIndexers } from './dns/informer-source.ts';
import { serveDns } from './dns/serve-dns.ts';
import { startProxyHealth } from './health.ts';
import { ProxyMetrics } from './metrics.ts';
import { deleteTable } from './nft-script.ts';
import { Proxier } from './proxier.ts';
import { ensureSink, removeSink } from './sink.ts';

export interface ProxyOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly nodeIP: string;
  readonly serviceClusterIPRange: string;
  readonly clusterCIDR?: string | undefined;
  /** Undefined: no cluster DNS on this node. */
  readonly clusterDNS?: string | undefined;
  readonly clusterDomain: string;
  readonly podBridgeInterface: string;
  readonly healthzAddress: string;
  readonly healthzPort: number;
  readonly minSyncPeriodMs?: number;
  readonly syncPeriodMs?: number;
  readonly resolvConf?: string;
  readonly log: Logger;
  readonly run?: Command;
}

/** Short enough that a client hardly notices, long enough that a burst of changes is one transaction. */
const MIN_SYNC_PERIOD_MS = 100;
/** Upstream's --sync-period. */
const SYNC_PERIOD_MS = 30_000;
const BRIDGE_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** Runs until the signal aborts. Throws when the machine cannot do it at all: no right to change its network, a port in use. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { client, log, clusterDNS: clusterDns, nodeIP } = options;
  const ranges = checkRanges(options);
  await ensureSink(options.run ?? runCommand, {
    serviceRange: ranges.services.text,
    nodeIP,
    clusterDns,
  });
  const parts: Parts = {
    options,
    ranges,
    metrics: new ProxyMetrics(),
    services: new Informer(client, resources.services, { indexers: serviceIndexers, log }),
    slices: new Informer(client, resources.endpointSlices, { indexers: sliceIndexers, log }),
  };
  const { services, slices } = parts;
  const source = new InformerSource(services, slices);
  const proxier = await createProxier(parts);
  const dns = { bound: clusterDns === undefined };
  const dnsReady = (): boolean => dns.bound && source.ready;
  const health = await startHealth(parts, proxier, dnsReady);
  try {
    await Promise.all([
      services.run(signal),
      slices.run(signal),
      syncRules(parts, proxier, signal),
      serveNames(parts, source, { dns, signal }),
    ]);
  } finally {
    await health[Symbol.asyncDispose]();
  }
}

/** Takes everything away that runProxy() left in the kernel. */
export async function cleanUpProxy(run: Command = runCommand): Promise<void> {
  await run('nft', ['-f', '-'], { input: deleteTable });
  await removeSink(run);
}

interface Ranges {
  readonly services: Cidr;
  readonly pods: Cidr | undefined;
}

interface Parts {
  readonly options: ProxyOptions;
  readonly ranges: Ranges;
  readonly metrics: ProxyMetrics;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

function checkRanges({ serviceClusterIPRange, clusterDNS, clusterCIDR }: ProxyOptions): Ranges {
  const services = parseCidr(serviceClusterIPRange, '--service-cluster-ip-range');
  if (clusterDNS !== undefined && !services.contains(clusterDNS)) {
    throw new Error(`Cannot use --cluster-dns "${clusterDNS}": it is not in ${services.text}`);
  }
  const pods = clusterCIDR === undefined ? undefined : parseCidr(clusterCIDR, '--cluster-cidr');
  return { services, pods };
}

async function createProxier({ options, ranges, metrics, services, slices }: Parts) {
  const proxier = new Proxier(
    {
      nodeName: options.nodeName,
      nodeIP: options.nodeIP,
      serviceRange: ranges.services.text,
      clusterCidr: ranges.pods?.text,
      clusterDns: options.clusterDNS,
      podBridge: (await bridgeIsFiltered()) ? undefined : options.podBridgeInterface,
      minSyncPeriodMs: options.minSyncPeriodMs ?? MIN_SYNC_PERIOD_MS,
      syncPeriodMs: options.syncPeriodMs ?? SYNC_PERIOD_MS,
    },
    {
      services: () => services.list(),
      endpointSlices: () => slices.list(),
      run: options.run ?? runCommand,
      clock: realClock,
      metrics,
      log: options.log,
    },
  );
  const request = (): void => proxier.requestSync();
  services.addHandler({ onAdd: request, onUpdate: request, onDelete: request });
  slices.addHandler({ onAdd: request, onUpdate: request, onDelete: request });
  return proxier;
}

async function startHealth({ options, metrics }: Parts, proxier: Proxier, dnsReady: () => boolean) {
  const health = await startProxyHealth({
    address: options.healthzAddress,
    port: options.healthzPort,
    timeoutMs: 2 * (options.syncPeriodMs ?? SYNC_PERIOD_MS),
    clock: realClock,
    state: () => proxier.state,
    dnsReady,
    metrics: () => metrics.registry.metrics(),
  });
  options.log.info('Serving health', { address: options.healthzAddress, port: health.port });
  return health;
}

/** Waits for the first lists: rules made of half a list would cut services that work. */
async function syncRules(parts: Parts, proxier: Proxier, signal: AbortSignal): Promise<void> {
  try {
    await Promise.all([parts.services.synced(signal), parts.slices.synced(signal)]);
  } catch {
    return; // The signal aborted before the API server answered.
  }
  parts.options.log.info('Caches are synced', { services: parts.services.list().length });
  await proxier.run(signal);
}

async function serveNames(
  { options, ranges, metrics }: Parts,
  source: InformerSource,
  { dns, signal }: { readonly dns: { bound: boolean }; readonly signal: AbortSignal },
): Promise<void> {
  const { clusterDNS: address, clusterDomain, resolvConf = '/etc/resolv.conf', log } = options;
  if (address === undefined) return;
  const dnsOptions = {
    address,
    zone: clusterDomain.toLowerCase(),
    ownsAddress: (ip: string) => ranges.services.contains(ip) || ranges.pods?.contains(ip) === true,
    source,
    resolvConf,
    log,
    onBound: () => {
      dns.bound = true;
    },
    onAnswer: (type: string, rcode: string) => metrics.dnsResponses.inc({ type, rcode }),
  };
  await serveDns(dnsOptions, signal);
}

/** Whether packets between two pods of one bridge pass through nftables, as upstream asks of every node. */
async function bridgeIsFiltered(): Promise<boolean> {
  const text = await readFile(BRIDGE_NETFILTER, 'utf8').catch(() => '0');
  return text.trim() === '1';
}

// runProxy: one node's service proxy and cluster DNS, put together.
//
//   API server ─watch→ Services, EndpointSlices ─→ Proxier ─→ nftables
//                                               └→ Resolver ←─ port 53 of the DNS address on the sink device
//
// Both read the same two local copies. The sink comes first, because DNS binds an address on it and because nothing
// addressed to the service range may leave the node, not even before the first rules. The rules stay when this ends.
// Same idea upstream: cmd/kube-proxy/app/server.go; node-local cluster DNS: k8s.io/dns, node-cache.

import { readFile } from 'node:fs/promises';
import {
  type Client,
  Informer,
  type Logger,
  messageOf,
  realClock,
  resources,
  sleep,
} from '@kube-labs/apiserver';
import { type Cidr, parseCidr } from './cidr.ts';
import { type Command, runCommand } from './command.ts';
import { startDnsServer } from './dns/dns-server.ts';
import { Forwarder, type Upstream } from './dns/forwarder.ts';
import { InformerSource, serviceIndexers, sliceIndexers } from './dns/informer-source.ts';
import { parseResolvConf } from './dns/resolv-conf.ts';
import { Resolver } from './dns/resolver.ts';
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
const BIND_RETRY_MS = 1_000;
const RESOLV_CONF_MAX_AGE_MS = 5_000;
const BRIDGE_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** Runs until the signal aborts. Throws when the machine cannot do it at all: no nft, no right to, a port in use. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { client, log, clusterDNS: clusterDns, nodeIP, run = runCommand } = options;
  const ranges = checkRanges(options);
  const serviceRange = ranges.services.text;
  const sink = { serviceRange, nodeIP, clusterDns };
  await ensureSink(run, sink);

  const services = new Informer(client, resources.services, { indexers: serviceIndexers, log });
  const slices = new Informer(client, resources.endpointSlices, { indexers: sliceIndexers, log });
  const metrics = new ProxyMetrics();
  const syncPeriodMs = options.syncPeriodMs ?? SYNC_PERIOD_MS;
  const proxier = new Proxier(
    {
      nodeName: options.nodeName,
      nodeIP,
      serviceRange,
      clusterCidr: ranges.pods?.text,
      clusterDns,
      podBridge: (await bridgeIsFiltered()) ? undefined : options.podBridgeInterface,
      minSyncPeriodMs: options.minSyncPeriodMs ?? MIN_SYNC_PERIOD_MS,
      syncPeriodMs,
    },
    {
      services: () => services.list(),
      endpointSlices: () => slices.list(),
      run,
      clock: realClock,
      metrics,
      log,
    },
  );
  const request = (): void => proxier.requestSync();
  services.addHandler({ onAdd: request, onUpdate: request, onDelete: request });
  slices.addHandler({ onAdd: request, onUpdate: request, onDelete: request });

  const source = new InformerSource(services, slices);
  let dnsBound = clusterDns === undefined;
  const health = await startProxyHealth({
    address: options.healthzAddress,
    port: options.healthzPort,
    timeoutMs: 2 * syncPeriodMs,
    clock: realClock,
    state: () => proxier.state,
    dnsReady: () => dnsBound && source.ready,
    metrics: () => metrics.registry.metrics(),
  });
  log.info('Serving health', { address: options.healthzAddress, port: health.port });

  const syncing = async (): Promise<void> => {
    const synced = Promise.all([services.synced(signal), slices.synced(signal)]);
    if (await synced.then(yes, no)) {
      log.info('Caches are synced', { services: services.list().length });
      await proxier.run(signal);
    }
  };
  try {
    await Promise.all([
      services.run(signal),
      slices.run(signal),
      syncing(),
      serveDns({ options, ranges, source, metrics, onBound: () => (dnsBound = true) }, signal),
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

function checkRanges(options: ProxyOptions): Ranges {
  const services = parseCidr(options.serviceClusterIPRange, '--service-cluster-ip-range');
  const { clusterDNS, clusterCIDR } = options;
  if (clusterDNS !== undefined && !services.contains(clusterDNS)) {
    throw new Error(`Cannot use --cluster-dns "${clusterDNS}": it is not in ${services.text}`);
  }
  const pods = clusterCIDR === undefined ? undefined : parseCidr(clusterCIDR, '--cluster-cidr');
  return { services, pods };
}

interface DnsParts {
  readonly options: ProxyOptions;
  readonly ranges: Ranges;
  readonly source: InformerSource;
  readonly metrics: ProxyMetrics;
  onBound(): void;
}

/** Binds, again and again if it must: the address may be held by a predecessor that is still ending. */
async function serveDns(parts: DnsParts, signal: AbortSignal): Promise<void> {
  const { log, clusterDNS: address } = parts.options;
  if (address === undefined) return;
  const resolver = await createResolver(parts, address);
  while (!signal.aborted) {
    try {
      const answer = resolver.answer.bind(resolver);
      const server = await startDnsServer({ address, port: 53, answer, log });
      parts.onBound();
      log.info('Serving cluster DNS', { address, zone: parts.options.clusterDomain });
      await aborted(signal);
      await server[Symbol.asyncDispose]();
    } catch (error) {
      log.error('Cannot serve cluster DNS, will retry', { address, err: messageOf(error) });
      await sleep(BIND_RETRY_MS, signal);
    }
  }
}

async function createResolver(parts: DnsParts, address: string): Promise<Resolver> {
  const { options, ranges, source, metrics } = parts;
  const upstreams = await watchResolvConf(options.resolvConf ?? '/etc/resolv.conf', address);
  return new Resolver({
    zone: options.clusterDomain.toLowerCase(),
    ownsAddress: (ip) => ranges.services.contains(ip) || ranges.pods?.contains(ip) === true,
    source,
    forwarder: new Forwarder({ upstreams, clock: realClock }),
    onAnswer: (type, rcode) => metrics.dnsResponses.inc({ type, rcode }),
  });
}

/** The name servers of now: read again when last read some seconds ago, without making a question wait. */
async function watchResolvConf(path: string, ownAddress: string): Promise<() => Upstream[]> {
  let upstreams: Upstream[] = [];
  let readAt = 0;
  const read = async (): Promise<void> => {
    readAt = realClock.now();
    const text = await readFile(path, 'utf8').catch(() => '');
    upstreams = parseResolvConf(text, ownAddress);
  };
  await read();
  return () => {
    if (realClock.now() - readAt > RESOLV_CONF_MAX_AGE_MS) read().catch(no);
    return upstreams;
  };
}

/** Whether packets between two pods of one bridge pass through nftables, as upstream asks of every node. */
async function bridgeIsFiltered(): Promise<boolean> {
  const text = await readFile(BRIDGE_NETFILTER, 'utf8').catch(() => '0');
  return text.trim() === '1';
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const yes = (): boolean => true;
const no = (): boolean => false;

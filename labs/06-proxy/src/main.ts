// kube-proxy: reads flags, then runs the service proxy and cluster DNS of one node.
//
// Flags are upstream's where upstream has them. Same place upstream: cmd/kube-proxy.

import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import { Client, createLogger, loadKubeconfig, runMain } from '@kube-labs/apiserver';
import { Command, Option } from 'commander';
import { cleanUpProxy, runProxy } from './proxy.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly hostnameOverride: string;
  readonly nodeIp?: string;
  readonly clusterCidr?: string;
  readonly serviceClusterIpRange: string;
  readonly clusterDns?: string;
  readonly clusterDomain: string;
  readonly podBridgeInterface: string;
  readonly healthzBindAddress: string;
  readonly minSyncPeriod: string;
  readonly syncPeriod: string;
  readonly resolvConf: string;
  readonly cleanup?: true;
  readonly v: string;
}

runMain('kube-proxy', async (signal) => {
  const flags = parseFlags(process.argv);
  if (flags.cleanup) return cleanUpProxy();
  const healthz = parseAddress(flags.healthzBindAddress);
  const nodeIP = requireIP(flags.nodeIp, '--node-ip');
  const clusterDNS = flags.clusterDns && requireIP(flags.clusterDns, '--cluster-dns');
  if (flags.kubeconfig === undefined) throw new Error('Cannot start: --kubeconfig is missing');
  const client = new Client({ ...loadKubeconfig(flags.kubeconfig), userAgent: 'kube-proxy' });
  try {
    const options = {
      client,
      nodeName: flags.hostnameOverride,
      nodeIP,
      serviceClusterIPRange: flags.serviceClusterIpRange,
      clusterCIDR: flags.clusterCidr,
      clusterDNS,
      clusterDomain: flags.clusterDomain,
      podBridgeInterface: flags.podBridgeInterface,
      healthzAddress: healthz.address,
      healthzPort: healthz.port,
      minSyncPeriodMs: parseDuration(flags.minSyncPeriod, '--min-sync-period'),
      syncPeriodMs: parseDuration(flags.syncPeriod, '--sync-period'),
      resolvConf: flags.resolvConf,
      log: createLogger('kube-proxy', { verbosity: Number(flags.v) }),
    };
    await runProxy(options, signal);
  } finally {
    await client[Symbol.asyncDispose]();
  }
});

function parseFlags(argv: readonly string[]): Flags {
  const program = new Command('kube-proxy')
    .description(
      'Service proxy (nftables) and cluster DNS of one node. Changes the rules of its own network namespace.',
    )
    .option('--kubeconfig <file>', 'how to reach the API server')
    .option('--hostname-override <name>', 'name of this node in the API', hostname())
    .option('--node-ip <address>', 'address of this node; its node ports are served here')
    .option('--cluster-cidr <range>', 'range of all pods; what leaves it is masqueraded')
    .option('--service-cluster-ip-range <range>', 'range of cluster IPs', '10.96.0.0/16')
    .option('--cluster-dns <address>', 'serve cluster DNS on this cluster IP')
    .option('--cluster-domain <name>', 'zone of cluster DNS', 'cluster.local')
    .option('--pod-bridge-interface <name>', 'bridge that the pods are plugged into', 'cbr0')
    .option('--healthz-bind-address <address>', '/healthz and /metrics', '0.0.0.0:10256')
    .option('--min-sync-period <duration>', 'shortest time between two changes of rules', '100ms')
    .option('--sync-period <duration>', 'how often all rules are written anew', '30s')
    .option('--resolv-conf <file>', 'resolvers for names outside the cluster', '/etc/resolv.conf')
    .option('--cleanup', 'remove all rules and the sink device, then exit')
    .addOption(new Option('-v, --v <level>', 'verbosity of the log').default('2'));
  return program.parse(argv).opts<Flags>();
}

function parseAddress(text: string): { address: string; port: number } {
  const [, address = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (!isIPv4(address) || Number(port) > 65_535) {
    throw new Error(`Cannot use --healthz-bind-address "${text}": it is not ADDRESS:PORT`);
  }
  return { address, port: Number(port) };
}

function requireIP(text: string | undefined, flag: string): string {
  if (text !== undefined && isIPv4(text)) return text;
  const found = text === undefined ? 'it is missing' : `"${text}" is no IPv4 address`;
  throw new Error(`Cannot use ${flag}: ${found}`);
}

/** '100ms', '30s', '1m'. */
function parseDuration(text: string, flag: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 };
  const ms = Number(amount) * (units[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new Error(`Cannot use ${flag} "${text}": it is no duration such as 30s`);
  return ms;
}

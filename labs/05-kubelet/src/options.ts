// Options: everything that can be set on a kubelet, with upstream's flags and defaults.
//
// Flags that upstream does not have: --cluster-name (the label that keeps clusters on one engine apart), --pause-image,
// --network-plugin, --bridge-name and --node-container, for the network of a node that is itself a container.
//
// Same idea upstream: kubernetes, cmd/kubelet/app/options.

import { hostname, networkInterfaces } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';

export interface KubeletOptions {
  readonly kubeconfig: string;
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly clusterName: string;
  /** The same path on the engine's host and, where the kubelet runs in a container, in there. */
  readonly rootDirectory: string;
  readonly clusterDns: string | undefined;
  readonly clusterDomain: string;
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
  readonly clientCaFile: string | undefined;
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly statusUpdateFrequencyMs: number;
  readonly statusReportFrequencyMs: number;
  readonly leaseDurationSeconds: number;
  readonly pauseImage: string;
  readonly podsMax: number;
  readonly bridgeName: string;
  /** Name or id of the container that this kubelet runs in; absent finds out by itself. */
  readonly nodeContainer: string | undefined;
  /** The engine's host as this process sees it: /proc/1/root in a node's container, nothing on the host itself. */
  readonly hostRoot: string;
  readonly verbosity: number;
}

export const KUBELET_VERSION = 'v1.33.1';

const REPORT_FREQUENCY_MS = 300_000;

/** @param argv without the names of the program and the script. Prints and exits on --help and on bad flags. */
export function parseKubeletFlags(argv: readonly string[]): KubeletOptions {
  const flags = kubeletCommand()
    .parse([...argv], { from: 'user' })
    .opts<Flags>();
  const statusUpdateFrequencyMs = flags.nodeStatusUpdateFrequency;
  return {
    kubeconfig: flags.kubeconfig,
    nodeName: (flags.hostnameOverride ?? hostname()).toLowerCase(),
    nodeAddress: flags.nodeIp ?? firstAddress(),
    nodeLabels: flags.nodeLabels,
    clusterName: flags.clusterName,
    rootDirectory: flags.rootDir,
    clusterDns: flags.clusterDns,
    clusterDomain: flags.clusterDomain,
    tlsCertFile: flags.tlsCertFile,
    tlsPrivateKeyFile: flags.tlsPrivateKeyFile,
    clientCaFile: flags.clientCaFile,
    address: flags.address,
    port: flags.port,
    healthzPort: flags.healthzPort,
    statusUpdateFrequencyMs,
    // Who shortens the look at the status wants to see it written as often.
    statusReportFrequencyMs: flags.nodeStatusReportFrequency,
    leaseDurationSeconds: flags.nodeLeaseDurationSeconds,
    pauseImage: flags.pauseImage,
    podsMax: flags.maxPods,
    bridgeName: flags.bridgeName,
    nodeContainer: flags.nodeContainer,
    hostRoot: flags.hostRoot,
    verbosity: flags.v,
  };
}

interface Flags {
  readonly kubeconfig: string;
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly nodeLabels: Record<string, string>;
  readonly clusterName: string;
  readonly rootDir: string;
  readonly clusterDns?: string;
  readonly clusterDomain: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly nodeStatusUpdateFrequency: number;
  readonly nodeStatusReportFrequency: number;
  readonly nodeLeaseDurationSeconds: number;
  readonly pauseImage: string;
  readonly maxPods: number;
  readonly bridgeName: string;
  readonly nodeContainer?: string;
  readonly hostRoot: string;
  readonly v: number;
}

function kubeletCommand(): Command {
  return new Command('kubelet')
    .description('Runs the pods of one node on a Docker Engine.')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--hostname-override <name>', "the node's name in the API (default: the host name)")
    .option('--node-ip <address>', "the node's address (default: its first one)")
    .option('--node-labels <labels>', 'labels for the node, as key=value,…', labels, {})
    .option('--cluster-name <name>', 'keeps clusters on one engine apart', 'kube-labs')
    .option('--root-dir <dir>', 'volumes and state', '/var/lib/kubelet')
    .option('--cluster-dns <address>', 'name server of pods')
    .option('--cluster-domain <domain>', 'domain of services', 'cluster.local')
    .option('--tls-cert-file <file>', 'certificate of the server on --port')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'authority whose clients may ask')
    .option('--address <address>', 'where the server listens', '0.0.0.0')
    .option('--port <port>', 'port of the server', count, 10_250)
    .option('--healthz-port <port>', 'port of /healthz on 127.0.0.1', count, 10_248)
    .option('--node-status-update-frequency <time>', 'how often the status is made', time, 10_000)
    .option(
      '--node-status-report-frequency <time>',
      'how often it is written when nothing changed',
      time,
      REPORT_FREQUENCY_MS,
    )
    .option('--node-lease-duration-seconds <n>', 'renewed four times in this time', count, 40)
    .option('--pause-image <image>', "image of pods' sandboxes", 'kube-labs/node:v1')
    .option('--network-plugin <name>', 'only `bridge`', bridgeOnly, 'bridge')
    .option('--bridge-name <name>', 'device that pods are plugged into', 'cbr0')
    .option('--node-container <name>', 'container that this kubelet runs in (default: found out)')
    .option(
      '--host-root <dir>',
      "the engine's host as seen from here (in a container: /proc/1/root)",
      '',
    )
    .option('--max-pods <n>', 'how many pods fit', count, 110)
    .option('-v, --v <level>', 'log verbosity', count, 2);
}

/** Go's way to write a duration: 10s, 1m30s, 500ms. A bare number is seconds. */
export function time(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new InvalidArgumentError(`want a duration such as 10s, got ${text}.`);
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit ?? ''] ?? 0), 0);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError(`want a whole number, got ${text}.`);
  }
  return value;
}

function labels(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', value = ''] = pair.split(/=(.*)/s);
      return [key, value];
    }),
  );
}

function bridgeOnly(text: string): string {
  if (text !== 'bridge') throw new InvalidArgumentError(`there is only bridge, got ${text}.`);
  return text;
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}

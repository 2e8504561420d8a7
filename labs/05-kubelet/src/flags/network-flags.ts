// NetworkFlags: the network of this node's pods, and whom they ask for names.
//
// --network-plugin and --bridge-name are the kubelet's of the dockershim years.

import { type Command, InvalidArgumentError } from 'commander';

export interface NetworkOptions {
  readonly clusterDns: string | undefined;
  readonly clusterDomain: string;
  readonly bridgeName: string;
}

export interface NetworkFlags {
  readonly clusterDns?: string;
  readonly clusterDomain: string;
  readonly bridgeName: string;
}

export function addNetworkFlags(command: Command): void {
  command
    .option('--cluster-dns <address>', 'name server of pods')
    .option('--cluster-domain <domain>', 'domain of services', 'cluster.local')
    .option('--network-plugin <name>', 'only `bridge`', bridgeOnly, 'bridge')
    .option('--bridge-name <name>', 'device that pods are plugged into', 'cbr0');
}

export function networkOptionsOf(flags: NetworkFlags): NetworkOptions {
  const { clusterDns, clusterDomain, bridgeName } = flags;
  return { clusterDns, clusterDomain, bridgeName };
}

function bridgeOnly(text: string): string {
  if (text !== 'bridge') throw new InvalidArgumentError(`there is only bridge, got ${text}.`);
  return text;
}

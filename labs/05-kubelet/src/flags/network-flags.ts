// NetworkFlags: the network of this node's pods, and whom they ask for names.
//
// --network-plugin, --cni-conf-dir and --cni-bin-dir are the kubelet's of the dockershim years, with their defaults (today they
// are the engine's); --bridge-name is ours, for `--network-plugin=bridge`, which was kubenet there.

import { type Command, Option } from 'commander';

export interface NetworkOptions {
  readonly clusterDns: string | undefined;
  readonly clusterDomain: string;
  readonly networkPlugin: 'bridge' | 'cni';
  readonly bridgeName: string;
  readonly cniConfDirectory: string;
  readonly cniBinDirectories: readonly string[];
}

export interface NetworkFlags {
  readonly clusterDns?: string;
  readonly clusterDomain: string;
  readonly networkPlugin: NetworkOptions['networkPlugin'];
  readonly bridgeName: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
}

export function addNetworkFlags(command: Command): void {
  const plugin = new Option('--network-plugin <name>', 'who gives pods their network');
  command
    .option('--cluster-dns <address>', 'name server of pods')
    .option('--cluster-domain <domain>', 'domain of services', 'cluster.local')
    .addOption(plugin.choices(['bridge', 'cni']).default('bridge'))
    .option('--bridge-name <name>', 'device that pods are plugged into by `bridge`', 'cbr0')
    .option(
      '--cni-conf-dir <directory>',
      'where `cni` looks for its configuration',
      '/etc/cni/net.d',
    )
    .option('--cni-bin-dir <directories>', 'where its plugins are; several: a,b', '/opt/cni/bin');
}

export function networkOptionsOf(flags: NetworkFlags): NetworkOptions {
  const { clusterDns, clusterDomain, networkPlugin, bridgeName } = flags;
  return {
    ...{ clusterDns, clusterDomain, networkPlugin, bridgeName },
    cniConfDirectory: flags.cniConfDir,
    cniBinDirectories: flags.cniBinDir.split(',').filter(Boolean),
  };
}

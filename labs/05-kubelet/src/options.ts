// Options: everything that can be set on a kubelet, with upstream's flags and defaults.
//
// One file for each group of flags, below flags/. Flags that upstream does not have: --cluster-name (the label that keeps
// clusters on one engine apart), --pause-image, --bridge-name and --node-container, for the network of a node that is itself
// a container. --network-plugin and --cni-… are those of the years before 1.24, when the network was still the kubelet's.
//
// Same idea upstream: kubernetes, cmd/kubelet/app/options.

import { messageOf } from '@kube-labs/apiserver';
import { Command } from 'commander';
import {
  addConfigFlags,
  type ConfigFlags,
  type ConfigOptions,
  configOptionsOf,
} from './flags/config-flags.ts';
import {
  addContainerFlags,
  type ContainerFlags,
  type ContainerOptions,
  containerOptionsOf,
} from './flags/container-flags.ts';
import {
  addEngineFlags,
  type EngineFlags,
  type EngineOptions,
  engineOptionsOf,
} from './flags/engine-flags.ts';
import {
  addEvictionFlags,
  type EvictionFlagOptions,
  type EvictionFlags,
  evictionOptionsOf,
} from './flags/eviction-flags.ts';
import { count } from './flags/flag-values.ts';
import {
  addImageFlags,
  type ImageFlags,
  type ImageOptions,
  imageOptionsOf,
} from './flags/image-flags.ts';
import {
  addNetworkFlags,
  type NetworkFlags,
  type NetworkOptions,
  networkOptionsOf,
} from './flags/network-flags.ts';
import {
  addNodeFlags,
  type NodeFlags,
  type NodeOptions,
  nodeOptionsOf,
} from './flags/node-flags.ts';
import { addPodFlags, type PodFlags, type PodOptions, podOptionsOf } from './flags/pod-flags.ts';
import {
  addServingFlags,
  type ServingFlags,
  type ServingOptions,
  servingOptionsOf,
} from './flags/serving-flags.ts';

import {
  addShutdownFlags,
  type ShutdownFlags,
  type ShutdownOptions,
  shutdownOptionsOf,
} from './flags/shutdown-flags.ts';

export interface KubeletOptions
  extends ConfigOptions,
    NodeOptions,
    EngineOptions,
    EvictionFlagOptions,
    ContainerOptions,
    ImageOptions,
    NetworkOptions,
    PodOptions,
    ServingOptions,
    ShutdownOptions {
  readonly kubeconfig: string;
  readonly verbosity: number;
}

interface Flags
  extends ConfigFlags,
    NodeFlags,
    EngineFlags,
    EvictionFlags,
    ContainerFlags,
    ImageFlags,
    NetworkFlags,
    PodFlags,
    ServingFlags,
    ShutdownFlags {
  readonly kubeconfig: string;
  readonly v: number;
}

export const KUBELET_VERSION = 'v1.33.1';

/** @param argv without the names of the program and the script. Prints and exits on --help and on bad flags. */
export function parseKubeletFlags(argv: readonly string[]): KubeletOptions {
  const command = kubeletCommand().parse([...argv], { from: 'user' });
  try {
    return optionsOf(command.opts<Flags>());
  } catch (error) {
    // Each flag was fine by itself; together they are not.
    return command.error(`error: ${messageOf(error)}`);
  }
}

function optionsOf(flags: Flags): KubeletOptions {
  return {
    kubeconfig: flags.kubeconfig,
    ...configOptionsOf(flags),
    ...nodeOptionsOf(flags),
    ...engineOptionsOf(flags),
    ...evictionOptionsOf(flags),
    ...containerOptionsOf(flags),
    ...imageOptionsOf(flags),
    ...networkOptionsOf(flags),
    ...podOptionsOf(flags),
    ...servingOptionsOf(flags),
    ...shutdownOptionsOf(flags),
    verbosity: flags.v,
  };
}

function kubeletCommand(): Command {
  const command = new Command('kubelet')
    .description('Runs the pods of one node on a Docker Engine.')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server');
  addConfigFlags(command);
  addNodeFlags(command);
  addEngineFlags(command);
  addEvictionFlags(command);
  addContainerFlags(command);
  addImageFlags(command);
  addNetworkFlags(command);
  addPodFlags(command);
  addServingFlags(command);
  addShutdownFlags(command);
  return command.option('-v, --v <level>', 'log verbosity', count, 2);
}

// ClusterConfig: what one cluster is, in numbers and names, and where its files are.
//
// Everything else (certificates, command lines, container specifications) is derived from this record by
// pure functions, so it is also what `.kube-labs/NAME/cluster.json` keeps between two runs of the launcher.
//
// Invariants: addresses never change while a cluster lives (Docker gives a container the same one after a
// restart because we name it); the control plane has the first address after the network's gateway, nodes
// start at the eleventh, so the two never meet.
//
// Upstream: kind's cluster configuration and kubeadm's ClusterConfiguration.

import { resolve } from 'node:path';
import { addressAt, cidrOf } from './cidr.ts';
import type { ClockProfile } from './clock-profile.ts';

export interface NodeConfig {
  /** As in the API: node-1. */
  readonly name: string;
  readonly address: string;
}

export interface ClusterConfig {
  readonly name: string;
  readonly nodes: readonly NodeConfig[];
  readonly nodeSubnet: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** On 127.0.0.1 of the machine that runs the launcher. */
  readonly apiPort: number;
  readonly clock: ClockProfile;
  /** Absent: the store runs inside the API server. */
  readonly etcd?: readonly string[];
}

/** The checkout: it is mounted read-only into every container, and `.kube-labs` lies in it. */
export const checkoutDir = resolve(import.meta.dirname, '../../..');

export const controlPlaneIndex = 2;
const firstNodeIndex = 11;

export function controlPlaneAddress(config: Pick<ClusterConfig, 'nodeSubnet'>): string {
  return addressAt(cidrOf(config.nodeSubnet), controlPlaneIndex);
}

/** The service `default/kubernetes`: the first address of the range, as upstream has it. */
export function kubernetesServiceAddress(config: Pick<ClusterConfig, 'serviceCidr'>): string {
  return addressAt(cidrOf(config.serviceCidr), 1);
}

/** The tenth address, as kubeadm has it. */
export function clusterDnsAddress(config: Pick<ClusterConfig, 'serviceCidr'>): string {
  return addressAt(cidrOf(config.serviceCidr), 10);
}

/** A node with the next free number and address; `name` when the person chose one. */
export function nextNode(
  config: Pick<ClusterConfig, 'nodeSubnet' | 'nodes'>,
  name?: string,
): NodeConfig {
  const names = new Set(config.nodes.map((node) => node.name));
  const addresses = new Set(config.nodes.map((node) => node.address));
  const subnet = cidrOf(config.nodeSubnet);
  const numberOf = (index: number) => index - firstNodeIndex + 1;
  let index = firstNodeIndex;
  const taken = () =>
    addresses.has(addressAt(subnet, index)) ||
    (name === undefined && names.has(`node-${numberOf(index)}`));
  while (taken()) index += 1;
  return { name: name ?? `node-${numberOf(index)}`, address: addressAt(subnet, index) };
}

/** `count` nodes: node-1 at .11, node-2 at .12 … */
export function firstNodes(nodeSubnet: string, count: number): NodeConfig[] {
  const nodes: NodeConfig[] = [];
  while (nodes.length < count) nodes.push(nextNode({ nodeSubnet, nodes }));
  return nodes;
}

export function controlPlaneContainer(cluster: string): string {
  return `${cluster}-control-plane`;
}

export function nodeContainer(cluster: string, node: string): string {
  return `${cluster}-${node}`;
}

export function stateDir(cluster: string): string {
  return resolve(checkoutDir, '.kube-labs', cluster);
}

export function kubeconfigPath(cluster: string): string {
  return resolve(stateDir(cluster), 'kubeconfig');
}

/** On the engine's host and, under the same path, in the node's container. */
export function hostDir(cluster: string, node?: string): string {
  const dir = `/var/lib/kube-labs/${cluster}`;
  return node === undefined ? dir : `${dir}/${node}`;
}

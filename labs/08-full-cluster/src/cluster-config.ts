// ClusterConfig: what one cluster is, in numbers and names, and where its files are.
//
// Everything else (certificates, command lines, container specifications) is derived from this record by
// pure functions, so it is also what `.kube-labs/NAME/cluster.json` keeps between two runs of the launcher.
//
// Invariants: addresses never change while a cluster lives (Docker gives a container the same one after a
// restart because we name it); control planes have the first addresses after the network's gateway, the load
// balancer before several of them has the tenth, nodes start at the eleventh, so they never meet.
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
  /** One, or three: then with an etcd of three members, and a load balancer before the API servers. */
  readonly controlPlanes: readonly NodeConfig[];
  readonly nodes: readonly NodeConfig[];
  readonly nodeSubnet: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** On 127.0.0.1 of the machine that runs the launcher. */
  readonly apiPort: number;
  readonly clock: ClockProfile;
  /** Somebody else's. Absent: every control plane runs a member of the cluster's own store. */
  readonly etcd?: readonly string[];
}

/** The checkout: it is mounted read-only into every container, and `.kube-labs` lies in it. */
export const checkoutDir = resolve(import.meta.dirname, '../../..');

const firstControlPlaneIndex = 2;
const loadBalancerIndex = 10;
const firstNodeIndex = 11;

/** Are there several of everything in the control plane? */
export function isReplicated({ controlPlanes }: Pick<ClusterConfig, 'controlPlanes'>): boolean {
  return controlPlanes.length > 1;
}

/** Every machine that runs pods. */
export function machinesOf(config: Pick<ClusterConfig, 'controlPlanes' | 'nodes'>): NodeConfig[] {
  return [...config.controlPlanes, ...config.nodes];
}

/** Where nodes find an API server: the load balancer, or the only one there is. kubeadm: controlPlaneEndpoint. */
export function apiServerAddress(
  config: Pick<ClusterConfig, 'controlPlanes' | 'nodeSubnet'>,
): string {
  const [only] = config.controlPlanes;
  return only === undefined || isReplicated(config)
    ? addressAt(cidrOf(config.nodeSubnet), loadBalancerIndex)
    : only.address;
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

/** `count` control planes: control-plane at .2, control-plane-2 at .3 … */
export function firstControlPlanes(nodeSubnet: string, count: number): NodeConfig[] {
  return Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? controlPlane : `${controlPlane}-${index + 1}`,
    address: addressAt(cidrOf(nodeSubnet), firstControlPlaneIndex + index),
  }));
}

export const controlPlane = 'control-plane';
export const loadBalancer = 'load-balancer';

/** The container of the first control plane, or of the only one. */
export function controlPlaneContainer(cluster: string): string {
  return nodeContainer(cluster, controlPlane);
}

/** Of any machine: a node, a control plane, the load balancer. */
export function nodeContainer(cluster: string, node: string): string {
  return `${cluster}-${node}`;
}

export function stateDir(cluster: string): string {
  return resolve(checkoutDir, '.kube-labs', cluster);
}

/** What lies in a machine's container at /etc/kubernetes. */
export function machineDir(cluster: string, machine: string): string {
  return resolve(stateDir(cluster), 'machines', machine);
}

export function kubeconfigPath(cluster: string): string {
  return resolve(stateDir(cluster), 'kubeconfig');
}

/** On the engine's host and, under the same path, in the node's container. */
export function hostDir(cluster: string, node?: string): string {
  const dir = `/var/lib/kube-labs/${cluster}`;
  return node === undefined ? dir : `${dir}/${node}`;
}

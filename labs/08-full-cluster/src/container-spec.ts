// ContainerSpec: what Docker is asked for: the containers, their network and the volumes of the store.
//
// Pure. A control plane is a node whose kubelet finds static pods, with the store's volume. Tried and measured,
// and therefore exactly this much: a node needs NET_ADMIN (routes, nftables,
// bridges), SYS_ADMIN (mounts, other network namespaces), SYS_PTRACE and the host's process ids (to find a
// pod's network namespace and its statistics), no seccomp and AppArmor profiles, and forwarding. It does not
// need --privileged, which is refused where the engine itself is confined.
//
// Invariants: every container has the label kube-labs=<cluster>, so that `down` finds all of them, even
// those of a cluster that was never finished; every address is given, so that restarts keep it.
//
// Upstream: kind's provision.go does the same with `docker run --privileged`.

import type { ContainerCreateOptions, NetworkCreateOptions, VolumeCreateOptions } from 'dockerode';
import { addressAt, cidrOf } from './cidr.ts';
import {
  apiServerAddress,
  type ClusterConfig,
  checkoutDir,
  hostDir,
  isReplicated,
  loadBalancer,
  machineDir,
  type NodeConfig,
  nodeContainer,
} from './cluster-config.ts';
import { compileCacheInContainers, nodeImage, supervisorFile } from './image-names.ts';

export const clusterLabel = 'kube-labs';
export const nodeLabel = 'kube-labs.node';
/** A pod's containers do not have it. */
export const roleLabel = 'kube-labs.role';
export type Role = 'control-plane' | 'node' | 'load-balancer';
export const checkoutLabel = 'kube-labs.checkout';

/**
 * What a kubelet and a kube-proxy weigh on a busy machine: a quarter of a processor, as much as an API server
 * asks for. With Docker's own 1024 the nodes that wait for the control plane would hold it up.
 */
const machineCpuShares = 256;

/** Statistics name cgroups by their path on the host. (The type of the API's client lacks the field.) */
const cgroupsOfTheHost = { CgroupnsMode: 'host' };

export interface SpecOptions {
  /** Where the engine's own socket is on its host. */
  readonly dockerSocket: string;
}

export function networkSpec(config: ClusterConfig): NetworkCreateOptions {
  return {
    Name: config.name,
    CheckDuplicate: true,
    Driver: 'bridge',
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: config.nodeSubnet, Gateway: addressAt(cidrOf(config.nodeSubnet), 1) }],
    },
    Labels: { [clusterLabel]: config.name },
  };
}

/** `driverOptions` put the store on another device (`type=nfs …`, or a small tmpfs in a test). */
export function volumeSpec(
  config: ClusterConfig,
  controlPlane: NodeConfig,
  driverOptions: Record<string, string> = {},
): VolumeCreateOptions {
  return {
    Name: nodeContainer(config.name, controlPlane.name),
    Labels: { [clusterLabel]: config.name },
    DriverOpts: driverOptions,
  };
}

/** The containers of a cluster, those that others wait for first. */
export function containerSpecs(
  config: ClusterConfig,
  options: SpecOptions,
): ContainerCreateOptions[] {
  return [
    ...config.controlPlanes.map((machine) => controlPlaneSpec(config, machine, options)),
    ...(isReplicated(config) ? [loadBalancerSpec(config)] : []),
    ...config.nodes.map((node) => nodeSpec(config, node, options)),
  ];
}

export function nodeSpec(
  config: ClusterConfig,
  node: NodeConfig,
  options: SpecOptions,
): ContainerCreateOptions {
  const dir = hostDir(config.name, node.name);
  const spec = supervised(config, node, { role: 'node', logDir: `${dir}/log` });
  return {
    ...spec,
    HostConfig: {
      ...spec.HostConfig,
      CapAdd: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
      Sysctls: { 'net.ipv4.ip_forward': '1' },
      PidMode: 'host',
      ...cgroupsOfTheHost,
      Binds: [
        ...spec.HostConfig.Binds,
        `${options.dockerSocket}:/var/run/docker.sock`,
        '/sys/fs/cgroup:/sys/fs/cgroup:ro',
        `${dir}:${dir}:rshared`,
      ],
    },
  };
}

export function controlPlaneSpec(
  config: ClusterConfig,
  machine: NodeConfig,
  options: SpecOptions,
): ContainerCreateOptions {
  const { HostConfig, Labels, ...spec } = nodeSpec(config, machine, options);
  return {
    ...spec,
    ...(isReplicated(config) ? {} : { ExposedPorts: { '6443/tcp': {} } }),
    Labels: { ...Labels, [roleLabel]: 'control-plane' satisfies Role },
    HostConfig: {
      ...HostConfig,
      ...(isReplicated(config) ? {} : published(config)),
      // Nothing in here reads it: it keeps the volume mounted, where a static pod finds it on the host.
      Binds: [...(HostConfig?.Binds ?? []), `${spec.name}:/var/lib/etcd`],
    },
  };
}

export function loadBalancerSpec(config: ClusterConfig): ContainerCreateOptions {
  const machine = { name: loadBalancer, address: apiServerAddress(config) };
  const spec = supervised(config, machine, { role: 'load-balancer', logDir: '/var/log/kube-labs' });
  return {
    ...spec,
    ExposedPorts: { '6443/tcp': {} },
    HostConfig: { ...spec.HostConfig, Init: true, ...published(config) },
  };
}

function published({ apiPort }: ClusterConfig) {
  return { PortBindings: { '6443/tcp': [{ HostIp: '127.0.0.1', HostPort: String(apiPort) }] } };
}

function supervised(
  config: ClusterConfig,
  { name: machine, address }: NodeConfig,
  { role, logDir }: { role: Role; logDir: string },
) {
  const name = nodeContainer(config.name, machine);
  return {
    name,
    Hostname: name,
    Image: nodeImage,
    Labels: {
      [clusterLabel]: config.name,
      [checkoutLabel]: checkoutDir,
      [roleLabel]: role,
      ...(role === 'node' ? { [nodeLabel]: machine } : {}),
    },
    Env: [`NODE_COMPILE_CACHE=${compileCacheInContainers}`],
    Cmd: [
      'node',
      supervisorFile,
      '--programs=/etc/kubernetes/programs.json',
      `--log-dir=${logDir}`,
    ],
    HostConfig: {
      NetworkMode: config.name,
      RestartPolicy: { Name: 'unless-stopped' },
      CpuShares: machineCpuShares,
      Binds: [
        `${checkoutDir}:/kube-labs:ro`,
        `${machineDir(config.name, machine)}:/etc/kubernetes:ro`,
      ],
    },
    NetworkingConfig: {
      EndpointsConfig: { [config.name]: { IPAMConfig: { IPv4Address: address } } },
    },
  } satisfies ContainerCreateOptions;
}

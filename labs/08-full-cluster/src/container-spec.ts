// ContainerSpec: what Docker is asked for: the containers, their network and the store's volume.
//
// Pure. Tried and measured, and therefore exactly this much: a node needs NET_ADMIN (routes, nftables,
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
  type ClusterConfig,
  checkoutDir,
  controlPlaneAddress,
  controlPlaneContainer,
  hostDir,
  type NodeConfig,
  nodeContainer,
  stateDir,
} from './cluster-config.ts';
import { nodeImage } from './image-names.ts';

export const clusterLabel = 'kube-labs';
export const nodeLabel = 'kube-labs.node';
/** `control-plane` or `node`; a pod's containers do not have it. */
export const roleLabel = 'kube-labs.role';
export const checkoutLabel = 'kube-labs.checkout';

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
  driverOptions: Record<string, string> = {},
): VolumeCreateOptions {
  return {
    Name: controlPlaneContainer(config.name),
    Labels: { [clusterLabel]: config.name },
    DriverOpts: driverOptions,
  };
}

export function controlPlaneSpec(
  config: ClusterConfig,
  options: SpecOptions,
): ContainerCreateOptions {
  const name = controlPlaneContainer(config.name);
  const spec = supervised(config, {
    name,
    address: controlPlaneAddress(config),
    logDir: '/var/lib/kube-labs/log',
  });
  return {
    ...spec,
    Labels: { ...labels(config), [roleLabel]: 'control-plane' },
    ExposedPorts: { '6443/tcp': {} },
    HostConfig: {
      ...spec.HostConfig,
      Init: true,
      PortBindings: { '6443/tcp': [{ HostIp: '127.0.0.1', HostPort: String(config.apiPort) }] },
      Binds: [
        ...binds(options),
        `${stateDir(config.name)}/control-plane:/etc/kubernetes:ro`,
        `${name}:/var/lib/kube-labs`,
      ],
    },
  };
}

export function nodeSpec(
  config: ClusterConfig,
  node: NodeConfig,
  options: SpecOptions,
): ContainerCreateOptions {
  const dir = hostDir(config.name, node.name);
  const spec = supervised(config, {
    name: nodeContainer(config.name, node.name),
    address: node.address,
    logDir: `${dir}/log`,
  });
  return {
    ...spec,
    Labels: { ...labels(config), [roleLabel]: 'node', [nodeLabel]: node.name },
    HostConfig: {
      ...spec.HostConfig,
      CapAdd: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
      Sysctls: { 'net.ipv4.ip_forward': '1' },
      PidMode: 'host',
      ...cgroupsOfTheHost,
      Binds: [
        ...binds(options),
        `${stateDir(config.name)}/nodes/${node.name}:/etc/kubernetes:ro`,
        '/sys/fs/cgroup:/sys/fs/cgroup:ro',
        `${dir}:${dir}:rshared`,
      ],
    },
  };
}

function supervised(
  config: ClusterConfig,
  { name, address, logDir }: { name: string; address: string; logDir: string },
) {
  return {
    name,
    Hostname: name,
    Image: nodeImage,
    Cmd: [
      'node',
      '/kube-labs/labs/08-full-cluster/src/supervisor-main.ts',
      '--programs=/etc/kubernetes/programs.json',
      `--log-dir=${logDir}`,
    ],
    HostConfig: {
      NetworkMode: config.name,
      RestartPolicy: { Name: 'unless-stopped' },
    },
    NetworkingConfig: {
      EndpointsConfig: { [config.name]: { IPAMConfig: { IPv4Address: address } } },
    },
  } satisfies ContainerCreateOptions;
}

function labels(config: ClusterConfig): Record<string, string> {
  return { [clusterLabel]: config.name, [checkoutLabel]: checkoutDir };
}

function binds(options: SpecOptions): string[] {
  return [`${checkoutDir}:/kube-labs:ro`, `${options.dockerSocket}:/var/run/docker.sock`];
}

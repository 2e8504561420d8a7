// The plan of a cluster: addresses, command lines and containers, all derived from one configuration.

import { describe, expect, test } from 'vitest';
import {
  apiServerAddress,
  type ClusterConfig,
  clusterDnsAddress,
  firstControlPlanes,
  firstNodes,
  kubernetesServiceAddress,
  nextNode,
} from '../src/cluster-config.ts';
import {
  containerSpecs,
  controlPlaneSpec,
  networkSpec,
  nodeSpec,
  volumeSpec,
} from '../src/container-spec.ts';
import { controlPlanePrograms, machinePrograms } from '../src/programs.ts';

const nodeSubnet = '172.30.4.0/24';
const config: ClusterConfig = {
  name: 'lab',
  controlPlanes: firstControlPlanes(nodeSubnet, 1),
  nodes: firstNodes(nodeSubnet, 3),
  nodeSubnet,
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  apiPort: 6444,
  clock: 'fast',
};
const [first] = config.nodes;
const [own] = config.controlPlanes;
const replicated = { ...config, controlPlanes: firstControlPlanes(nodeSubnet, 3) };
const programNames = (cluster: ClusterConfig) =>
  controlPlanePrograms(cluster, own!).map(({ name }) => name);
const commandOf = (cluster: ClusterConfig, name: string) =>
  controlPlanePrograms(cluster, own!).find((program) => program.name === name)?.command;
const options = { dockerSocket: '/run/user/1000/docker.sock' };

describe('addresses', () => {
  test('are fixed by the subnet and the service range', () => {
    expect(config.controlPlanes).toEqual([{ name: 'control-plane', address: '172.30.4.2' }]);
    expect(replicated.controlPlanes.slice(1)).toEqual([
      { name: 'control-plane-2', address: '172.30.4.3' },
      { name: 'control-plane-3', address: '172.30.4.4' },
    ]);
    expect(config.nodes).toEqual([
      { name: 'node-1', address: '172.30.4.11' },
      { name: 'node-2', address: '172.30.4.12' },
      { name: 'node-3', address: '172.30.4.13' },
    ]);
    expect(kubernetesServiceAddress(config)).toBe('10.96.0.1');
    expect(clusterDnsAddress(config)).toBe('10.96.0.10');
  });

  test('of the API server are those of the only one, or of the load balancer before several', () => {
    expect(apiServerAddress(config)).toBe('172.30.4.2');
    expect(apiServerAddress(replicated)).toBe('172.30.4.10');
  });

  test('nextNode() fills a gap, and gives a named node an address of its own', () => {
    const nodes = config.nodes.filter(({ name }) => name !== 'node-2');
    expect(nextNode({ nodeSubnet, nodes })).toEqual({ name: 'node-2', address: '172.30.4.12' });
    const grown = [...config.nodes, nextNode(config, 'big')];
    expect(grown.at(-1)).toEqual({ name: 'big', address: '172.30.4.14' });
    expect(nextNode({ nodeSubnet, nodes: grown })).toEqual({
      name: 'node-5',
      address: '172.30.4.15',
    });
  });
});

describe('programs', () => {
  test('of the control plane start in the order of their dependencies', () => {
    const others = ['kube-apiserver', 'kube-scheduler', 'kube-controller-manager', 'machines'];
    expect(programNames(config)).toEqual(['store', ...others]);
    expect(programNames(replicated)).toEqual(['etcd', ...others]);
    expect(programNames({ ...config, etcd: ['http://10.0.0.1:2379'] })).toEqual(others);
  });

  test('of three control planes elect a leader, and know the three members of their etcd', () => {
    expect(commandOf(config, 'kube-scheduler')).toContain('--leader-elect=false');
    expect(commandOf(replicated, 'kube-scheduler')).toContain('--leader-elect=true');
    expect(commandOf(replicated, 'kube-controller-manager')).toContain('--leader-elect=true');
    expect(commandOf(replicated, 'etcd')).toEqual(
      expect.arrayContaining([
        '--name=control-plane',
        '--listen-peer-urls=https://172.30.4.2:2380',
        '--initial-cluster=control-plane=https://172.30.4.2:2380,control-plane-2=https://172.30.4.3:2380,control-plane-3=https://172.30.4.4:2380',
      ]),
    );
  });

  test('ask the Node authorizer and RBAC, and keep kubelets to their own nodes', () => {
    expect(commandOf(config, 'kube-apiserver')).toEqual(
      expect.arrayContaining([
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
      ]),
    );
  });

  test('take the store of their own machine, or the etcd that was named', () => {
    const command = (etcd?: string[]) =>
      commandOf({ ...config, ...(etcd === undefined ? {} : { etcd }) }, 'kube-apiserver');
    expect(command()).toContain('--etcd-servers=https://127.0.0.1:2379');
    const urls = command(['http://10.0.0.1:2379', 'http://10.0.0.2:2379']);
    expect(urls).toContain('--etcd-servers=http://10.0.0.1:2379,http://10.0.0.2:2379');
    expect(urls?.join(' ')).not.toContain('--etcd-certfile');
  });

  test('carry the clock to every component that has a part of it', () => {
    const all = [...controlPlanePrograms(config, own!), ...machinePrograms(config, first!)];
    const flags = all.flatMap(({ command }) => command);
    expect(flags).toEqual(
      expect.arrayContaining([
        '--node-status-update-frequency=1s',
        '--node-lease-duration-seconds=4',
        '--node-monitor-grace-period=4s',
        '--default-unreachable-toleration-seconds=2',
      ]),
    );
  });

  test('of a node know its name, its address and its directory', () => {
    const [kubelet, proxy] = machinePrograms(config, first!);
    expect(kubelet?.command).toEqual(
      expect.arrayContaining([
        '--hostname-override=node-1',
        '--node-ip=172.30.4.11',
        '--root-dir=/var/lib/kube-labs/lab/node-1/kubelet',
        '--cluster-dns=10.96.0.10',
      ]),
    );
    expect(kubelet?.command.join(' ')).not.toContain('--pod-manifest-path');
    expect(proxy?.command).toContain('--cluster-cidr=10.244.0.0/16');
  });

  test("of a control plane are a node's, with static pods", () => {
    const [kubelet] = machinePrograms(config, own!);
    expect(kubelet?.command).toContain('--pod-manifest-path=/etc/kubernetes/manifests');
  });
});

describe('containers', () => {
  const published = { '6443/tcp': [{ HostIp: '127.0.0.1', HostPort: '6444' }] };

  test('the control plane is a node that publishes its port on loopback only and keeps the store', () => {
    const spec = controlPlaneSpec(config, own!, options);
    expect(spec.HostConfig?.PortBindings).toEqual(published);
    expect(spec.HostConfig?.Privileged).toBeUndefined();
    expect(spec.HostConfig?.CapAdd).toEqual(nodeSpec(config, first!, options).HostConfig?.CapAdd);
    expect(spec.HostConfig?.Binds).toContain('lab-control-plane:/var/lib/etcd');
    expect(spec.Labels).toMatchObject({
      'kube-labs': 'lab',
      'kube-labs.role': 'control-plane',
      'kube-labs.node': 'control-plane',
    });
  });

  test('of three control planes the load balancer publishes the port, and knows no key', () => {
    const specs = containerSpecs(replicated, options);
    const withPort = specs.filter(({ HostConfig }) => HostConfig?.PortBindings !== undefined);
    expect(specs.map(({ name }) => name)).toEqual([
      ...['lab-control-plane', 'lab-control-plane-2', 'lab-control-plane-3', 'lab-load-balancer'],
      ...['lab-node-1', 'lab-node-2', 'lab-node-3'],
    ]);
    expect(withPort.map(({ name }) => name)).toEqual(['lab-load-balancer']);
    expect(withPort[0]?.HostConfig?.PortBindings).toEqual(published);
    expect(withPort[0]?.HostConfig?.Binds?.join()).not.toContain('docker.sock');
  });

  test('a node has its fixed address, its label and its shared directory', () => {
    const spec = nodeSpec(config, first!, options);
    expect(spec.name).toBe('lab-node-1');
    expect(spec.Labels).toMatchObject({ 'kube-labs': 'lab', 'kube-labs.node': 'node-1' });
    expect(spec.NetworkingConfig?.EndpointsConfig?.lab?.IPAMConfig?.IPv4Address).toBe(
      '172.30.4.11',
    );
    const dir = '/var/lib/kube-labs/lab/node-1';
    expect(spec.HostConfig?.Binds).toContain(`${dir}:${dir}:rshared`);
    expect(spec.HostConfig?.Binds).toContain(`${options.dockerSocket}:/var/run/docker.sock`);
    expect(spec.HostConfig?.RestartPolicy).toEqual({ Name: 'unless-stopped' });
  });

  test('network and volume carry the label by which they are found again', () => {
    const label = { 'kube-labs': 'lab' };
    expect(networkSpec(config)).toMatchObject({ Name: 'lab', Labels: label });
    expect(networkSpec(config).IPAM?.Config).toEqual([
      { Subnet: nodeSubnet, Gateway: '172.30.4.1' },
    ]);
    expect(volumeSpec(config, own!, { type: 'tmpfs' })).toMatchObject({
      Name: 'lab-control-plane',
      Labels: label,
      DriverOpts: { type: 'tmpfs' },
    });
  });
});

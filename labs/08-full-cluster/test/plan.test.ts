// The plan of a cluster: addresses, command lines and containers, all derived from one configuration.

import { describe, expect, test } from 'vitest';
import {
  type ClusterConfig,
  clusterDnsAddress,
  controlPlaneAddress,
  firstNodes,
  kubernetesServiceAddress,
  nextNode,
} from '../src/cluster-config.ts';
import { controlPlaneSpec, networkSpec, nodeSpec, volumeSpec } from '../src/container-spec.ts';
import { controlPlanePrograms, nodePrograms } from '../src/programs.ts';

const nodeSubnet = '172.30.4.0/24';
const config: ClusterConfig = {
  name: 'lab',
  nodes: firstNodes(nodeSubnet, 3),
  nodeSubnet,
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  apiPort: 6444,
  clock: 'fast',
};
const [first] = config.nodes;
const options = { dockerSocket: '/run/user/1000/docker.sock' };

describe('addresses', () => {
  test('are fixed by the subnet and the service range', () => {
    expect(controlPlaneAddress(config)).toBe('172.30.4.2');
    expect(config.nodes).toEqual([
      { name: 'node-1', address: '172.30.4.11' },
      { name: 'node-2', address: '172.30.4.12' },
      { name: 'node-3', address: '172.30.4.13' },
    ]);
    expect(kubernetesServiceAddress(config)).toBe('10.96.0.1');
    expect(clusterDnsAddress(config)).toBe('10.96.0.10');
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
    expect(controlPlanePrograms(config).map(({ name }) => name)).toEqual([
      'kube-apiserver',
      'kube-scheduler',
      'kube-controller-manager',
      'machines',
    ]);
  });

  test('ask the Node authorizer and RBAC, and keep kubelets to their own nodes', () => {
    expect(controlPlanePrograms(config)[0]?.command).toEqual(
      expect.arrayContaining([
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
      ]),
    );
  });

  test('take the store from etcd when there is one', () => {
    const command = (etcd?: string[]) =>
      controlPlanePrograms({ ...config, ...(etcd === undefined ? {} : { etcd }) })[0]?.command;
    expect(command()).toContain('--data-dir=/var/lib/kube-labs/store');
    const urls = command(['http://10.0.0.1:2379', 'http://10.0.0.2:2379']);
    expect(urls).toContain('--etcd-servers=http://10.0.0.1:2379,http://10.0.0.2:2379');
    expect(urls?.join(' ')).not.toContain('--data-dir');
  });

  test('carry the clock to every component that has a part of it', () => {
    const all = [...controlPlanePrograms(config), ...nodePrograms(config, first!)];
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
    const [kubelet, proxy] = nodePrograms(config, first!);
    expect(kubelet?.command).toEqual(
      expect.arrayContaining([
        '--hostname-override=node-1',
        '--node-ip=172.30.4.11',
        '--root-dir=/var/lib/kube-labs/lab/node-1/kubelet',
        '--cluster-dns=10.96.0.10',
      ]),
    );
    expect(proxy?.command).toContain('--cluster-cidr=10.244.0.0/16');
  });
});

describe('containers', () => {
  test('the control plane publishes its port on loopback only and is not privileged', () => {
    const spec = controlPlaneSpec(config, options);
    expect(spec.HostConfig?.PortBindings).toEqual({
      '6443/tcp': [{ HostIp: '127.0.0.1', HostPort: '6444' }],
    });
    expect(spec.HostConfig?.Privileged).toBeUndefined();
    expect(spec.HostConfig?.CapAdd).toBeUndefined();
    expect(spec.Labels).toMatchObject({ 'kube-labs': 'lab', 'kube-labs.role': 'control-plane' });
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
    expect(volumeSpec(config, { type: 'tmpfs' })).toMatchObject({
      Labels: label,
      DriverOpts: { type: 'tmpfs' },
    });
  });
});

// Programs: the command lines of every component, in the order in which they start.
//
// A pure function of the cluster's configuration. Paths are those inside the containers: the checkout at
// /kube-labs, certificates and kubeconfigs at /etc/kubernetes, what must survive a restart at
// /var/lib/kube-labs. Flags are upstream's own wherever upstream has one.
//
// Upstream: the static pod manifests that kubeadm writes to /etc/kubernetes/manifests.
// Left out: leader election (one control plane), and a health port for `machines`.

import { clockFlags } from './clock-profile.ts';
import {
  type ClusterConfig,
  clusterDnsAddress,
  controlPlaneAddress,
  hostDir,
  type NodeConfig,
} from './cluster-config.ts';
import { nodeImage } from './image-names.ts';

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  /** Answers 200 when the program is well; asked from inside the container. */
  readonly health?: string;
}

const etcKubernetes = '/etc/kubernetes';
const source = (path: string) => ['node', `/kube-labs/labs/${path}`];

export function controlPlanePrograms(config: ClusterConfig): Program[] {
  return [apiServer(config), scheduler(), controllerManager(config), machines(config)];
}

export function nodePrograms(config: ClusterConfig, node: NodeConfig): Program[] {
  return [kubelet(config, node), kubeProxy(config, node)];
}

function apiServer(config: ClusterConfig): Program {
  return {
    name: 'kube-apiserver',
    command: [
      ...source('02-apiserver/src/main.ts'),
      config.etcd === undefined
        ? '--data-dir=/var/lib/kube-labs/store'
        : `--etcd-servers=${config.etcd.join(',')}`,
      '--bind-address=0.0.0.0',
      '--secure-port=6443',
      `--advertise-address=${controlPlaneAddress(config)}`,
      `--tls-cert-file=${etcKubernetes}/apiserver.crt`,
      `--tls-private-key-file=${etcKubernetes}/apiserver.key`,
      `--client-ca-file=${etcKubernetes}/ca.crt`,
      `--kubelet-certificate-authority=${etcKubernetes}/ca.crt`,
      `--kubelet-client-certificate=${etcKubernetes}/kubelet-client.crt`,
      `--kubelet-client-key=${etcKubernetes}/kubelet-client.key`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-cluster-ip-range=${config.serviceCidr}`,
      ...clockFlags(config.clock).apiServer,
    ],
    health: 'https://127.0.0.1:6443/readyz',
  };
}

function scheduler(): Program {
  return {
    name: 'kube-scheduler',
    command: [
      ...source('03-scheduler/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/scheduler.kubeconfig`,
    ],
    health: 'http://127.0.0.1:10259/healthz',
  };
}

function controllerManager(config: ClusterConfig): Program {
  return {
    name: 'kube-controller-manager',
    command: [
      ...source('04-controllers/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/controller-manager.kubeconfig`,
      '--allocate-node-cidrs',
      `--cluster-cidr=${config.podCidr}`,
      ...clockFlags(config.clock).controllerManager,
    ],
    health: 'http://127.0.0.1:10257/healthz',
  };
}

function machines(config: ClusterConfig): Program {
  return {
    name: 'machines',
    command: [...source('08-full-cluster/src/machines-main.ts'), `--cluster-name=${config.name}`],
  };
}

function kubelet(config: ClusterConfig, node: NodeConfig): Program {
  return {
    name: 'kubelet',
    command: [
      ...source('08-full-cluster/src/kubelet-main.ts'),
      `--kubeconfig=${etcKubernetes}/kubelet.kubeconfig`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
      `--root-dir=${hostDir(config.name, node.name)}/kubelet`,
      `--cluster-name=${config.name}`,
      `--cluster-dns=${clusterDnsAddress(config)}`,
      '--cluster-domain=cluster.local',
      `--tls-cert-file=${etcKubernetes}/kubelet.crt`,
      `--tls-private-key-file=${etcKubernetes}/kubelet.key`,
      `--client-ca-file=${etcKubernetes}/ca.crt`,
      `--pause-image=${nodeImage}`,
      ...clockFlags(config.clock).kubelet,
    ],
    health: 'http://127.0.0.1:10248/healthz',
  };
}

function kubeProxy(config: ClusterConfig, node: NodeConfig): Program {
  return {
    name: 'kube-proxy',
    command: [
      ...source('06-proxy/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/proxy.kubeconfig`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
      `--cluster-cidr=${config.podCidr}`,
      `--service-cluster-ip-range=${config.serviceCidr}`,
      `--cluster-dns=${clusterDnsAddress(config)}`,
      '--cluster-domain=cluster.local',
      '--healthz-bind-address=0.0.0.0:10256',
    ],
    health: 'http://127.0.0.1:10256/healthz',
  };
}

// Programs: the command lines of every component, in the order in which they start.
//
// A pure function of the cluster's configuration. A machine's own programs are run by its supervisor; those of
// a control plane are run by its kubelet, as static pods (static-pods.ts), and say what they must see for
// that. Paths are those inside the containers: the checkout at /kube-labs, certificates and kubeconfigs at
// /etc/kubernetes, the store's data at /var/lib/etcd. Flags are upstream's own wherever upstream has one.
//
// Upstream: the static pod manifests that kubeadm writes to /etc/kubernetes/manifests. Left out: a health
// port for `machines`, and a lease: all of them do the same, and what they do may be done twice.

import { clockFlags } from './clock-profile.ts';
import {
  type ClusterConfig,
  clusterDnsAddress,
  hostDir,
  isReplicated,
  type NodeConfig,
} from './cluster-config.ts';
import { nodeImage } from './image-names.ts';

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  /** Answers 200 when the program is well; asked from inside the machine. */
  readonly health?: string;
}

export interface PodProgram extends Program {
  /** Answers 200 unless only a restart can help. A store without a quorum has none: no restart brings one. */
  readonly alive?: string;
  /** What it may read below /etc/kubernetes: its own, and nobody else's keys. */
  readonly files: readonly string[];
  readonly needs?: 'store data' | 'docker';
  /** Its share of a busy machine, as upstream has it. */
  readonly cpu: string;
}

const etcKubernetes = '/etc/kubernetes';
const pki = `${etcKubernetes}/pki`;
const etcdPki = `${etcKubernetes}/etcd`;
const source = (path: string) => ['node', `/kube-labs/labs/${path}`];

/** What the kubelet of a control plane runs. */
export function controlPlanePrograms(config: ClusterConfig, own: NodeConfig): PodProgram[] {
  return [
    ...(config.etcd === undefined ? [isReplicated(config) ? etcd(config, own) : store()] : []),
    apiServer(config, own),
    scheduler(config),
    controllerManager(config),
    machines(config),
  ];
}

/** What the supervisor of a node or a control plane runs. */
export function machinePrograms(config: ClusterConfig, machine: NodeConfig): Program[] {
  return [kubelet(config, machine), kubeProxy(config, machine)];
}

export function loadBalancerPrograms(config: ClusterConfig): Program[] {
  const command = [
    ...source('08-full-cluster/src/load-balancer-main.ts'),
    ...config.controlPlanes.map(({ address }) => `--backend=${address}:6443`),
    `--certificate-authority=${etcKubernetes}/ca.crt`,
  ];
  return [{ name: 'load-balancer', command, health: 'http://127.0.0.1:8080/healthz' }];
}

const memberFlags = [
  '--data-dir=/var/lib/etcd',
  `--cert-file=${etcdPki}/server.crt`,
  `--key-file=${etcdPki}/server.key`,
  `--trusted-ca-file=${etcdPki}/ca.crt`,
  '--client-cert-auth=true',
  '--listen-metrics-urls=http://127.0.0.1:2381',
  '--listen-client-urls=https://127.0.0.1:2379',
];

const member = {
  health: 'http://127.0.0.1:2381/health',
  files: ['etcd'],
  needs: 'store data',
  cpu: '100m',
} as const;

function store(): PodProgram {
  const command = [...source('01-store/src/main.ts'), ...memberFlags];
  return { name: 'store', command, ...member };
}

/** Debian's, one member on each control plane. */
function etcd(config: ClusterConfig, own: NodeConfig): PodProgram {
  const peer = ({ address }: NodeConfig) => `https://${address}:2380`;
  const members = config.controlPlanes.map((machine) => `${machine.name}=${peer(machine)}`);
  return {
    name: 'etcd',
    command: [
      'etcd',
      `--name=${own.name}`,
      ...memberFlags,
      '--advertise-client-urls=https://127.0.0.1:2379',
      `--listen-peer-urls=${peer(own)}`,
      `--initial-advertise-peer-urls=${peer(own)}`,
      `--initial-cluster=${members.join(',')}`,
      `--peer-cert-file=${etcdPki}/peer.crt`,
      `--peer-key-file=${etcdPki}/peer.key`,
      `--peer-trusted-ca-file=${etcdPki}/ca.crt`,
      '--peer-client-cert-auth=true',
    ],
    ...member,
  };
}

function apiServer(config: ClusterConfig, own: NodeConfig): PodProgram {
  return {
    name: 'kube-apiserver',
    command: [
      ...source('02-apiserver/src/main.ts'),
      ...storeFlags(config),
      '--bind-address=0.0.0.0',
      '--secure-port=6443',
      `--advertise-address=${own.address}`,
      `--tls-cert-file=${pki}/apiserver.crt`,
      `--tls-private-key-file=${pki}/apiserver.key`,
      `--client-ca-file=${pki}/ca.crt`,
      `--kubelet-certificate-authority=${pki}/ca.crt`,
      `--kubelet-client-certificate=${pki}/kubelet-client.crt`,
      `--kubelet-client-key=${pki}/kubelet-client.key`,
      `--service-account-signing-key-file=${pki}/sa.key`,
      `--service-account-key-file=${pki}/sa.pub`,
      `--root-ca-file=${pki}/ca.crt`,
      '--require-service-accounts',
      '--mount-service-account-tokens',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-cluster-ip-range=${config.serviceCidr}`,
      ...clockFlags(config.clock).apiServer,
    ],
    health: 'https://127.0.0.1:6443/readyz',
    alive: 'https://127.0.0.1:6443/livez',
    files: ['pki'],
    cpu: '250m',
  };
}

/** Each API server talks to the member of its own machine, as in kubeadm's stacked etcd. */
function storeFlags({ etcd }: ClusterConfig): string[] {
  if (etcd !== undefined) return [`--etcd-servers=${etcd.join(',')}`];
  return [
    '--etcd-servers=https://127.0.0.1:2379',
    `--etcd-cafile=${pki}/etcd-ca.crt`,
    `--etcd-certfile=${pki}/apiserver-etcd-client.crt`,
    `--etcd-keyfile=${pki}/apiserver-etcd-client.key`,
  ];
}

/** One leads where there are several; a single one need not wait for its predecessor's lease to run out. */
function leaderElection(config: ClusterConfig): string {
  return `--leader-elect=${isReplicated(config)}`;
}

function scheduler(config: ClusterConfig): PodProgram {
  const health = 'http://127.0.0.1:10259/healthz';
  return {
    name: 'kube-scheduler',
    command: [
      ...source('03-scheduler/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/scheduler.kubeconfig`,
      leaderElection(config),
    ],
    ...{ health, alive: health },
    files: ['scheduler.kubeconfig'],
    cpu: '100m',
  };
}

function controllerManager(config: ClusterConfig): PodProgram {
  const health = 'http://127.0.0.1:10257/healthz';
  return {
    name: 'kube-controller-manager',
    command: [
      ...source('04-controllers/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/controller-manager.kubeconfig`,
      leaderElection(config),
      '--allocate-node-cidrs',
      `--cluster-cidr=${config.podCidr}`,
      ...clockFlags(config.clock).controllerManager,
    ],
    ...{ health, alive: health },
    files: ['controller-manager.kubeconfig'],
    cpu: '200m',
  };
}

function machines(config: ClusterConfig): PodProgram {
  return {
    name: 'machines',
    command: [...source('08-full-cluster/src/machines-main.ts'), `--cluster-name=${config.name}`],
    files: [],
    needs: 'docker',
    cpu: '50m',
  };
}

function kubelet(config: ClusterConfig, machine: NodeConfig): Program {
  const isControlPlane = config.controlPlanes.some(({ name }) => name === machine.name);
  return {
    name: 'kubelet',
    command: [
      ...source('08-full-cluster/src/kubelet-main.ts'),
      `--kubeconfig=${etcKubernetes}/kubelet.kubeconfig`,
      `--hostname-override=${machine.name}`,
      `--node-ip=${machine.address}`,
      `--root-dir=${hostDir(config.name, machine.name)}/kubelet`,
      `--cluster-name=${config.name}`,
      `--cluster-dns=${clusterDnsAddress(config)}`,
      '--cluster-domain=cluster.local',
      `--tls-cert-file=${etcKubernetes}/kubelet.crt`,
      `--tls-private-key-file=${etcKubernetes}/kubelet.key`,
      `--client-ca-file=${etcKubernetes}/ca.crt`,
      `--pause-image=${nodeImage}`,
      ...(isControlPlane ? [`--pod-manifest-path=${etcKubernetes}/manifests`] : []),
      ...clockFlags(config.clock).kubelet,
    ],
    health: 'http://127.0.0.1:10248/healthz',
  };
}

function kubeProxy(config: ClusterConfig, machine: NodeConfig): Program {
  return {
    name: 'kube-proxy',
    command: [
      ...source('06-proxy/src/main.ts'),
      `--kubeconfig=${etcKubernetes}/proxy.kubeconfig`,
      `--hostname-override=${machine.name}`,
      `--node-ip=${machine.address}`,
      `--cluster-cidr=${config.podCidr}`,
      `--service-cluster-ip-range=${config.serviceCidr}`,
      `--cluster-dns=${clusterDnsAddress(config)}`,
      '--cluster-domain=cluster.local',
      '--healthz-bind-address=0.0.0.0:10256',
    ],
    health: 'http://127.0.0.1:10256/healthz',
  };
}

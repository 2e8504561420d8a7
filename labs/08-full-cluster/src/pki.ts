// Pki: the certificates of a cluster, and the files of each of its machines.
//
// One authority signs everybody who speaks to the API. Who somebody is stands in the certificate: common name
// = user, organizations = groups, in upstream's own names (system:node:node-1 in system:nodes), so that
// authorization finds them. A second authority signs those who may speak to the store, which asks no more
// than that: a user of the API must not be one of them.
//
// Invariants: files are readable by their owner only; a machine gets its own folder and so its own keys; the
// authorities' keys never enter a container (they stay for `node add`). What several API servers must have in
// common is the pair of keys that signs service accounts' tokens.
//
// Upstream: kubeadm's certificates, one file name a certificate. Left out: rotation; they live ten years.

import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createCertificateAuthority, issueCertificate } from '@kube-labs/apiserver';
import {
  apiServerAddress,
  type ClusterConfig,
  kubeconfigPath,
  kubernetesServiceAddress,
  loadBalancer,
  machineDir,
  type NodeConfig,
  nodeContainer,
  stateDir,
} from './cluster-config.ts';
import { writePrivate } from './cluster-state.ts';
import { type CertificateAuthority, userCertificate, writeKubeconfig } from './kubeconfig-file.ts';
import { loadBalancerPrograms, machinePrograms } from './programs.ts';

/** What every API server of the cluster signs with and believes. */
export interface Authorities {
  readonly ca: CertificateAuthority;
  readonly etcdCa: CertificateAuthority;
  readonly serviceAccounts: { readonly publicKey: string; readonly privateKey: string };
}

/** Makes the authorities, and the kubeconfig of the person. */
export async function writeAuthorities(config: ClusterConfig): Promise<Authorities> {
  const [ca, etcdCa] = await Promise.all([
    createCertificateAuthority('kubernetes'),
    createCertificateAuthority('etcd-ca'),
  ]);
  await writePair(caPath(config), ca);
  const admin = { name: 'kubernetes-admin', groups: ['system:masters'] };
  const server = `https://127.0.0.1:${config.apiPort}`;
  await writeKubeconfig(kubeconfigPath(config.name), { ca, cluster: config.name, server }, admin);
  const serviceAccounts = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ca, etcdCa, serviceAccounts };
}

/** Writes what a machine needs to run pods, be it a node or a control plane. */
export async function writeMachine(
  config: ClusterConfig,
  machine: NodeConfig,
  ca: CertificateAuthority,
): Promise<void> {
  const own = machineDir(config.name, machine.name);
  const server = `https://${apiServerAddress(config)}:6443`;
  const serving = await issueCertificate(ca, {
    commonName: `system:node:${machine.name}`,
    organizations: ['system:nodes'],
    ...servingNames(config, machine),
  });
  const kubelet = { name: `system:node:${machine.name}`, groups: ['system:nodes'] };
  const proxy = { name: 'system:kube-proxy' };
  const cluster = { ca, cluster: config.name, server };
  await writePrivate(`${own}/ca.crt`, ca.cert);
  await writePair(`${own}/kubelet`, serving);
  await writeKubeconfig(`${own}/kubelet.kubeconfig`, cluster, kubelet);
  await writeKubeconfig(`${own}/proxy.kubeconfig`, cluster, proxy);
  await writePrograms(own, machinePrograms(config, machine));
}

/** Writes what the components of a control plane need besides, each its own: see static-pods.ts. */
export async function writeControlPlane(
  config: ClusterConfig,
  machine: NodeConfig,
  authorities: Authorities,
): Promise<void> {
  const { ca } = authorities;
  const own = machineDir(config.name, machine.name);
  const cluster = { ca, cluster: config.name, server: 'https://127.0.0.1:6443' };
  const users = { scheduler: 'kube-scheduler', 'controller-manager': 'kube-controller-manager' };
  for (const [file, user] of Object.entries(users)) {
    await writeKubeconfig(`${own}/${file}.kubeconfig`, cluster, { name: `system:${user}` });
  }
  await writeApiServer(config, machine, authorities);
  if (config.etcd === undefined) await writeStore(config, machine, authorities.etcdCa);
}

async function writeApiServer(
  config: ClusterConfig,
  machine: NodeConfig,
  { ca, etcdCa, serviceAccounts }: Authorities,
): Promise<void> {
  const pki = `${machineDir(config.name, machine.name)}/pki`;
  const names = servingNames(config, machine);
  const serving = await issueCertificate(ca, {
    ...names,
    commonName: 'kube-apiserver',
    dnsNames: [...names.dnsNames, 'localhost', ...serviceNames(), balancerOf(config)],
    ipAddresses: [...names.ipAddresses, apiServerAddress(config), kubernetesServiceAddress(config)],
  });
  const kubelets = { name: 'kube-apiserver-kubelet-client', groups: ['system:masters'] };
  await writePrivate(`${pki}/ca.crt`, ca.cert);
  await writePair(`${pki}/apiserver`, serving);
  await writePair(`${pki}/kubelet-client`, await userCertificate(ca, kubelets));
  const client = { name: 'kube-apiserver-etcd-client' };
  await writePrivate(`${pki}/etcd-ca.crt`, etcdCa.cert);
  await writePair(`${pki}/apiserver-etcd-client`, await userCertificate(etcdCa, client));
  await writePrivate(`${pki}/sa.key`, serviceAccounts.privateKey);
  await writePrivate(`${pki}/sa.pub`, serviceAccounts.publicKey);
}

/** A member of the store is a server to API servers, and both a server and a client to the other members. */
async function writeStore(
  config: ClusterConfig,
  machine: NodeConfig,
  etcdCa: CertificateAuthority,
): Promise<void> {
  const etcd = `${machineDir(config.name, machine.name)}/etcd`;
  const names = servingNames(config, machine);
  const dnsNames = [...names.dnsNames, 'localhost'];
  const both = { ...names, dnsNames, commonName: machine.name, client: true };
  await writePrivate(`${etcd}/ca.crt`, etcdCa.cert);
  await writePair(`${etcd}/server`, await issueCertificate(etcdCa, both));
  await writePair(`${etcd}/peer`, await issueCertificate(etcdCa, both));
}

export async function writeLoadBalancer(
  config: ClusterConfig,
  ca: CertificateAuthority,
): Promise<void> {
  const own = machineDir(config.name, loadBalancer);
  await writePrivate(`${own}/ca.crt`, ca.cert);
  await writePrograms(own, loadBalancerPrograms(config));
}

/** The authority of a cluster that is there. */
export async function readAuthority(config: ClusterConfig): Promise<CertificateAuthority> {
  const path = caPath(config);
  const [cert, key] = await Promise.all([
    readFile(`${path}.crt`, 'utf8'),
    readFile(`${path}.key`, 'utf8'),
  ]);
  return { cert, key };
}

function caPath(config: ClusterConfig): string {
  return `${stateDir(config.name)}/pki/ca`;
}

function servingNames(config: ClusterConfig, { name, address }: NodeConfig) {
  return {
    server: true,
    dnsNames: [name, nodeContainer(config.name, name)],
    ipAddresses: [address, '127.0.0.1'],
  };
}

function serviceNames(): string[] {
  const service = 'kubernetes.default.svc.cluster.local'.split('.');
  return [1, 2, 3, 5].map((length) => service.slice(0, length).join('.'));
}

function balancerOf(config: ClusterConfig): string {
  return nodeContainer(config.name, loadBalancer);
}

async function writePrograms(dir: string, programs: readonly object[]): Promise<void> {
  await writePrivate(`${dir}/programs.json`, JSON.stringify(programs));
}

async function writePair(path: string, pair: { cert: string; key: string }): Promise<void> {
  await writePrivate(`${path}.crt`, pair.cert);
  await writePrivate(`${path}.key`, pair.key);
}

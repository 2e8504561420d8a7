// Pki: the certificates of a cluster, the kubeconfigs that carry them, and the files they lie in.
//
// One authority signs everybody. Who somebody is stands in the certificate: common name = user, organizations
// = groups, in upstream's own names (system:node:node-1 in system:nodes), so that authorization finds them.
//
// Invariants: files are readable by their owner only; a container gets its own folder and so its own keys; the
// authority's key never enters a container (it stays for `node add`).
//
// Upstream: kubeadm's certificates, one file name a certificate. Left out: rotation; they live ten years.

import { readFile } from 'node:fs/promises';
import { createCertificateAuthority, issueCertificate } from '@kube-labs/apiserver';
import { stringify } from 'yaml';
import {
  type ClusterConfig,
  controlPlaneAddress,
  controlPlaneContainer,
  kubeconfigPath,
  kubernetesServiceAddress,
  type NodeConfig,
  nodeContainer,
  stateDir,
} from './cluster-config.ts';
import { writePrivate } from './cluster-state.ts';
import { controlPlanePrograms, nodePrograms } from './programs.ts';

/** PEM texts. */
export interface CertificateAuthority {
  readonly cert: string;
  readonly key: string;
}

interface User {
  readonly name: string;
  readonly groups?: readonly string[];
}

/** Writes everything that the control plane and the person need; nodes come with writeNode(). */
export async function writeControlPlane(config: ClusterConfig): Promise<CertificateAuthority> {
  const dir = stateDir(config.name);
  const ca = await createCertificateAuthority('kubernetes');
  await writePair(`${dir}/pki/ca`, ca);
  const serving = await issueCertificate(ca, {
    commonName: 'kube-apiserver',
    server: true,
    dnsNames: apiServerNames(config),
    ipAddresses: ['127.0.0.1', controlPlaneAddress(config), kubernetesServiceAddress(config)],
  });
  const own = `${dir}/control-plane`;
  await writePrivate(`${own}/ca.crt`, ca.cert);
  await writePair(`${own}/apiserver`, serving);
  const kubelets = { name: 'kube-apiserver-kubelet-client', groups: ['system:masters'] };
  await writePair(`${own}/kubelet-client`, await userCertificate(ca, kubelets));
  const local = 'https://127.0.0.1:6443';
  const scheduler = { name: 'system:kube-scheduler' };
  const controllers = { name: 'system:kube-controller-manager' };
  const admin = { name: 'kubernetes-admin', groups: ['system:masters'] };
  await writeKubeconfig(`${own}/scheduler.kubeconfig`, { ca, config, server: local }, scheduler);
  await writeKubeconfig(
    `${own}/controller-manager.kubeconfig`,
    { ca, config, server: local },
    controllers,
  );
  await writePrivate(`${own}/programs.json`, JSON.stringify(controlPlanePrograms(config)));
  const server = `https://127.0.0.1:${config.apiPort}`;
  await writeKubeconfig(kubeconfigPath(config.name), { ca, config, server }, admin);
  return ca;
}

/** Writes everything that one node needs. */
export async function writeNode(
  config: ClusterConfig,
  node: NodeConfig,
  ca: CertificateAuthority,
): Promise<void> {
  const own = `${stateDir(config.name)}/nodes/${node.name}`;
  const server = `https://${controlPlaneAddress(config)}:6443`;
  const serving = await issueCertificate(ca, {
    commonName: `system:node:${node.name}`,
    organizations: ['system:nodes'],
    server: true,
    dnsNames: [node.name, nodeContainer(config.name, node.name)],
    ipAddresses: [node.address, '127.0.0.1'],
  });
  const kubelet = { name: `system:node:${node.name}`, groups: ['system:nodes'] };
  const proxy = { name: 'system:kube-proxy' };
  await writePrivate(`${own}/ca.crt`, ca.cert);
  await writePair(`${own}/kubelet`, serving);
  await writeKubeconfig(`${own}/kubelet.kubeconfig`, { ca, config, server }, kubelet);
  await writeKubeconfig(`${own}/proxy.kubeconfig`, { ca, config, server }, proxy);
  await writePrivate(`${own}/programs.json`, JSON.stringify(nodePrograms(config, node)));
}

/** The authority of a cluster that is there. */
export async function readAuthority(config: ClusterConfig): Promise<CertificateAuthority> {
  const path = `${stateDir(config.name)}/pki/ca`;
  const [cert, key] = await Promise.all([
    readFile(`${path}.crt`, 'utf8'),
    readFile(`${path}.key`, 'utf8'),
  ]);
  return { cert, key };
}

function apiServerNames(config: ClusterConfig): string[] {
  const service = 'kubernetes.default.svc.cluster.local'.split('.');
  return [
    'localhost',
    controlPlaneContainer(config.name),
    ...[1, 2, 3, 5].map((length) => service.slice(0, length).join('.')),
  ];
}

function userCertificate(ca: CertificateAuthority, { name, groups = [] }: User) {
  return issueCertificate(ca, { commonName: name, organizations: [...groups], client: true });
}

async function writePair(path: string, pair: { cert: string; key: string }): Promise<void> {
  await writePrivate(`${path}.crt`, pair.cert);
  await writePrivate(`${path}.key`, pair.key);
}

async function writeKubeconfig(
  path: string,
  { ca, config, server }: { ca: CertificateAuthority; config: ClusterConfig; server: string },
  user: User,
): Promise<void> {
  const { cert, key } = await userCertificate(ca, user);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const context = `${user.name}@${config.name}`;
  await writePrivate(
    path,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: config.name, cluster: { server, 'certificate-authority-data': base64(ca.cert) } },
      ],
      users: [
        {
          name: user.name,
          user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) },
        },
      ],
      contexts: [{ name: context, context: { cluster: config.name, user: user.name } }],
      'current-context': context,
    }),
  );
}

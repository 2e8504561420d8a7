// Main: kube-apiserver as a process: flags, certificates, the store, and the server until it is told to stop.
//
// Without TLS files it makes an authority of its own in --cert-dir and, with --write-kubeconfig, a kubeconfig of an administrator:
// enough to try it alone, `kubectl --kubeconfig FILE get namespaces`. Flag names are upstream's.

import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import {
  createLogger,
  type KeyValueStore,
  type Logger,
  openEtcd3Store,
  openStore,
  runMain,
} from '@kube-labs/store';
import { Command } from 'commander';
import { parseTokenFile } from './auth/static-token.ts';
import { ApiServer } from './server/api-server.ts';
import type { ApiServerOptions } from './server/api-server-options.ts';
import { kubeconfigText } from './server/kubeconfig-text.ts';
import {
  type CertificatePair,
  createCertificateAuthority,
  issueCertificate,
} from './server/pki.ts';
import { addressAt, parseIpv4Range } from './server/service-allocator.ts';

interface Flags {
  readonly dataDir: string;
  readonly etcdServers?: string;
  readonly bindAddress: string;
  readonly securePort: string;
  readonly advertiseAddress?: string;
  readonly certDir: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
  readonly tokenAuthFile?: string;
  readonly serviceClusterIpRange: string;
  readonly serviceNodePortRange: string;
  readonly kubeletCertificateAuthority?: string;
  readonly kubeletClientCertificate?: string;
  readonly kubeletClientKey?: string;
  readonly defaultNotReadyTolerationSeconds: string;
  readonly defaultUnreachableTolerationSeconds: string;
  readonly writeKubeconfig?: string;
  readonly v: string;
}

const command = new Command('kube-apiserver')
  .description('The Kubernetes API over a versioned key-value store.')
  .option('--data-dir <dir>', 'where the store in this process keeps its log', './kube-labs-data')
  .option('--etcd-servers <urls>', 'use a real etcd instead: URL[,URL…]')
  .option('--bind-address <address>', 'address to listen on', '127.0.0.1')
  .option('--secure-port <port>', 'port to listen on, TLS', '6443')
  .option('--advertise-address <address>', 'where the cluster reaches this server')
  .option(
    '--cert-dir <dir>',
    'where certificates are made when none are given',
    './kube-labs-certs',
  )
  .option('--tls-cert-file <file>', "this server's certificate")
  .option('--tls-private-key-file <file>', "this server's key")
  .option('--client-ca-file <file>', 'whose certificates prove users')
  .option('--token-auth-file <file>', 'lines token,user,uid[,"group,group"]')
  .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
  .option('--service-node-port-range <range>', 'node ports of services', '30000-32767')
  .option('--kubelet-certificate-authority <file>', 'whose certificates prove kubelets')
  .option('--kubelet-client-certificate <file>', 'what proves this server to kubelets')
  .option('--kubelet-client-key <file>', 'its key')
  .option(
    '--default-not-ready-toleration-seconds <seconds>',
    'how long pods stay on a node that is not ready',
    '300',
  )
  .option(
    '--default-unreachable-toleration-seconds <seconds>',
    'how long pods stay on a node that is not reachable',
    '300',
  )
  .option('--write-kubeconfig <file>', 'write a kubeconfig of an administrator')
  .option('-v, --v <level>', 'log verbosity', '2');

runMain('kube-apiserver', async (signal) => {
  const flags = command.parse().opts<Flags>();
  const log = createLogger('kube-apiserver', { verbosity: Number(flags.v) });
  const certificates = await certificatesOf(flags);
  const tokens =
    flags.tokenAuthFile === undefined ? [] : parseTokenFile(await text(flags.tokenAuthFile));
  const kubeletClient = await kubeletClientOf(flags);
  const store = await openStoreOf(flags, log, signal);
  try {
    const options: ApiServerOptions = {
      store,
      log,
      signal,
      tokens,
      tls: certificates.serving,
      ...(certificates.clientCa === undefined ? {} : { clientCa: certificates.clientCa }),
      ...(kubeletClient === undefined ? {} : { kubeletClient }),
      bindAddress: flags.bindAddress,
      securePort: wholeNumber('--secure-port', flags.securePort),
      advertiseAddress: advertised(flags),
      serviceClusterIpRange: flags.serviceClusterIpRange,
      serviceNodePortRange: flags.serviceNodePortRange,
      defaultNotReadyTolerationSeconds: Number(flags.defaultNotReadyTolerationSeconds),
      defaultUnreachableTolerationSeconds: Number(flags.defaultUnreachableTolerationSeconds),
    };
    const server = await ApiServer.start(options);
    log.info('Serving the Kubernetes API', { url: server.url });
    if (flags.writeKubeconfig !== undefined) await writeKubeconfig(flags, server.url, certificates);
    if (!signal.aborted) await once(signal, 'abort');
    await server[Symbol.asyncDispose]();
  } finally {
    await store[Symbol.asyncDispose]();
  }
});

async function openStoreOf(flags: Flags, log: Logger, signal: AbortSignal): Promise<KeyValueStore> {
  if (flags.etcdServers === undefined) {
    return openStore({ dataDir: flags.dataDir, warn: (message) => log.warn(message) });
  }
  const endpoints = flags.etcdServers.split(',');
  for (;;) {
    try {
      return await openEtcd3Store({ endpoints });
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn('Waiting for etcd', { endpoints: flags.etcdServers, error });
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

interface Certificates {
  readonly serving: CertificatePair;
  readonly clientCa?: string;
  readonly ca?: CertificatePair;
}

async function certificatesOf(flags: Flags): Promise<Certificates> {
  const { tlsCertFile, tlsPrivateKeyFile, clientCaFile } = flags;
  if (tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined) {
    const serving = { cert: await text(tlsCertFile), key: await text(tlsPrivateKeyFile) };
    return clientCaFile === undefined
      ? { serving }
      : { serving, clientCa: await text(clientCaFile) };
  }
  const ca = await ownAuthority(flags.certDir);
  const serving = await issueCertificate(ca, {
    commonName: 'kube-apiserver',
    server: true,
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ipAddresses: [
      ...new Set([
        '127.0.0.1',
        advertised(flags),
        addressAt(parseIpv4Range(flags.serviceClusterIpRange), 1),
      ]),
    ],
  });
  return { serving, ca, clientCa: clientCaFile === undefined ? ca.cert : await text(clientCaFile) };
}

/** The authority of earlier starts, so that kubeconfigs stay good; a new one the first time. */
async function ownAuthority(dir: string): Promise<CertificatePair> {
  const [certFile, keyFile] = [join(dir, 'ca.crt'), join(dir, 'ca.key')];
  try {
    return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } catch {
    const ca = await createCertificateAuthority('kubernetes');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFile(certFile, ca.cert);
    await writeFile(keyFile, ca.key, { mode: 0o600 });
    return ca;
  }
}

async function writeKubeconfig(flags: Flags, url: string, { ca }: Certificates): Promise<void> {
  if (ca === undefined) {
    throw new Error(
      'Cannot write a kubeconfig with --tls-cert-file: only the authority that this server makes itself can sign one; leave the TLS flags out',
    );
  }
  const who = { commonName: 'kubernetes-admin', organizations: ['system:masters'], client: true };
  const admin = await issueCertificate(ca, who);
  const config = kubeconfigText({ server: url, ca: ca.cert, ...admin });
  await writeFile(flags.writeKubeconfig ?? '', config, { mode: 0o600 });
}

async function kubeletClientOf(flags: Flags) {
  const {
    kubeletCertificateAuthority: ca,
    kubeletClientCertificate: cert,
    kubeletClientKey: key,
  } = flags;
  if (ca === undefined || cert === undefined || key === undefined) return undefined;
  return { ca: await text(ca), cert: await text(cert), key: await text(key) };
}

function advertised({ advertiseAddress, bindAddress }: Flags): string {
  if (advertiseAddress !== undefined) return advertiseAddress;
  if (bindAddress !== '0.0.0.0' && !bindAddress.startsWith('127.')) return bindAddress;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function wholeNumber(flag: string, value: string): number {
  if (/^\d{1,5}$/.test(value)) return Number(value);
  throw new Error(`Cannot use ${flag} ${value}: it needs a port number`);
}

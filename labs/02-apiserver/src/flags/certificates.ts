// certificates: an authority of the server's own in --cert-dir, for whoever gives no TLS files: enough to try it alone.
//
// The authority stays from one start to the next, so that kubeconfigs stay good; the serving certificate is made anew each time.
//
// Same purpose upstream: apiserver, server/options/serving.go (MaybeDefaultWithSelfSignedCerts), which signs without an authority.

import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSigningKey } from '../auth/signing-keys.ts';
import { DEFAULT_SERVICE_RANGE } from '../server/build-table.ts';
import { kubeconfigText } from '../server/kubeconfig-text.ts';
import {
  type CertificatePair,
  createCertificateAuthority,
  issueCertificate,
} from '../server/pki.ts';
import { addressAt, parseIpv4Range } from '../server/service-allocator.ts';
import type { Flags } from './flag-group.ts';
import { textOf } from './values.ts';

const DEFAULT_CERT_DIR = './kube-labs-certs';

/** The authority of earlier starts; a new one the first time. */
export async function ownAuthority(flags: Flags): Promise<CertificatePair> {
  const dir = textOf(flags, '--cert-dir') ?? DEFAULT_CERT_DIR;
  const [certFile, keyFile] = [join(dir, 'ca.crt'), join(dir, 'ca.key')];
  try {
    return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const ca = await createCertificateAuthority('kubernetes');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The certificate last: where it is, the key is too.
  await writeWhole(keyFile, ca.key, 0o600);
  await writeWhole(certFile, ca.cert, 0o644);
  return ca;
}

/** The key that signs the tokens of service accounts, of earlier starts; a new one the first time. Of two servers that start one makes it. */
export async function ownServiceAccountKey(flags: Flags): Promise<string> {
  const dir = textOf(flags, '--cert-dir') ?? DEFAULT_CERT_DIR;
  const file = join(dir, 'sa.key');
  const part = `${file}.${randomUUID()}`;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writeFile(part, createSigningKey(), { mode: 0o600 });
  try {
    await link(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(part, { force: true });
  }
  return readFile(file, 'utf8');
}

/** For 127.0.0.1, the advertised address, and the names and the address of the service `kubernetes`. */
export async function ownServingCertificate(flags: Flags): Promise<CertificatePair> {
  const range = parseIpv4Range(
    textOf(flags, '--service-cluster-ip-range') ?? DEFAULT_SERVICE_RANGE,
  );
  return issueCertificate(await ownAuthority(flags), {
    commonName: 'kube-apiserver',
    server: true,
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ipAddresses: [...new Set(['127.0.0.1', advertiseAddressOf(flags), addressAt(range, 1)])],
  });
}

/** Where others find this server: what the flag says, else the first address that is not only this machine's own. */
export function advertiseAddressOf(flags: Flags): string {
  const told = textOf(flags, '--advertise-address');
  if (told !== undefined) return told;
  const bind = textOf(flags, '--bind-address') ?? '127.0.0.1';
  if (bind !== '0.0.0.0' && !bind.startsWith('127.')) return bind;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  return found?.address ?? '127.0.0.1';
}

export async function writeKubeconfig(flags: Flags, server: string): Promise<void> {
  const path = textOf(flags, '--write-kubeconfig');
  if (path === undefined) return;
  const ca = await ownAuthority(flags);
  const who = { commonName: 'kubernetes-admin', organizations: ['system:masters'], client: true };
  const admin = await issueCertificate(ca, who);
  await writeWhole(path, kubeconfigText({ server, ca: ca.cert, ...admin }), 0o600);
}

/** Whoever waits for the file never sees half of it. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const part = `${path}.part`;
  await writeFile(part, text, { mode });
  await rename(part, path);
}

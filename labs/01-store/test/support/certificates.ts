// Certificates for tests of TLS: an authority, a server on 127.0.0.1, a client; and their files.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const HOUR_MS = 3_600_000;

export interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certPath: string;
  readonly keyPath: string;
}

export interface Certificates {
  readonly ca: Buffer;
  readonly caPath: string;
  readonly server: Pair;
  readonly client: Pair;
}

/** Written into the directory, with which they go. */
export async function makeCertificates(
  directory: string,
  clientName: string,
): Promise<Certificates> {
  const authority = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['test authority'] }],
    ...validity(),
    keys: authority,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const issue = async (name: string) => {
    const keys = await generateKeys();
    const cert = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [name] }],
      issuer: ca.subjectName,
      ...validity(),
      publicKey: keys.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
        ]),
      ],
    });
    return writePair(directory, name, cert, keys.privateKey);
  };
  const caPath = join(directory, 'ca.crt');
  const pem = Buffer.from(ca.toString('pem'));
  await writeFile(caPath, pem);
  return { ca: pem, caPath, server: await issue('server'), client: await issue(clientName) };
}

async function writePair(
  directory: string,
  name: string,
  certificate: x509.X509Certificate,
  privateKey: CryptoKey,
): Promise<Pair> {
  const cert = Buffer.from(certificate.toString('pem'));
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  const key = Buffer.from(x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'));
  const [certPath, keyPath] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  await writeFile(certPath, cert);
  await writeFile(keyPath, key, { mode: 0o600 });
  return { cert, key, certPath, keyPath };
}

type CryptoKey = webcrypto.CryptoKey;

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity() {
  const now = Date.now();
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
}

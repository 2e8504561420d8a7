// pki: a certificate authority, and the certificates it gives out.
//
// Keys are ECDSA P-256: quick to make, taken by every client. PEM texts in and out, so that callers need to know nothing of X.509.
// An authority that comes from elsewhere may have a key of RSA or another curve.
//
// Same idea upstream: client-go, util/cert, kubeadm's pkiutil, and pkg/controller/certificates/authority. Left out: renewal, revocation.

import { createPrivateKey, webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { loadX509 } from './x509.ts';

export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** The user. */
  readonly commonName: string;
  /** The user's groups. */
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Good for proving who a client is. */
  readonly client?: boolean;
  /** Good for serving. */
  readonly server?: boolean;
  /** Ten years by default. */
  readonly days?: number;
}

/** What a request for a certificate asks for. */
export interface RequestFacts {
  /** Empty when there is none, or more than one. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly names: readonly { readonly type: string; readonly value: string }[];
}

export interface SigningTerms {
  /** As in certificates.k8s.io: `client auth`, `server auth`, `digital signature`, `key encipherment`. */
  readonly usages: readonly string[];
  readonly seconds: number;
  readonly nowMs: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAYS_DEFAULT = 3650;
const DAY_MS = 86_400_000;
/** Clocks of containers and hosts differ a little. */
const BACKDATE_MS = 300_000;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  'client auth': CLIENT_AUTH,
  'server auth': SERVER_AUTH,
};
/** Certificates that hold shorter than this do not lose the minutes by which their start lies back. */
const SHORT_SECONDS = 8 * 3600;

export async function createCertificateAuthority(name: string): Promise<CertificatePair> {
  const x509 = loadX509();
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity(DAYS_DEFAULT),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign |
          x509.KeyUsageFlags.cRLSign |
          x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) };
}

export async function issueCertificate(
  authority: CertificatePair,
  request: CertificateRequest,
): Promise<CertificatePair> {
  const x509 = loadX509();
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const usages = [
    ...(request.client ? [CLIENT_AUTH] : []),
    ...(request.server ? [SERVER_AUTH] : []),
  ];
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const organizations = [...(request.organizations ?? [])];
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...organizations.map((name) => ({ O: [name] })), { CN: [request.commonName] }],
    issuer: issuer.subjectName,
    ...validity(request.days ?? DAYS_DEFAULT),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** `base64` of PEM, as in a CertificateSigningRequest. Throws when it cannot be read. */
export function readCertificateRequest(base64: string): RequestFacts {
  const request = requestOf(base64);
  const names = alternativeNames(request)?.names.items ?? [];
  const commonNames = request.subjectName.getField('CN');
  return {
    commonName: commonNames.length === 1 ? (commonNames[0] ?? '') : '',
    organizations: request.subjectName.getField('O'),
    names: names.map(({ type, value }) => ({ type, value })),
  };
}

/**
 * A certificate for the request's key, subject and names, as PEM. Nothing else that the request asks for is taken over: no authority, no
 * extension. It ends no later than the authority's own. Throws when the authority has ended.
 */
export async function signCertificateRequest(
  authority: CertificatePair,
  base64: string,
  { usages, seconds, nowMs }: SigningTerms,
): Promise<string> {
  const x509 = loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const request = requestOf(base64);
  if (issuer.notAfter.getTime() <= nowMs) {
    throw new Error(`Cannot sign: the signer has expired: ${issuer.notAfter.toISOString()}`);
  }
  const isShort = seconds < SHORT_SECONDS;
  const endMs = nowMs + seconds * 1000 - (isShort ? 0 : BACKDATE_MS);
  const names = alternativeNames(request);
  const keyUsages = keyUsagesOf(usages);
  const { key, algorithm } = await importAuthorityKey(authority.key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(endMs, issuer.notAfter.getTime())),
    publicKey: request.publicKey,
    signingKey: key,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      // An empty one would forbid everything.
      ...(keyUsages === 0 ? [] : [new x509.KeyUsagesExtension(keyUsages, true)]),
      new x509.ExtendedKeyUsageExtension(usages.flatMap((one) => EXTENDED_USAGES[one] ?? [])),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names === undefined ? [] : [names]),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function requestOf(base64: string): X509.Pkcs10CertificateRequest {
  const { Pkcs10CertificateRequest } = loadX509();
  return new Pkcs10CertificateRequest(Buffer.from(base64, 'base64').toString('latin1'));
}

function alternativeNames({
  extensions,
}: X509.Pkcs10CertificateRequest): X509.SubjectAlternativeNameExtension | undefined {
  const { SubjectAlternativeNameExtension } = loadX509();
  return extensions.find((one) => one instanceof SubjectAlternativeNameExtension);
}

function keyUsagesOf(usages: readonly string[]): number {
  const { digitalSignature, keyEncipherment } = loadX509().KeyUsageFlags;
  return (
    (usages.includes('digital signature') ? digitalSignature : 0) |
    (usages.includes('key encipherment') ? keyEncipherment : 0)
  );
}

type Key = webcrypto.CryptoKey;
type Algorithm = NonNullable<X509.X509CertificateCreateParamsBase['signingAlgorithm']>;

/** Of RSA or a curve, in any of PEM's forms. */
async function importAuthorityKey(pem: string): Promise<{ key: Key; algorithm: Algorithm }> {
  const key = createPrivateKey(pem);
  const bytes = key.export({ type: 'pkcs8', format: 'der' });
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'P-256',
    secp384r1: 'P-384',
    secp521r1: 'P-521',
  };
  const namedCurve = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const algorithm =
    namedCurve === undefined
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve, hash: 'SHA-256' };
  const imported = await webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
  return { key: imported, algorithm };
}

function generateKeys(): Promise<{ publicKey: Key; privateKey: Key }> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<{
    publicKey: Key;
    privateKey: Key;
  }>;
}

async function exportKey(key: Key): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return loadX509().PemConverter.encode(bytes, 'PRIVATE KEY');
}

function importKey(pem: string): Promise<Key> {
  const [bytes = new ArrayBuffer(0)] = loadX509().PemConverter.decode(pem);
  return webcrypto.subtle.importKey('pkcs8', bytes, ALGORITHM, false, ['sign']);
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, as the standard asks: the first bit is clear. */
function serialNumber(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('hex');
}

// client-certificate: which authority stands behind a connection's client certificate.
//
// TLS has one list of authorities, but here two kinds of certificates arrive: those of users, and those of proxies that speak for users
// (request-header.ts). OpenSSL checks signatures, dates and purpose against all of them; who uses the certificate must ask whether it is
// of an authority of the right kind, or a proxy's certificate would make a user, and a user's a proxy.
//
// Same idea upstream: apiserver, authentication/request/x509 (each authenticator verifies with roots of its own).

import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const CHAIN_LENGTH_MAX = 8;

/** The certificates in a PEM file. Throws when there is none; `where` is for the error. */
export function certificatesOf(pem: string, where: string): readonly X509Certificate[] {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) {
    throw new Error(`Cannot use ${where}: data does not contain any valid certificates`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Error(`Cannot use ${where}: it holds a certificate that cannot be read`, {
      cause: error,
    });
  }
}

/** Whether one of these authorities signed the certificate, or one of those that came with it. */
export function isSignedBy(socket: TLSSocket, roots: readonly X509Certificate[]): boolean {
  let certificate = socket.getPeerX509Certificate();
  for (let depth = 0; depth < CHAIN_LENGTH_MAX && certificate !== undefined; depth += 1) {
    const current = certificate;
    if (roots.some((root) => current.checkIssued(root) && current.verify(root.publicKey))) {
      return true;
    }
    const { issuerCertificate } = current;
    if (issuerCertificate?.fingerprint256 === current.fingerprint256) return false;
    certificate = issuerCertificate;
  }
  return false;
}

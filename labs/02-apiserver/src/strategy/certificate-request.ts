// certificate-request: whether base64 of PEM is a PKCS#10 request that its own key signed, or a chain of certificates.
//
// The signature proves that who asks for a certificate has the private key. It is checked with Node's own crypto, because a
// strategy decides at once; the ASN.1 is read by the library that makes our certificates.
//
// Same rules upstream: pkg/apis/certificates/helpers.go (ParseCSR), validateCertificate.

import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { loadX509 } from '../server/x509.ts';

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;
const REQUEST = 'CERTIFICATE REQUEST';
const CERTIFICATE = 'CERTIFICATE';
const SEQUENCE = 0x30;
const LONG_FORM = 0x80;

interface Block {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Buffer;
}

function blocksOf(base64: string): Block[] {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  return [...text.matchAll(PEM)].map(([, type = '', body = '']) => ({
    type,
    hasHeaders: body.includes(':'),
    bytes: Buffer.from(body, 'base64'),
  }));
}

/** What is wrong with the request, or undefined. */
export function requestProblem(base64: string): string | undefined {
  const [block] = blocksOf(base64);
  if (block?.type !== REQUEST) return `PEM block type must be ${REQUEST}`;
  try {
    return isSignedByItself(block.bytes)
      ? undefined
      : 'x509: invalid signature: verification failure';
  } catch (error) {
    return `asn1: structure error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The request's public key, for whoever issues the certificate, must verify the signature of the request's first part. */
function isSignedByItself(der: Buffer): boolean {
  const { Pkcs10CertificateRequest } = loadX509();
  const request = new Pkcs10CertificateRequest(new Uint8Array(der));
  const key = createPublicKey({
    key: Buffer.from(request.publicKey.rawData),
    format: 'der',
    type: 'spki',
  });
  const { hash } = request.signatureAlgorithm as { readonly hash?: { readonly name?: string } };
  // Ed25519 signs the message itself; the name of the others' hash is WebCrypto's, without its hyphen Node's.
  const digest =
    key.asymmetricKeyType === 'ed25519' ? undefined : (hash?.name ?? 'SHA-256').replace('-', '');
  return verify(digest, signedPart(der), key, Buffer.from(request.signature));
}

/** CertificationRequest ::= SEQUENCE { info, algorithm, signature }: the bytes of info, as they are. */
function signedPart(der: Buffer): Buffer {
  const outer = elementAt(der, 0);
  const { start, end } = elementAt(der, outer.content);
  return der.subarray(start, end);
}

/** Tag, length and value of DER; lengths over 127 say first how many bytes they take. */
function elementAt(der: Buffer, start: number): { start: number; content: number; end: number } {
  const first = der[start + 1] ?? 0;
  if (der[start] !== SEQUENCE) throw new Error('a sequence was expected');
  if (first < LONG_FORM) return { start, content: start + 2, end: start + 2 + first };
  const size = first - LONG_FORM;
  if (size < 1 || size > 4) throw new Error('a length that makes no sense');
  const content = start + 2 + size;
  return { start, content, end: content + der.readUIntBE(start + 2, size) };
}

/** What is wrong with the issued chain, or undefined. */
export function certificateProblem(base64: string): string | undefined {
  const blocks = blocksOf(base64);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== CERTIFICATE) {
      return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    }
    if (hasHeaders) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(bytes);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}

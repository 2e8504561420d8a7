// x509: a user from the client certificate of the connection.
//
// Of a certificate that the cluster's authority signed, the common name is the user and the organizations are the groups. TLS checked
// the signature when the connection was made; the certificate is read once a connection and its end is checked at every request,
// so that a connection that is kept open does not outlive it. One of another authority is rejected, not overlooked.
//
// Same rule upstream: apiserver, authentication/request/x509. Left out: the uid from a certificate, verification options.

import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import { type Authentication, type Authenticator, NONE } from './authenticator.ts';
import { isSignedBy } from './client-certificate.ts';
import type { User } from './user.ts';

type Peer =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'known'; readonly user: User; readonly validToMs: number };

const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

/** `now` in milliseconds. `roots`: whose certificates make users, where TLS takes others too. */
export function x509Authenticator(
  now: () => number,
  roots?: readonly X509Certificate[],
): Authenticator {
  const peers = new WeakMap<object, Peer>();
  return {
    name: 'x509',
    authenticate(request) {
      const connection = connectionOf(request);
      let peer = peers.get(connection);
      if (peer === undefined) {
        peer = peerOf(request.socket, roots);
        peers.set(connection, peer);
      }
      return answerOf(peer, now());
    },
  };
}

/** Many requests of HTTP/2 share a session, and each shows a new stand-in for its socket. */
export function connectionOf(request: IncomingMessage): object {
  const { stream } = request as { stream?: { session?: object } };
  return stream?.session ?? request.socket;
}

function peerOf(socket: unknown, roots: readonly X509Certificate[] | undefined): Peer {
  if (!(socket instanceof TLSSocket)) return { kind: 'none' };
  const certificate = socket.getPeerCertificate();
  // Without a certificate Node gives an empty object.
  if (certificate?.subject === undefined) return { kind: 'none' };
  if (!socket.authorized) {
    return { kind: 'unknown', why: `x509: ${String(socket.authorizationError ?? 'not trusted')}` };
  }
  if (roots !== undefined && !isSignedBy(socket, roots)) {
    return { kind: 'unknown', why: 'x509: certificate signed by unknown authority' };
  }
  const user = userOf(certificate);
  if (user === undefined) return { kind: 'none' };
  return { kind: 'known', user, validToMs: Date.parse(certificate.valid_to) };
}

function userOf({ subject, fingerprint256 }: PeerCertificate): User | undefined {
  if (subject.CN === undefined || subject.CN === '') return undefined;
  // With several organizations Node gives an array, which its types do not say.
  const groups = [subject.O ?? []].flat() as string[];
  const id = `X509SHA256=${(fingerprint256 ?? '').replaceAll(':', '').toLowerCase()}`;
  return { name: String(subject.CN), groups, extra: { [CREDENTIAL_ID]: [id] } };
}

function answerOf(peer: Peer, nowMs: number): Authentication {
  switch (peer.kind) {
    case 'none':
      return NONE;
    case 'unknown':
      return { kind: 'rejected', why: peer.why };
    case 'known':
      return nowMs > peer.validToMs
        ? { kind: 'rejected', why: 'x509: certificate has expired' }
        : { kind: 'user', user: peer.user };
    default:
      return peer satisfies never;
  }
}

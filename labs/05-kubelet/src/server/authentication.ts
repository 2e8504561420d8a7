// Authentication: who may ask the kubelet: whoever has a certificate of the cluster's authority.
//
// Same idea upstream: kubernetes, pkg/kubelet/server/auth.go.
// Left out here: tokens, authorization beyond the certificate.

import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { HttpError } from './http-error.ts';

/** Throws the refusal. */
export function authenticate(
  tls: { readonly clientCa: string | undefined },
  request: IncomingMessage,
): void {
  const socket = request.socket as TLSSocket;
  if (tls.clientCa === undefined || !socket.authorized) throw new HttpError(401, 'Unauthorized');
}

// spdy-handshake: from an HTTP request with `Upgrade: SPDY/3.1` to a connection that speaks it, and what is spoken inside.
//
// The client says which versions of the inner protocol it knows, in X-Stream-Protocol-Version (several headers, or one with commas); the
// server takes the first of its own that the client knows, and says so in the 101.
//
// Same words upstream: apimachinery, util/httpstream/httpstream.go (Handshake) and spdy/upgrade.go.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, badRequest } from '../api-error.ts';

const PROTOCOL_HEADER = 'X-Stream-Protocol-Version';
export const SPDY_3_1 = 'SPDY/3.1';

export function asksForSpdy({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').toLowerCase().includes('spdy/3.1');
}

export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return /^websocket$/i.test(headers.upgrade ?? '');
}

/** The subprotocols of a WebSocket that a client offers. */
export function offeredProtocols({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/).filter((one) => one !== '');
}

/** The protocol to speak; throws what a client hears that knows none of ours. */
export function negotiateProtocol<T extends string>(
  request: IncomingMessage,
  ours: readonly T[],
): T {
  const header = request.headers[PROTOCOL_HEADER.toLowerCase()];
  const theirs = [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim());
  if (theirs.length === 0) throw badRequest(`unable to upgrade: ${PROTOCOL_HEADER} is required`);
  const chosen = ours.find((protocol) => theirs.includes(protocol));
  if (chosen !== undefined) return chosen;
  const message = `unable to upgrade: unable to negotiate protocol: client supports [${theirs.join(' ')}], server accepts [${ours.join(' ')}]`;
  throw new ApiError('Forbidden', message);
}

/** Answers 101; from here on the socket speaks SPDY. */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  const lines = ['Connection: Upgrade', `Upgrade: ${SPDY_3_1}`, `${PROTOCOL_HEADER}: ${protocol}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
}

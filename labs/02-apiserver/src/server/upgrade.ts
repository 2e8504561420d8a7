// upgrade: connections that are to speak another protocol: which may, what one that may not hears, and what the others get.
//
// Node hands every request with an Upgrade header to one listener, also those that mean nothing by it (a probe for HTTP/2, a proxy that
// always asks). As HTTP says, a server may overlook the header. Such a request is read once more, without it, and answered like any other.
//
// Same rule upstream: apimachinery, util/httpstream (IsUpgradeRequest) and apiserver's handlers, which look at the header only
// where they serve an upgrade.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiError } from '../api-error.ts';

/** Writes an error to a socket that was to be upgraded, where there is no response object. */
export function refuseUpgrade(socket: Duplex, error: ApiError): void {
  if (socket.destroyed || socket.writableEnded) return;
  const body = JSON.stringify(error.toStatus());
  const head = [
    `HTTP/1.1 ${error.code} ${error.reason}`,
    'Content-Type: application/json',
    'Cache-Control: no-cache, private',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The request's bytes as they would be without the wish to upgrade; what follows them on the connection is not touched. */
export function withoutUpgrade(request: IncomingMessage): Buffer {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    const kept = keptValue(name.toLowerCase(), value);
    if (kept !== undefined) lines.push(`${name}: ${kept}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function keptValue(name: string, value: string): string | undefined {
  if (name === 'upgrade' || name === 'http2-settings') return undefined;
  if (name !== 'connection') return value;
  const options = value.split(',').map((option) => option.trim());
  const kept = options.filter((option) => !/^(upgrade|http2-settings)$/i.test(option));
  return kept.length === 0 ? undefined : kept.join(', ');
}

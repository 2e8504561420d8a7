// malformed: what a client hears whose bytes are no HTTP: a line of plain text, before any filter or handler could say something.
//
//   garbage → 400 · more head than fits → 431 · a coding nobody knows → 501 · another HTTP → 505 · no TLS → 400, in the clear
//
// Behind bytes that cannot be read nothing can be found again, so the connection ends with the answer: who tries to hide a request in
// another's body gets neither. A client that is still sending has a moment to hear it. Where an answer has begun it is cut off.
//
// Invariant: what is written is never part of another answer.
// Same answers upstream: Go, net/http/server.go (conn.serve, readRequest).

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How long who is still sending may take to hear what is wrong. Go's. */
const LINGER_MS = 500;
const BAD_REQUEST = '400 Bad Request';
const PLAIN_HTTP =
  'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';

/** As Node's parser throws it. */
export interface ParseError extends Error {
  readonly code?: string;
  readonly reason?: string;
}

/** The request that was read last on a connection, and its answer. */
export interface LastExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Status line and body of the answer; undefined when the connection itself is what failed. */
export function refusalOf({ code = '', reason = '' }: ParseError): string[] | undefined {
  if (!code.startsWith('HPE_')) return undefined;
  if (code === 'HPE_HEADER_OVERFLOW') {
    const status = '431 Request Header Fields Too Large';
    return [status, status];
  }
  if (code === 'HPE_INVALID_TRANSFER_ENCODING' && !reason.includes('Content-Length')) {
    return ['501 Not Implemented', 'Unsupported transfer encoding'];
  }
  if (code === 'HPE_INVALID_VERSION' && reason === 'Invalid HTTP version') {
    const status = '505 HTTP Version Not Supported: unsupported protocol version';
    return [status, status];
  }
  return [BAD_REQUEST, BAD_REQUEST];
}

/** Answers and ends the connection. `last`: what came before on it, or the request whose body cannot be read. */
export function refuseMalformed(error: ParseError, socket: Duplex, last?: LastExchange): void {
  // The parser complains again of each further piece.
  if (socket.writableEnded || refused.has(socket)) return;
  const refusal = refusalOf(error);
  if (refusal === undefined || !socket.writable) return void socket.destroy();
  refused.add(socket);
  const { request, response } = last ?? {};
  const isBusy = response !== undefined && !response.writableFinished && !response.destroyed;
  // An earlier request has its answer first; a body that cannot be read is the present one's fault.
  if (isBusy && request?.complete === true) response.once('close', () => refuse(socket, refusal));
  else if (request?.complete === false && response?.headersSent === true) socket.destroy();
  else refuse(socket, refusal);
}

const refused = new WeakSet<Duplex>();

function refuse(socket: Duplex, [status = '', body = '']: readonly string[]): void {
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** A request must say once whom it is for: a proxy on the way may have looked at another Host than we do. */
export function hostProblem({ rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) return 'too many Host headers';
  return hosts === 0 && httpVersion === '1.1' ? 'missing required Host header' : undefined;
}

export function refuseHost(response: ServerResponse, problem: string): void {
  const text = `${BAD_REQUEST}: ${problem}`;
  response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(text);
}

/** True: `error` says that the client spoke HTTP where TLS begins. */
export function isPlainHttp({ code }: ParseError): boolean {
  return code === 'ERR_SSL_HTTP_REQUEST';
}

/** To the bare connection, on which TLS never began. */
export function refusePlainHttp(connection: Socket): void {
  if (!connection.writable) return void connection.destroy();
  connection.on('error', () => connection.destroy());
  connection.end(PLAIN_HTTP);
  connection.setTimeout(LINGER_MS, () => connection.destroy());
}

// Listener: a port for clients, where gRPC (HTTP/2) and HTTP/1.1 come in at the same door.
//
//   http://   the first bytes tell: HTTP/2 begins with a fixed preface (prior knowledge; nobody upgrades from HTTP/1.1)
//   https://  the client and the server agree on one in the TLS handshake (ALPN)
// Rules of use: what comes in goes to the two functions; close() stops listening, and connections are whoever's they were given to.
// Upstream: etcd, embed/serve.go, where cmux does the same.
// Left out: unix sockets.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { mendAuthority } from './authority.ts';

export interface Listener {
  /** With the port that it got, if 0 was asked for. */
  readonly url: string;
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly tls?: TlsOptions;
  /** Undefined = HTTP/2 is not spoken here. */
  readonly http2?: (socket: Socket) => void;
  readonly http1: (socket: Socket) => void;
}

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** A connection that says nothing is closed after so long. */
const SILENCE_MS_MAX = 30_000;

export async function listen(url: URL, options: ListenerOptions): Promise<Listener> {
  const greeting = new Set<Socket>();
  const isSecure = url.protocol === 'https:';
  const server = isSecure ? tlsServer(options, greeting) : plainServer(options, greeting);
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  // An IPv6 address stands in brackets in a URL.
  server.listen(port, url.hostname.replace(/^\[(.*)\]$/, '$1'));
  try {
    await once(server, 'listening');
  } catch (error) {
    // Not as its cause: the reason is all there is to say.
    throw new Error(`cannot listen on ${url.origin}: ${reasonOf(error)}`);
  }
  const { port: actual } = server.address() as AddressInfo;
  const close = () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of greeting) socket.destroy();
    return closed;
  };
  return { url: `${url.protocol}//${url.hostname}:${actual}`, close };
}

function plainServer({ http1, http2 }: ListenerOptions, greeting: Set<Socket>): Server {
  return createServer({ noDelay: true }, (socket) => {
    if (http2 === undefined) http1(socket);
    else greet(socket, greeting, (isHttp2) => (isHttp2 ? http2(socket) : http1(socket)));
  });
}

function tlsServer({ tls, http1, http2 }: ListenerOptions, greeting: Set<Socket>): Server {
  const ALPNProtocols = http2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'];
  const server = createTlsServer({ ...tls, ALPNProtocols });
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== 'h2' || http2 === undefined) http1(socket);
    else greet(socket, greeting, (isHttp2) => (isHttp2 ? http2(socket) : socket.destroy()));
  });
  // A handshake that fails is its client's loss alone.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** Looks at the first bytes, leaves them where they were, and hands the connection over. */
function greet(socket: Socket, greeting: Set<Socket>, decide: (isHttp2: boolean) => void): void {
  const giveUp = () => socket.destroy();
  const leave = () => greeting.delete(socket);
  greeting.add(socket);
  socket.on('error', giveUp).on('close', leave);
  socket.setTimeout(SILENCE_MS_MAX, giveUp);
  const handOver = (isHttp2: boolean) => {
    leave();
    socket.off('error', giveUp).off('close', leave);
    decide(isHttp2);
  };
  let head: Buffer = Buffer.alloc(0);
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    head = Buffer.concat([head, chunk]);
    const known = Math.min(head.length, HTTP2_PREFACE.length);
    const isAlike = head.subarray(0, known).equals(HTTP2_PREFACE.subarray(0, known));
    if (isAlike && known < HTTP2_PREFACE.length) return;
    socket.off('readable', look).off('timeout', giveUp).setTimeout(0);
    socket.unshift(head);
    if (isAlike) mendAuthority(socket, () => handOver(true));
    else handOver(false);
  };
  socket.on('readable', look);
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return 'another process listens there already';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    case 'EACCES':
      return 'this user may not use that port';
    default:
      return message;
  }
}

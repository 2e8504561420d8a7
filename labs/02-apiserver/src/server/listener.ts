// Listener: the port: TLS, HTTP/1.1 and HTTP/2 on it, and how all of it ends.
//
// The client chooses the protocol while TLS is agreed on (ALPN): Go's clients take HTTP/2, everything that upgrades (exec, attach) takes
// HTTP/1.1. What is behind sees requests and responses of one shape. Upgraded sockets no longer belong to Node's server, so they are
// kept here: nothing else would end them.
//
// drain(): no new connections; what is idle is closed, what is busy may finish; what is left after the grace is cut off.
//
// Invariants: no bytes from outside end the process; after drain() there is no socket left.
// Same idea upstream: apiserver, server/secure_serving.go.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import {
  hostProblem,
  isPlainHttp,
  type LastExchange,
  type ParseError,
  refuseHost,
  refuseMalformed,
  refusePlainHttp,
} from './malformed.ts';
import { withoutUpgrade } from './upgrade.ts';

export interface ListenerOptions {
  readonly tls: { readonly cert: string; readonly key: string };
  /** PEM of the authority whose certificates prove users; clients are asked for one only when it is there. */
  readonly clientCa?: string | undefined;
  readonly disableHttp2?: boolean | undefined;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** True: the request is for a handler that takes the connection over. */
  wantsUpgrade(request: IncomingMessage): boolean;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

const HEADERS_TIMEOUT_MS = 20_000;
/** Of a request line and headers together; upstream's. */
const HEAD_BYTES_MAX = 1024 * 1024;
/** Over HTTP/2. A proxy names each group of the user for whom it speaks; Node's own 128 are soon too few. */
const HEADERS_MAX = 10_000;
/** Of TCP; upstream's. */
const KEEP_ALIVE_MS = 3 * 60_000;
const IDLE_TIMEOUT_MS = 120_000;
const IDLE_CHECK_MS = 10;
const STREAMS_MAX = 250;
/** Node refuses new streams while more is under way on a connection; its default of 10 is less than one long list. */
const SESSION_MEGABYTES_MAX = 512;
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #http2 = createHttp2Server({
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    maxHeaderListPairs: HEADERS_MAX,
    settings: {
      maxConcurrentStreams: STREAMS_MAX,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: HEAD_BYTES_MAX,
    },
  });
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #upgraded = new Set<Duplex>();
  /** What was read last on each connection of HTTP/1.1. */
  readonly #last = new WeakMap<Duplex, LastExchange>();
  /** Connections below TLS, by the client's address. */
  readonly #bare = new Map<string, Socket>();
  #port = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { tls, clientCa: ca, disableHttp2 = false } = options;
    const client = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
    const protocols = { ALPNProtocols: disableHttp2 ? ['http/1.1'] : ['h2', 'http/1.1'] };
    const times = { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS };
    const limits = { ...times, maxHeaderSize: HEAD_BYTES_MAX, requireHostHeader: false };
    // A client whose machine is gone says nothing more; without this its exec would stay for ever.
    const alive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const { cert, key } = tls;
    this.#server = createServer({ cert, key, ...client, ...protocols, ...limits, ...alive });
    this.#server.keepAliveTimeout = IDLE_TIMEOUT_MS;
    this.#splitByProtocol();
    // Node forgets what is beyond its number of headers, be it who a proxy acts for; here their size is the limit.
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', (request, response) => this.#serveHttp1(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (error, socket) =>
      refuseMalformed(error, socket, this.#last.get(socket)),
    );
    this.#refuseBareHttp();
    this.#serveHttp2();
  }

  /** 0 until it listens; afterwards the same, also when it no longer does. */
  get port(): number {
    return this.#port;
  }

  /** Resolves when the port is open; rejects with a sentence that says what to do. */
  listen(bindAddress: string, securePort: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
        const way = 'choose another port with --secure-port';
        const message = `Cannot listen on ${bindAddress}:${securePort}: ${why}; ${way}`;
        reject(new Error(message, { cause: error }));
      });
      this.#server.listen(securePort, bindAddress, () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Resolves when every connection has ended, at the latest after `graceMs` and a moment. */
  async drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    // A connection is idle only once its last answer, the end of a watch say, has gone out.
    const idle = setInterval(() => this.#server.closeIdleConnections(), IDLE_CHECK_MS);
    const cut = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#upgraded) socket.destroy();
    }, graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
  }

  /** Upgraded connections that are open. */
  get upgradedCount(): number {
    return this.#upgraded.size;
  }

  /** Node's own listener for new connections speaks HTTP/1.1; those that agreed on h2 take the other way. */
  #splitByProtocol(): void {
    const [speakHttp1] = this.#server.listeners('secureConnection');
    this.#server.removeAllListeners('secureConnection');
    // A connection comes here again with each request whose wish to upgrade is ignored.
    const known = new WeakSet<TLSSocket>();
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      if (!known.has(socket)) socket.on('error', () => socket.destroy());
      known.add(socket);
      if (socket.alpnProtocol === 'h2') this.#http2.emit('connection', socket);
      else speakHttp1?.call(this.#server, socket);
    });
  }

  #refuseBareHttp(): void {
    this.#server.on('connection', (socket: Socket) => {
      const address = addressOf(socket);
      this.#bare.set(address, socket);
      socket.once('close', () => this.#bare.delete(address));
    });
    this.#server.on('tlsClientError', (error: ParseError, socket) => {
      const bare = this.#bare.get(addressOf(socket));
      socket.destroy();
      if (isPlainHttp(error) && bare !== undefined) refusePlainHttp(bare);
    });
  }

  #serveHttp2(): void {
    this.#http2.on('request', (request, response) => {
      // Node's compatibility layer has what we use of both; its types say otherwise.
      const [like, answer] = [request, response] as unknown as [IncomingMessage, ServerResponse];
      request.stream.on('error', () => undefined);
      this.#serve(like, answer);
    });
    this.#http2.on('session', (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      session.setTimeout(IDLE_TIMEOUT_MS, () => session.close());
      session.once('close', () => this.#sessions.delete(session));
      session.on('error', () => session.destroy());
    });
    this.#http2.on('sessionError', () => undefined);
  }

  #serveHttp1(request: IncomingMessage, response: ServerResponse): void {
    this.#last.set(request.socket, { request, response });
    const problem = hostProblem(request);
    if (problem === undefined) this.#serve(request, response);
    else refuseHost(response, problem);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => response.destroy());
    this.#options.onRequest(request, response);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (hostProblem(request) !== undefined || !this.#options.wantsUpgrade(request)) {
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      this.#server.emit('secureConnection', socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    this.#options.onUpgrade(request, socket, head);
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

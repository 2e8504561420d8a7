// KubeletServer: the kubelet's own API on port 10250, for the API server: requests, and streams over WebSockets.
//
// Rule: HTTPS, and nobody gets an answer before it is known who asks and that they may, /healthz included (people look
// at 127.0.0.1:10248 for that). There is no port for those who show nothing. Names are those of the API; the runtime's ids
// never leave the node.
//
// Same idea upstream: kubernetes, pkg/kubelet/server/server.go.
// Left out here: SPDY, which the API server translates, and the read-only port.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '@kube-labs/apiserver';
import { WebSocketServer } from 'ws';
import type { ExecSession } from '../runtime/runtime.ts';
import type { Authenticate } from './authentication.ts';
import type { Authorize } from './authorization.ts';
import { PROTOCOLS, serveStreams } from './exec-stream.ts';
import { HttpError } from './http-error.ts';
import { findRunningContainer } from './pod-lookup.ts';
import { forwardTarget, serveForward } from './port-forward.ts';
import { handle, type RouteOptions, routeNameOf, urlOf } from './routes.ts';

export interface KubeletServerOptions extends RouteOptions {
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tls: {
    readonly cert: string;
    readonly key: string;
    readonly clientCa: string | undefined;
  };
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  /** Called for each request that is let in. */
  counted(method: string, route: string): void;
  readonly log: Logger;
}

export async function startKubeletServer(
  options: KubeletServerOptions,
): Promise<{ port: number } & AsyncDisposable> {
  const { cert, key, clientCa } = options.tls;
  const server = createServer(
    {
      cert,
      key,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
      requestCert: true,
      // Refused below, with an answer that says why.
      rejectUnauthorized: false,
    },
    (request, response) => {
      const answer = async () => {
        const url = await letIn(options, request);
        await handle(options, url, { request, response });
      };
      answer().catch((error: unknown) => fail(response, error));
    },
  );
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: chooseProtocol });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    upgrade(options, webSockets, { request, socket, head }).catch((error: unknown) => {
      refuse(socket, error);
    });
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const client of webSockets.clients) client.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Throws the refusal. What is asked is read once, so that what is answered is what was allowed. */
async function letIn(options: KubeletServerOptions, request: IncomingMessage): Promise<URL> {
  const url = urlOf(request);
  const { method = 'GET' } = request;
  const user = await options.authenticate(request);
  await options.authorize(user, { method, path: url.pathname });
  options.counted(method, routeNameOf(url));
  return url;
}

function listen(server: Server, { address, port }: KubeletServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`Cannot listen on ${address}:${port}: ${error.code ?? error.message}`)),
    );
    server.listen(port, address, resolve);
  });
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

async function upgrade(
  options: KubeletServerOptions,
  webSockets: WebSocketServer,
  { request, socket, head }: Upgrade,
): Promise<void> {
  const url = await letIn(options, request);
  const [, route = '', ...rest] = url.pathname.split('/');
  const offered = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim());
  if (!PROTOCOLS.some((protocol) => offered.includes(protocol))) {
    throw new HttpError(400, `unable to upgrade: subprotocols ${offered.join(', ')} not supported`);
  }
  if (route === 'portForward') {
    const target = await forwardTarget(options, rest, url.searchParams);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      serveForward(webSocket, target).catch((error: unknown) => {
        options.log.warn('Streaming failed', { path: url.pathname, err: error });
      });
    });
    return;
  }
  const session = await startSession(options, { route, path: rest, query: url.searchParams });
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    serveStreams(webSocket, session).catch((error: unknown) => {
      options.log.warn('Streaming failed', { path: url.pathname, err: error });
    });
  });
}

async function startSession(
  options: KubeletServerOptions,
  target: {
    readonly route: string;
    readonly path: readonly string[];
    readonly query: URLSearchParams;
  },
): Promise<ExecSession> {
  const { route, path, query } = target;
  const flag = (name: string) => query.get(name) === '1' || query.get(name) === 'true';
  const streams = {
    stdin: flag('input') || flag('stdin'),
    stdout: flag('output') || flag('stdout'),
    stderr: flag('error') || flag('stderr'),
    tty: flag('tty'),
  };
  if (route !== 'exec' && route !== 'attach') throw new HttpError(404, '404 page not found');
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  const container = await findRunningContainer(options, path);
  if (route === 'exec') {
    return options.runtime.exec(container.id, { command: query.getAll('command'), ...streams });
  }
  return options.runtime.attach(container, streams);
}

function chooseProtocol(offered: Set<string>): string | false {
  return PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false;
}

function fail(response: ServerResponse, error: unknown): void {
  const { status, message } = answerOf(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(message);
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, message } = answerOf(error);
  const length = Buffer.byteLength(message);
  socket.end(
    `HTTP/1.1 ${status} Error\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${message}`,
  );
}

function answerOf(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return error;
  return { status: 500, message: error instanceof Error ? error.message : String(error) };
}

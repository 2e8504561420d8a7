// upgrade-proxy: one request passed on to an HTTP server in the cluster, and its answer passed back, with all that may be in them.
//
// Bodies flow both ways as they come, neither is collected; a side that is slow slows the other. A request that asks for an upgrade becomes
// a bare connection once the other server has granted it; a refusal is passed back as it is. Path and query are passed on as
// they were sent. A GET of the bare `…/proxy` is sent to `…/proxy/`, so that relative links work.
//
// Invariant: either side's end, or this server's, ends both.
// Same idea upstream: apimachinery, util/proxy/upgradeaware.go and transport.go.

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from 'node:zlib';
import { type ApiError, serviceUnavailable } from '../api-error.ts';
import type { StoredContext, Upgrade } from './handler.ts';
import { answerHeaders, requestHeaders, upgradeHeaders } from './proxy-headers.ts';
import { type LinkBase, LinkRewriter, rewriteUrl } from './proxy-links.ts';
import type { Dial, ProxyTarget } from './proxy-target.ts';
import { relayUpgrade } from './upgrade-relay.ts';

const CONNECT_TIMEOUT_MS = 30_000;

export interface ProxyRoute {
  readonly target: ProxyTarget;
  readonly dial: Dial;
}

/** Answers with what the target answers. */
export async function proxyRequest(context: StoredContext, route: ProxyRoute): Promise<void> {
  const { request, response, info, exchange, signal } = context;
  const search = searchOf(request);
  if (info.rawRest === '' && (request.method === 'GET' || request.method === 'HEAD')) {
    response.writeHead(301, { location: `${exchange.path}/${search}` });
    response.end();
    return;
  }
  const path = info.rawRest === '' ? '/' : info.rawRest;
  const socket = await connectTo(route);
  const stop = () => void socket.destroy();
  response.once('close', stop);
  signal.addEventListener('abort', stop, { once: true });
  if (response.destroyed || signal.aborted) stop();
  try {
    // Not imported: see startHealthServer() in lab 01.
    const outgoing = process.getBuiltinModule('node:http').request({
      createConnection: () => socket,
      method: request.method,
      path: path + search,
      headers: requestHeaders(request, exchange.path),
      setHost: false,
    });
    const answer = await answerOf(outgoing, request, route.target);
    await passBack(context, answer, route.target);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** The client and the target speak with each other from here on. */
export async function proxyUpgrade(
  context: StoredContext,
  upgrade: Upgrade,
  route: ProxyRoute,
): Promise<void> {
  const { request, info, signal, exchange } = context;
  const path = info.rawRest === '' ? '/' : info.rawRest;
  const other = await connectTo(route);
  await relayUpgrade(other, upgrade, {
    method: request.method ?? 'GET',
    path: path + searchOf(request),
    headers: upgradeHeaders(request),
    signal,
    onStarted: () => exchange.started(),
    failed: (error) => notReached(route.target, error),
  });
}

function searchOf({ url = '' }: IncomingMessage): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at);
}

/** A connection on which HTTP can be spoken. */
function connectTo({ target, dial }: ProxyRoute): Promise<Socket> {
  const plain = dial(target);
  const socket = target.scheme === 'https' ? secured(plain, target) : plain;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      plain.destroy();
      reject(notReached(target, error));
    };
    plain.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error('i/o timeout')));
    plain.once('error', fail);
    socket.once('error', fail);
    socket.once(target.scheme === 'https' ? 'secureConnect' : 'connect', () => {
      plain.setTimeout(0);
      // From here on the users of the socket hear of errors by its end.
      socket.on('error', () => socket.destroy());
      plain.on('error', () => plain.destroy());
      resolve(socket);
    });
  });
}

function secured(socket: Socket, { host, credentials }: ProxyTarget): TLSSocket {
  // Certificates of pods name no addresses: upstream does not check them either.
  return credentials === undefined
    ? connectTls({ socket, rejectUnauthorized: false })
    : connectTls({ socket, host, ...credentials });
}

function answerOf(
  outgoing: ClientRequest,
  request: IncomingMessage,
  target: ProxyTarget,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => reject(notReached(target, error)));
    // A server may answer before it has read everything; then the rest of the body has nowhere to go.
    pipeline(request, outgoing, { end: true }).catch(() => undefined);
  });
}

async function passBack(
  { request, response, exchange, info }: StoredContext,
  answer: IncomingMessage,
  { host, port }: ProxyTarget,
): Promise<void> {
  const { rawRest } = info;
  const prefix = rawRest === '' ? exchange.path : exchange.path.slice(0, -rawRest.length);
  const named = request.headers.host ?? String(request.headers[':authority'] ?? '');
  const base: LinkBase = { prefix, ownHosts: [`${host}:${port}`, host, named] };
  const headers = answerHeaders(answer);
  const { location } = answer.headers;
  if (location !== undefined) headers.location = rewriteUrl(location, base);
  const rewriters = location === undefined ? pageRewriters(answer, base) : [];
  if (rewriters.length > 0) delete headers['content-length'];
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
  const steps: [Readable, ...NodeJS.ReadWriteStream[]] = [answer, ...rewriters];
  // A client that leaves, or a server that breaks off: the other one sees the same.
  await pipeline([...steps, response]).catch(() => void response.destroy());
}

/** What a page goes through; nothing for all else, and for encodings that are not understood. */
function pageRewriters(answer: IncomingMessage, base: LinkBase): NodeJS.ReadWriteStream[] {
  const type = (answer.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'text/html') return [];
  const links = new LinkRewriter(base);
  switch (answer.headers['content-encoding'] ?? '') {
    case '':
      return [links];
    case 'gzip':
      return [createGunzip(), links, createGzip()];
    case 'deflate':
      return [createInflateRaw(), links, createDeflateRaw()];
    default:
      return [];
  }
}

function notReached({ host, port }: ProxyTarget, error: Error): ApiError {
  const refused = 'code' in error && error.code === 'ECONNREFUSED';
  const why = refused ? `dial tcp ${host}:${port}: connect: connection refused` : error.message;
  return serviceUnavailable(`error trying to reach service: ${why}`, error);
}

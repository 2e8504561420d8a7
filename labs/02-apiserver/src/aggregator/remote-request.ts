// remote-request: one request to the server behind an APIService, as this server.
//
// The other server trusts this one by its client certificate (--proxy-client-cert-file) and learns from headers who asks; so headers
// that claim an identity are never passed on from a client, and neither is what proves who the client is.
//
// Same idea upstream: client-go, transport/round_trippers.go (SetAuthProxyHeaders) and kube-aggregator, pkg/apiserver/handler_proxy.go.
// Left out: upgraded connections to aggregated servers.

import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import type { User } from '../auth/user.ts';
import type { APIServiceSpec } from '../strategy/api-service-types.ts';
import type { Address } from './service-resolver.ts';

/** What this server shows to aggregated ones. */
export interface ProxyCredentials {
  readonly cert: string;
  readonly key: string;
}

export interface RemoteRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly user: User;
  readonly body?: Readable;
  readonly signal: AbortSignal;
}

/** Headers that belong to one connection, claim an identity or prove one. */
const DROPPED =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|authorization|cookie|impersonate-.*|x-remote-.*|sec-websocket-.*|:.*)$/;

/** Connections to one APIService's servers are kept and used again. */
export function remoteAgent(
  spec: APIServiceSpec,
  credentials: ProxyCredentials | undefined,
): Agent {
  const { service, caBundle = '', insecureSkipTLSVerify = false } = spec;
  return new Agent({
    keepAlive: true,
    // Whatever address it has, it must prove to be the service.
    servername: `${service?.name}.${service?.namespace}.svc`,
    rejectUnauthorized: !insecureSkipTLSVerify,
    ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') }),
    ...credentials,
  });
}

/** Resolves with the answer's head; its body is still to come. Rejects when there is none. */
export function sendRemote(
  agent: Agent,
  { host, port }: Address,
  request: RemoteRequest,
): Promise<IncomingMessage> {
  const { method, path, headers, user, body, signal } = request;
  return new Promise((resolve, reject) => {
    const options = { agent, host, port, method, path, signal };
    const outgoing = httpsRequest({ ...options, headers: remoteHeaders(headers, user) }, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The other side closed a kept connection just when it was used again. As Go does it, only a read is asked once more.
      const isStale = outgoing.reusedSocket && error.code === 'ECONNRESET';
      const isRead = body === undefined && (method === 'GET' || method === 'HEAD');
      if (!isStale || !isRead || signal.aborted) reject(error);
      else sendRemote(agent, { host, port }, request).then(resolve, reject);
    });
    if (body === undefined) outgoing.end();
    else body.pipe(outgoing);
  });
}

export function remoteHeaders(headers: IncomingHttpHeaders, user: User): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !DROPPED.test(name));
  const { name, uid = '', groups, extra = {} } = user;
  return {
    ...Object.fromEntries(kept),
    'x-remote-user': asBytes(name),
    ...(uid === '' ? {} : { 'x-remote-uid': asBytes(uid) }),
    'x-remote-group': groups.map(asBytes),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [
        `x-remote-extra-${escapeKey(key)}`,
        values.map(asBytes),
      ]),
    ),
  };
}

/** Headers carry bytes; names of users are text. */
function asBytes(text: string): string {
  return Buffer.from(text.replace(/[\r\n]/g, ''), 'utf8').toString('latin1');
}

/** What no header's name may hold is written with a percent sign, as upstream. */
function escapeKey(key: string): string {
  return key
    .toLowerCase()
    .replace(/[^a-z0-9!#$&'*+.^_`|~-]/g, (char) =>
      [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    );
}

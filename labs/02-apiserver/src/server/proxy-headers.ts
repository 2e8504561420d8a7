// proxy-headers: which headers go on to the server behind a proxy, and which come back.
//
// What concerns one connection only stays on it. Who the client is to this server is none of the other's business: its token, whom it
// acts for, and what a proxy in front of this server said of it are taken out.
//
// Same rules upstream: Go's httputil.ReverseProxy, apimachinery, util/proxy/upgradeaware.go (corsRemovingTransport, X-Forwarded-For), and
// the authentication and impersonation filters, which delete what they have read.

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { BEARER_PROTOCOL_PREFIX } from '../auth/bearer-token.ts';

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const PRIVATE = /^(authorization$|impersonate-|x-remote-(user|group|uid|extra-))/;
/** Answered by this server itself. */
const OURS: ReadonlySet<string> = new Set(['expect', 'host', 'x-forwarded-for', 'x-forwarded-uri']);

const NOT_UPGRADED: ReadonlySet<string> = new Set(['content-length', 'expect', 'x-forwarded-for']);

/** The headers of a request as they go on. The body's length stays; a body without one is sent in chunks. */
export function requestHeaders(
  request: IncomingMessage,
  forwardedUri: string,
): OutgoingHttpHeaders {
  const { headers } = request;
  const named = connectionOptions(headers.connection);
  const passed = Object.entries(headers).filter(
    ([name]) => isEndToEnd(name, named) && !PRIVATE.test(name) && !OURS.has(name),
  );
  const host = headers.host ?? String(headers[':authority'] ?? '');
  return {
    ...Object.fromEntries(passed),
    host,
    ...(hasUncountedBody(request) ? { 'transfer-encoding': 'chunked' } : {}),
    'x-forwarded-for': forwardedFor(request),
    'x-forwarded-uri': forwardedUri,
  };
}

/** Names and values in turn, as they were sent, of a request whose wish for an upgrade is passed on as well. A body it has not. */
export function upgradeHeaders(request: IncomingMessage): string[] {
  const passed: string[] = [];
  const named = connectionOptions(request.headers.connection);
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    const key = name.toLowerCase();
    if (!isEndToEnd(key, named) || PRIVATE.test(key) || NOT_UPGRADED.has(key)) continue;
    const kept = key === 'sec-websocket-protocol' ? withoutToken(value) : value;
    if (kept !== '') passed.push(name, kept);
  }
  const { upgrade = '' } = request.headers;
  return [
    ...passed,
    'X-Forwarded-For',
    forwardedFor(request),
    'Connection',
    'Upgrade',
    'Upgrade',
    upgrade,
  ];
}

/** The headers of an answer as they come back. */
export function answerHeaders({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const named = connectionOptions(headers.connection);
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => isEndToEnd(name, named) && !name.startsWith('access-control-allow-'),
    ),
  );
}

function isEndToEnd(name: string, named: ReadonlySet<string>): boolean {
  return !name.startsWith(':') && !HOP_BY_HOP.has(name) && !named.has(name);
}

/** Headers that `Connection` names are for this connection alone. */
function connectionOptions(value = ''): ReadonlySet<string> {
  return new Set(value.toLowerCase().split(/\s*,\s*/));
}

function forwardedFor({ headers, socket }: IncomingMessage): string {
  const before = [headers['x-forwarded-for'] ?? []].flat();
  return [...before, socket.remoteAddress ?? ''].filter((one) => one !== '').join(', ');
}

/** Without a length and without chunks the other side would take a body for the next request. */
function hasUncountedBody(request: IncomingMessage): boolean {
  const { stream } = request as { stream?: { readonly endAfterHeaders: boolean } };
  if (request.headers['content-length'] !== undefined) return false;
  return stream === undefined
    ? request.headers['transfer-encoding'] !== undefined
    : !stream.endAfterHeaders;
}

function withoutToken(protocols: string): string {
  const kept = protocols.split(/\s*,\s*/).filter((one) => !one.startsWith(BEARER_PROTOCOL_PREFIX));
  return kept.join(', ');
}

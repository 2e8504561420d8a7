// path-handlers: everything that is no object: discovery, OpenAPI, version and metrics. Health is in health.ts.
//
// Documents come with an ETag, so that a client which has them already is told so in a line. An OpenAPI document that is asked for
// by its hash never changes, and may be kept for ever; asked for by an old hash, the client is sent to the new one.
//
// Same paths upstream: apiserver, server/routes, and kube-openapi, pkg/handler3.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../api-error.ts';
import type { ApiDocument, ApiDocuments } from './api-documents.ts';
import { send } from './responses.ts';

export interface PathDeps {
  readonly documents: ApiDocuments;
  readonly metrics: () => Promise<string>;
}

const YEAR_MS = 365 * 24 * 60 * 60_000;

export async function handlePath(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { documents, metrics }: PathDeps,
): Promise<void> {
  const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (clean === '/metrics') {
    const contentType = 'text/plain; version=0.0.4; charset=utf-8';
    return send(request, response, { body: Buffer.from(await metrics()), contentType });
  }
  const document = documents.find(clean, request.headers.accept);
  if (document === undefined) throw unknownPath();
  const asked = clean.startsWith('/openapi/v3/') ? hashIn(request.url) : undefined;
  if (asked !== undefined && asked !== document.hash) {
    const location = `${clean}?hash=${document.hash}`;
    response.writeHead(301, { location, 'content-length': '0' }).end();
    return;
  }
  await sendDocument(request, response, document, asked !== undefined);
}

async function sendDocument(
  request: IncomingMessage,
  response: ServerResponse,
  { body, contentType, hash }: ApiDocument,
  isFixed: boolean,
): Promise<void> {
  const expires = new Date(Date.now() + YEAR_MS).toUTCString();
  const headers = {
    etag: `"${hash}"`,
    vary: 'Accept',
    ...(isFixed ? { 'cache-control': 'public, immutable', expires } : {}),
  };
  if (request.headers['if-none-match'] === headers.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  await send(request, response, { body, contentType, headers });
}

function hashIn(url = ''): string | undefined {
  const at = url.indexOf('?');
  const hash = at < 0 ? null : new URLSearchParams(url.slice(at + 1)).get('hash');
  return hash ?? undefined;
}

export function unknownPath(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {
    details: {},
  });
}

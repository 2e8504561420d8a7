// responses: how an answer leaves the server: as JSON or YAML, compressed when that pays, an error as a Status.
//
// Same idea upstream: apiserver, endpoints/handlers/responsewriters (writers.go, status.go, errors.go).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { StoreError } from '@kube-labs/store';
import { stringify } from 'yaml';
import {
  ApiError,
  internalError,
  requestEntityTooLarge,
  serviceUnavailable,
} from '../api-error.ts';
import type { Encoding } from './negotiation.ts';

/** Smaller answers gain nothing from compression. Upstream's threshold. */
const GZIP_LENGTH_MIN = 128 * 1024;
const REQUEST_LENGTH_MAX = 3 * 1024 * 1024;
const compress = promisify(gzip);

export interface Answer {
  readonly status?: number;
  /** Text that is JSON already, or a value to write. */
  readonly body: Buffer | object;
  readonly encoding?: Encoding;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For `Warning:` headers, which kubectl prints. */
  readonly warnings?: readonly string[];
}

export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
): Promise<void> {
  const { encoding = 'json', contentType = `application/${encoding}` } = answer;
  let body = bytesOf(answer.body, encoding);
  const headers: Record<string, string | string[]> = {
    'content-type': contentType,
    'cache-control': 'no-cache, private',
    ...answer.headers,
  };
  if (answer.warnings !== undefined && answer.warnings.length > 0) {
    headers.warning = answer.warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  }
  const gzipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (gzipped && body.length >= GZIP_LENGTH_MIN) {
    body = await compress(body, { level: 1 });
    headers['content-encoding'] = 'gzip';
    headers.vary = 'Accept-Encoding';
  }
  headers['content-length'] = String(body.length);
  response.writeHead(answer.status ?? 200, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

function bytesOf(body: Buffer | object, encoding: Encoding): Buffer {
  if (encoding === 'yaml') {
    const value: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString('utf8')) : body;
    return Buffer.from(stringify(value));
  }
  return Buffer.isBuffer(body) ? body : Buffer.from(`${JSON.stringify(body)}\n`);
}

/** Whatever went wrong, as the error that the client hears. */
export function toApiError(error: unknown): ApiError {
  if (ApiError.is(error)) return error;
  if (!StoreError.is(error)) return internalError(error);
  switch (error.code) {
    case 'too-large':
      return requestEntityTooLarge(REQUEST_LENGTH_MAX);
    case 'unavailable':
      return serviceUnavailable(`etcdserver: request timed out: ${error.message}`, error);
    case 'no-space':
      return new ApiError(
        'InternalError',
        `etcdserver: mvcc: database space exceeded: ${error.message}`,
        {
          cause: error,
        },
      );
    default:
      return internalError(error);
  }
}

/** The whole body of a request, or RequestEntityTooLarge. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is still read, and dropped: a client that is cut off while it sends never sees the answer.
    if (length <= REQUEST_LENGTH_MAX) chunks.push(chunk);
    else if (length > REQUEST_LENGTH_MAX * 4) break;
  }
  if (length > REQUEST_LENGTH_MAX) throw requestEntityTooLarge(REQUEST_LENGTH_MAX);
  return Buffer.concat(chunks);
}

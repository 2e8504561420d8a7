// responses: how an answer leaves the server: as JSON, YAML or protobuf, compressed when that pays, an error as a Status.
//
// Same idea upstream: apiserver, endpoints/handlers/responsewriters (writers.go, status.go, errors.go).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { StoreError } from '@kube-labs/store';
import { stringify } from 'yaml';
import {
  ApiError,
  badRequest,
  internalError,
  requestEntityTooLarge,
  serviceUnavailable,
} from '../api-error.ts';
import { encodeProtobuf } from '../codec/protobuf-encode.ts';
import { CONTENT_TYPES, type Encoding } from './negotiation.ts';
import { addWarnings } from './warnings.ts';

/** Smaller answers gain nothing from compression. Upstream's threshold. */
const GZIP_LENGTH_MIN = 128 * 1024;
const REQUEST_LENGTH_MAX = 3 * 1024 * 1024;
/** How long a client may go on sending a body that nobody wants. */
const UNREAD_BODY_MS = 10_000;
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
  const { encoding = 'json', contentType = CONTENT_TYPES[encoding] } = answer;
  let body = bytesOf(answer.body, encoding);
  const headers: Record<string, string> = {
    'content-type': contentType,
    'cache-control': 'no-cache, private',
    ...answer.headers,
  };
  addWarnings(response, answer.warnings ?? []);
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
  if (encoding !== 'json') {
    const value: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString('utf8')) : body;
    return encoding === 'yaml' ? Buffer.from(stringify(value)) : encodeProtobuf(value as object);
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

/**
 * The whole body of a request, or RequestEntityTooLarge: at once when its length says so, else when too much has come. It does not cut
 * the connection: a client that still sends would never see the answer (finishBody() sees to the rest).
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > REQUEST_LENGTH_MAX) {
    return Promise.reject(requestEntityTooLarge(REQUEST_LENGTH_MAX));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= REQUEST_LENGTH_MAX) chunks.push(chunk);
      else finish(() => reject(requestEntityTooLarge(REQUEST_LENGTH_MAX)));
    };
    const onEnd = () => finish(() => resolve(Buffer.concat(chunks)));
    const onBroken = () => finish(() => reject(badRequest('unexpected EOF')));
    const finish = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onBroken);
      settle();
    };
    request.on('data', onData).on('end', onEnd).on('close', onBroken);
    request.on('error', onBroken);
    if (request.destroyed) onBroken();
  });
}

/** Reads and drops what is left of a body once the request is answered, for a while; then the connection is cut. */
export function finishBody(request: IncomingMessage): void {
  const { stream } = request as { stream?: Http2Part };
  if (request.complete || stream?.endAfterHeaders === true) return;
  request.resume();
  const cut = () => (stream === undefined ? request.socket.destroy() : stream.close());
  const timer = setTimeout(cut, UNREAD_BODY_MS);
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
}

/** What only a request over HTTP/2 has. */
interface Http2Part {
  readonly endAfterHeaders: boolean;
  close(): void;
}

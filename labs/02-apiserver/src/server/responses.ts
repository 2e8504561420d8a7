// responses: how an answer leaves the server: as JSON, YAML or protobuf, compressed when that pays, an error as a Status.
//
// Long answers go out in blocks, one after another as the client takes them: a client that reads slowly costs no memory but a block.
//
// Same idea upstream: apiserver, endpoints/handlers/responsewriters (writers.go, status.go, errors.go).

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { constants, createGzip } from 'node:zlib';
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
import type { Blocks } from './list-body.ts';
import { CONTENT_TYPES, type Encoding } from './negotiation.ts';
import { addWarnings } from './warnings.ts';

/** Smaller answers gain nothing from compression. Upstream's threshold. */
const GZIP_LENGTH_MIN = 128 * 1024;
const TOO_MANY_KEYS = 'too many operations';
const REQUEST_LENGTH_MAX = 3 * 1024 * 1024;
/** How long a client may go on sending a body that nobody wants. */
const UNREAD_BODY_MS = 10_000;

export interface Answer {
  readonly status?: number;
  /** JSON already, in one piece or in blocks, or a value to write. */
  readonly body: Buffer | Blocks | object;
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
  const body = bodyOf(answer.body, encoding);
  const headers: Record<string, string | number> = {
    'content-type': contentType,
    'cache-control': 'no-cache, private',
    ...answer.headers,
  };
  addWarnings(response, answer.warnings ?? []);
  const zips = body.length >= GZIP_LENGTH_MIN && takesGzip(request);
  if (zips) {
    headers['content-encoding'] = 'gzip';
    headers.vary = 'Accept-Encoding';
  } else headers['content-length'] = body.length;
  response.writeHead(answer.status ?? 200, headers);
  if (request.method === 'HEAD') response.end();
  else if (zips) await sendZipped(response, Buffer.isBuffer(body) ? [body] : body);
  else if (Buffer.isBuffer(body)) leaveTogether(response, body);
  else await sendBlocks(response, body, response);
}

/**
 * The answers of one turn of the event loop leave one after another at its end. Sent each as soon as it is made, each wakes a client that has
 * just fallen asleep, which costs the sender more than all the work before it: with 64 connections this doubles the rate.
 */
function leaveTogether(response: ServerResponse, body: Buffer): void {
  setImmediate(() => response.end(body));
}

function takesGzip({ headers }: IncomingMessage): boolean {
  const offered = String(headers['accept-encoding'] ?? '').split(',');
  return offered.some((one) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$)|$)/i.test(one));
}

/** The length is not known before, so this goes out in chunks. */
async function sendZipped(response: ServerResponse, blocks: Iterable<Buffer>): Promise<void> {
  const zip = createGzip({ level: constants.Z_BEST_SPEED });
  response.once('close', () => zip.destroy());
  zip.on('error', () => response.destroy());
  zip.pipe(response);
  await sendBlocks(zip, blocks, response);
}

/** One block is on its way while the next is filled; ends when the client leaves. */
async function sendBlocks(
  out: Writable,
  blocks: Iterable<Buffer>,
  response: ServerResponse,
): Promise<void> {
  let gone: (() => void) | undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  response.once('close', () => gone?.());
  let taken = Promise.resolve();
  // The iterator is asked for a block only once the last but one was taken: their bytes are used again.
  for (const block of blocks) {
    await Promise.race([taken, left]);
    if (response.destroyed || out.destroyed) return;
    if (block.length > 0) taken = new Promise((resolve) => out.write(block, () => resolve()));
  }
  out.end();
}

function bodyOf(body: Answer['body'], encoding: Encoding): Buffer | Blocks {
  if (encoding !== 'json') {
    const value: unknown = isBytes(body) ? JSON.parse(textOf(body)) : body;
    return encoding === 'yaml' ? Buffer.from(stringify(value)) : encodeProtobuf(value as object);
  }
  return isBytes(body) ? body : Buffer.from(`${JSON.stringify(body)}\n`);
}

function isBytes(body: Answer['body']): body is Buffer | Blocks {
  return Buffer.isBuffer(body) || Symbol.iterator in body;
}

function textOf(body: Buffer | Blocks): string {
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  const decoder = new StringDecoder('utf8');
  let text = '';
  for (const block of body) text += decoder.write(block);
  return text + decoder.end();
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
    case 'invalid':
      // One write touches more keys than the store takes at once: the quotas of a namespace, say.
      if (!error.message.includes(TOO_MANY_KEYS)) return internalError(error);
      return new ApiError('RequestEntityTooLarge', error.message, { cause: error });
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
    request.on('data', (chunk: Buffer) => {
      const before = length;
      length += chunk.length;
      if (length <= REQUEST_LENGTH_MAX) {
        chunks.push(chunk);
      } else if (before <= REQUEST_LENGTH_MAX) {
        chunks.length = 0;
        reject(requestEntityTooLarge(REQUEST_LENGTH_MAX));
      }
    });
    // What comes behind the first of these changes nothing any more.
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => reject(unexpectedEnd()));
    request.on('close', () => {
      if (!request.readableEnded) reject(unexpectedEnd());
    });
    if (request.destroyed) reject(unexpectedEnd());
  });
}

function unexpectedEnd(): ApiError {
  return badRequest('unexpected EOF');
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

// Wire: the learner's server on a port of loopback, and a client that speaks HTTP/2 by hand and knows nothing of the server's code.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import protobuf from 'protobufjs';
import { expect } from 'vitest';
import { type Clock, realClock } from '#src/clock.ts';
import { type CallObserver, ServerCall } from '#src/grpc/call.ts';
import { kvService } from '#src/grpc/kv-service.ts';
import { loadMethods } from '#src/grpc/messages.ts';
import { GrpcServer, type Services } from '#src/grpc/server.ts';
import { watchService } from '#src/grpc/watch-service.ts';
import type { WatchCounts } from '#src/grpc/watch-stream.ts';
import { openMemoryStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';
import { eventually } from '../../support/eventually.ts';

const FRAME_HEADER_BYTES = 5;

const root = new protobuf.Root();
root.loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'));

/** A message as the bytes of a frame, by the proto files alone. */
export function frameOf(type: string, message: object): Buffer {
  const bytes = root.lookupType(`etcdserverpb.${type}`).encode(message).finish();
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

function decoded(type: string, bytes: Buffer): WatchResponse {
  const found = root.lookupType(`etcdserverpb.${type}`);
  return found.toObject(found.decode(bytes), { longs: Number, enums: String, bytes: String });
}

/** Of a watch, as far as a test looks at it. */
export interface WatchResponse {
  readonly watchId?: number;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly fragment?: boolean;
  readonly header?: { readonly revision?: number };
  readonly events?: readonly {
    readonly type?: string;
    readonly kv?: { readonly key: string; readonly value?: string };
    readonly prevKv?: { readonly value?: string };
  }[];
}

export interface Wire extends AsyncDisposable {
  readonly store: Store;
  /** What the watch service counts. */
  readonly counts: WatchCounts;
  /** How many watches of the store were stopped by their signal. */
  readonly stopped: number;
  /** Resolves when so many watches of the store were told that nobody reads them any more. */
  watchesReturned(count: number): Promise<void>;
  /** host:port */
  readonly endpoint: string;
  readonly session: ClientHttp2Session;
  /** What the server's observer heard, one line each. */
  readonly observed: string[];
}

export interface WireOptions {
  /** Beside KV and Watch, or in their place. */
  readonly services?: Services;
  readonly responseBytesMax?: number;
  readonly clock?: Clock;
}

/** KV and Watch over a store in memory. */
export async function openWire({
  services: extra = {},
  responseBytesMax = 1_000_000,
  clock = realClock,
}: WireOptions = {}): Promise<Wire> {
  const store = await openMemoryStore({ clock });
  const watches = watchesOf(store);
  const context = { headerOf: (revision: number) => ({ revision }) };
  const observed: string[] = [];
  const observer = observerOf(observed);
  const { Watch, counts } = watchService(store, { ...context, responseBytesMax });
  const services = {
    'etcdserverpb.KV': kvService(store, context),
    'etcdserverpb.Watch': { Watch },
    ...extra,
  };
  const grpc = new GrpcServer({ services, messageBytesMax: 1_000_000, observer });
  const server = createServer((socket) => grpc.connection(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = connect(`http://${endpoint}`);
  session.on('error', () => undefined); // Each call tells its own.
  return {
    store,
    counts,
    get stopped() {
      return watches.stopped;
    },
    watchesReturned: (count) =>
      eventually(
        () =>
          expect({ 'return() was called': watches.returned }).toEqual({
            'return() was called': count,
          }),
        4000,
      ),
    endpoint,
    session,
    observed,
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await grpc.close({ code: 'UNAVAILABLE', message: 'the test is over' }, 0);
      server.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

function observerOf(observed: string[]): CallObserver {
  return {
    started: ({ name }) => void observed.push(`${name} started`),
    handled: ({ name }, code) => void observed.push(`${name} handled: ${code}`),
    received: ({ name }, bytes) => void observed.push(`${name} received ${bytes} bytes`),
    sent: ({ name }, bytes) => void observed.push(`${name} sent ${bytes} bytes`),
  };
}

/** Counts what becomes of the store's watches. */
function watchesOf(store: Store): { stopped: number; returned: number } {
  const counts = { stopped: 0, returned: 0 };
  const watch = store.watch.bind(store);
  store.watch = (request, signal) => {
    signal.addEventListener('abort', () => void counts.stopped++, { once: true });
    const watched = watch(request, signal);
    return {
      requestProgress: () => watched.requestProgress(),
      [Symbol.asyncIterator]: () => {
        const batches = watched[Symbol.asyncIterator]();
        return {
          next: () => batches.next(),
          return: async () => {
            counts.returned++;
            return (await batches.return?.()) ?? { done: true, value: undefined };
          },
        };
      },
    };
  };
  return counts;
}

export interface LoneCall extends AsyncDisposable {
  readonly call: ServerCall;
  readonly stream: ServerHttp2Stream;
  readonly observed: readonly string[];
}

/** A ServerCall of its own on a stream that a client has just opened, without any server around it. */
export async function serverCallOf(path: string): Promise<LoneCall> {
  const method = loadMethods().find((one) => one.path === `/etcdserverpb.${path}`);
  if (method === undefined) throw new Error(`etcd has no method ${path}`);
  const server = createHttp2Server().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => undefined);
  const request = openCall({ session }, path);
  request.on('error', () => undefined);
  const [stream, headers] = (await once(server, 'stream')) as [
    ServerHttp2Stream,
    IncomingHttpHeaders,
  ];
  stream.on('error', () => undefined);
  const observed: string[] = [];
  return {
    call: new ServerCall(method, { stream, headers }, observerOf(observed)),
    stream,
    observed,
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Answer {
  /** The HTTP status: a gRPC call has 200, however it ends. */
  readonly http: number;
  readonly contentType: string;
  /** In a field after the messages, or in the first ones when there are no messages. */
  readonly status: string;
  readonly message: string;
  /** The bytes between the header fields and the end. */
  readonly body: Buffer;
}

export function openCall({ session }: Pick<Wire, 'session'>, path: string): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': `/etcdserverpb.${path}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
}

/** One call: these chunks go out as they are, and everything that comes back. */
export async function callWith(
  wire: Wire,
  { path, chunks, signal }: { path: string; chunks: readonly Buffer[]; signal: AbortSignal },
): Promise<Answer> {
  const stream = openCall(wire, path);
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
  signal.addEventListener('abort', cancel, { once: true });
  const fields: Record<string, unknown> = {};
  const body: Buffer[] = [];
  stream.on('response', (headers) => void Object.assign(fields, headers));
  stream.on('trailers', (trailers) => void Object.assign(fields, trailers));
  stream.on('data', (chunk: Buffer) => void body.push(chunk));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'close');
  signal.removeEventListener('abort', cancel);
  return {
    http: Number(fields[':status']),
    contentType: String(fields['content-type']),
    status: String(fields['grpc-status']),
    message: decodeURIComponent(String(fields['grpc-message'] ?? '')),
    body: Buffer.concat(body),
  };
}

/** A watch stream, as a client sees it: what it asks, and the responses as they come. */
export class WatchClient {
  readonly #stream: ClientHttp2Stream;
  readonly #responses: WatchResponse[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #ended: string | undefined;

  constructor(wire: Wire, signal: AbortSignal) {
    this.#stream = openCall(wire, 'Watch/Watch');
    this.#stream.on('error', () => undefined);
    this.#stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on('trailers', (trailers) =>
      this.#end(decodeURIComponent(`${trailers['grpc-message']}`)),
    );
    this.#stream.on('close', () => this.#end('it was reset'));
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  ask(request: object): void {
    this.#stream.write(frameOf('WatchRequest', request));
  }

  /** The next response. Throws when the stream ends instead. */
  async next(): Promise<WatchResponse> {
    for (;;) {
      const response = this.#responses.shift();
      if (response !== undefined) return response;
      if (this.#ended !== undefined) {
        throw new Error(`the watch stream ended before the response that is due: ${this.#ended}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** All responses up to the first of this kind, which is the last of them. */
  async until(isLast: (response: WatchResponse) => boolean): Promise<readonly WatchResponse[]> {
    const responses: WatchResponse[] = [];
    for (;;) {
      const response = await this.next();
      responses.push(response);
      if (isLast(response)) return responses;
    }
  }

  /** From now on nothing is read: what the server sends fills the windows of HTTP/2, and then stays there. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#wake();
  }

  #onData(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < FRAME_HEADER_BYTES) return;
      const end = FRAME_HEADER_BYTES + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) return;
      const message = this.#rest.subarray(FRAME_HEADER_BYTES, end);
      this.#responses.push(decoded('WatchResponse', message));
      this.#rest = this.#rest.subarray(end);
      this.#wake();
    }
  }
}

// GrpcServer: etcd's services on HTTP/2 streams.
//
//   stream → which method? → frames → messages → handler → frames → trailers
// Rules of use: connection() takes a socket that speaks HTTP/2, whoever accepted it; close() lets unary calls finish, ends streams
// with the status that is given, and cuts off who has not gone after a while.
// Upstream: google.golang.org/grpc, server.go and internal/transport/http2_server.go; gRPC over HTTP2, the protocol.
// Left out: compression, and binary metadata, which no client of etcd sends.
import { once } from 'node:events';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { type CallObserver, ServerCall } from './call.ts';
import { MessageReader } from './framing.ts';
import { loadMethods, type MethodDescription } from './messages.ts';
import { GrpcError, type GrpcStatus, trailersOf } from './status.ts';

/** A method with one message each way. It runs at once when the message is there. */
export type UnaryHandler = (request: never, call: ServerCall) => Promise<object>;
/** A method with many: it gets them as they come, and sends as it likes. The call ends when it returns or throws. */
export type StreamHandler = (requests: AsyncIterable<never>, call: ServerCall) => Promise<void>;
/** Methods by service (etcdserverpb.KV) and name (Put). */
export type Services = Readonly<Record<string, Readonly<Record<string, Handler>>>>;
export type Handler = UnaryHandler | StreamHandler;

export interface GrpcServerOptions {
  readonly services: Services;
  /** A longer message ends its call. */
  readonly messageBytesMax: number;
  /** At once, of one connection. */
  readonly streamsMax?: number;
  readonly observer?: CallObserver;
}

const NOBODY: CallObserver = { started() {}, handled() {}, received() {}, sent() {} };
const STREAMS_MAX = 2 ** 32 - 1;
const WINDOW_BYTES = 1024 * 1024;
const SESSION_MEMORY_MEGABYTES = 1024;
/** How many requests of one stream wait for its handler before the client is made to wait. */
const REQUESTS_WAITING_MAX = 64;

export class GrpcServer {
  readonly #http2: Http2Server;
  readonly #methods = new Map<
    string,
    { method: MethodDescription; handler: Handler | undefined }
  >();
  readonly #serviceNames = new Set<string>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #streamCalls = new Set<ServerCall>();
  readonly #options: GrpcServerOptions;
  readonly #observer: CallObserver;
  #hasSentEvents = false;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#observer = this.#noticingEvents(options.observer ?? NOBODY);
    for (const method of loadMethods()) {
      this.#serviceNames.add(method.service);
      const handler = options.services[method.service]?.[method.name];
      this.#methods.set(method.path, { method, handler });
    }
    this.#http2 = createServer({
      settings: {
        maxConcurrentStreams: options.streamsMax ?? STREAMS_MAX,
        initialWindowSize: WINDOW_BYTES,
      },
      maxSessionMemory: SESSION_MEMORY_MEGABYTES,
    });
    this.#http2.on('session', (session) => this.#onSession(session));
    this.#http2.on('stream', (stream, headers) => this.#onStream(stream, headers));
    // A connection that speaks nonsense is its client's loss alone.
    this.#http2.on('sessionError', () => undefined);
  }

  get sessions(): ReadonlySet<ServerHttp2Session> {
    return this.#sessions;
  }

  connection(socket: Socket): void {
    this.#http2.emit('connection', socket);
  }

  async close(status: GrpcStatus, graceMs: number): Promise<void> {
    for (const call of this.#streamCalls) call.finish(status);
    const closed = [...this.#sessions].map((session) => once(session, 'close'));
    for (const session of this.#sessions) session.close();
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #onSession(session: ServerHttp2Session): void {
    session.setLocalWindowSize(WINDOW_BYTES * 4);
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Errors of a stream end its call, by 'close'.
    stream.on('error', () => undefined);
    const refusal = refusalOf(headers);
    if (refusal !== undefined) {
      stream.respond(refusal, { endStream: true });
      return;
    }
    const path = String(headers[':path']);
    const found = this.#methods.get(path);
    if (found?.handler === undefined) {
      const status = { code: 'UNIMPLEMENTED', message: this.#unknown(path) } as const;
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', ...trailersOf(status) },
        { endStream: true },
      );
      return;
    }
    const { method, handler } = found;
    const call = new ServerCall(method, { stream, headers }, this.#observer);
    try {
      call.startDeadline();
    } catch (error) {
      call.fail(error);
      return;
    }
    const isStream = method.isRequestStream || method.isResponseStream;
    if (isStream) this.#serveStream(call, stream, handler as StreamHandler);
    else this.#serveUnary(call, stream, handler as UnaryHandler);
  }

  #serveUnary(call: ServerCall, stream: ServerHttp2Stream, handler: UnaryHandler): void {
    let isStarted = false;
    this.#readMessages(call, stream, {
      message: (message) => {
        // What follows the one message is nobody's.
        if (isStarted) return;
        isStarted = true;
        handler(call.method.decode(message) as never, call).then(
          (response) => this.#reply(call, response),
          (error: unknown) => call.fail(error),
        );
      },
      end: () => isStarted || call.fail(new GrpcError('UNKNOWN', 'EOF')),
    });
  }

  /** What a turn of the event loop writes leaves at its end. Events do not wait until the answer of their writer is made, too. */
  #reply(call: ServerCall, response: object): void {
    if (this.#hasSentEvents) setImmediate(() => call.reply(response));
    else call.reply(response);
  }

  #noticingEvents(observer: CallObserver): CallObserver {
    const forget = () => {
      this.#hasSentEvents = false;
    };
    return {
      started: (method) => observer.started(method),
      handled: (method, code) => observer.handled(method, code),
      received: (method, bytes) => observer.received(method, bytes),
      sent: (method, bytes) => {
        if (method.isResponseStream && !this.#hasSentEvents) {
          this.#hasSentEvents = true;
          setImmediate(forget);
        }
        observer.sent(method, bytes);
      },
    };
  }

  #serveStream(call: ServerCall, stream: ServerHttp2Stream, handler: StreamHandler): void {
    const requests = new RequestQueue(stream);
    this.#streamCalls.add(call);
    call.signal.addEventListener('abort', () => {
      this.#streamCalls.delete(call);
      requests.end();
    });
    this.#readMessages(call, stream, {
      message: (message) => requests.push(call.method.decode(message)),
      end: () => requests.end(),
    });
    handler(requests as AsyncIterable<never>, call).then(
      () => call.finish(),
      (error: unknown) => call.fail(error),
    );
  }

  #readMessages(
    call: ServerCall,
    stream: ServerHttp2Stream,
    on: { message(message: Buffer): void; end(): void },
  ): void {
    const observer = this.#observer;
    const encoding = String(call.headers['grpc-encoding'] ?? 'identity');
    const reader = new MessageReader(this.#options.messageBytesMax, encoding);
    stream.on('data', (chunk: Buffer) => {
      // The rest of a call that is over: read, so that its stream can end.
      if (call.isFinished) return;
      try {
        for (const message of reader.push(chunk)) {
          observer.received(call.method, message.length);
          on.message(message);
        }
      } catch (error) {
        call.fail(error);
      }
    });
    stream.on('end', () => {
      if (call.isFinished) return;
      if (reader.isBetweenMessages) on.end();
      else call.fail(unexpectedEnd(call.method));
    });
  }

  #unknown(path: string): string {
    const [, service = '', name] = path.split('/');
    if (name === undefined) return `malformed method name: ${JSON.stringify(path)}`;
    if (!this.#serviceNames.has(service)) return `unknown service ${service}`;
    return `unknown method ${name} for service ${service}`;
  }
}

/** Requests on their way from the network to the handler of a stream. */
class RequestQueue implements AsyncIterable<object> {
  readonly #stream: ServerHttp2Stream;
  readonly #waiting: object[] = [];
  #isEnded = false;
  #wake: () => void = () => undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  push(request: object): void {
    this.#waiting.push(request);
    if (this.#waiting.length >= REQUESTS_WAITING_MAX) this.#stream.pause();
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<object, void, void> {
    for (;;) {
      const request = this.#waiting.shift();
      if (request !== undefined) {
        if (this.#stream.isPaused()) this.#stream.resume();
        yield request;
      } else {
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** The HTTP answer to a request that is not gRPC at all. */
function refusalOf(headers: IncomingHttpHeaders): Record<string, number | string> | undefined {
  if (headers[':method'] !== 'POST') return { ':status': constants.HTTP_STATUS_METHOD_NOT_ALLOWED };
  const type = headers['content-type'] ?? '';
  if (/^application\/grpc(?:[+;]|$)/.test(type)) return undefined;
  return { ':status': constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE };
}

/** Go's server has two codes for it. */
function unexpectedEnd({ isRequestStream }: MethodDescription): GrpcError {
  return new GrpcError(isRequestStream ? 'INTERNAL' : 'UNKNOWN', 'unexpected EOF');
}

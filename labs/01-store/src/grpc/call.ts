// ServerCall: one call of one method, from its header fields to its trailers.
//
//   open ──reply(message)──→ finished          a unary method: one message each way
//   open ──send()…──finish(status)──→ finished  a stream, or a call that fails
//   open ──reset by the client, or the connection is gone──→ finished, and `signal` aborts
// Rules of use: after `finished` every method does nothing: whoever works for a call need not ask whether somebody still listens.
// Invariant: the observer hears of the end of every call exactly once.
// Upstream: gRPC over HTTP2; google.golang.org/grpc, server.go (processUnaryRPC, processStreamingRPC).
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { startTimeout } from './deadline.ts';
import type { MethodDescription } from './messages.ts';
import { type GrpcCode, type GrpcStatus, statusOf, trailersOf } from './status.ts';

/** Whoever counts. Each is called at every call, so it must be cheap. */
export interface CallObserver {
  started(method: MethodDescription): void;
  handled(method: MethodDescription, code: GrpcCode): void;
  received(method: MethodDescription, bytes: number): void;
  sent(method: MethodDescription, bytes: number): void;
}

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const RESPOND_OPTIONS = { waitForTrailers: true, sendDate: false };
const TRAILERS_ONLY_OPTIONS = { endStream: true, sendDate: false };
const OK: GrpcStatus = { code: 'OK', message: '' };
const OK_TRAILERS = trailersOf(OK);

export class ServerCall {
  readonly method: MethodDescription;
  readonly headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;
  readonly #observer: CallObserver;
  #isFinished = false;
  #deadline: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #drained: Promise<void> | undefined;

  constructor(
    method: MethodDescription,
    { stream, headers }: { stream: ServerHttp2Stream; headers: IncomingHttpHeaders },
    observer: CallObserver,
  ) {
    this.method = method;
    this.headers = headers;
    this.#stream = stream;
    this.#observer = observer;
    observer.started(method);
    stream.on('close', () => this.#end('CANCELLED'));
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Aborts when nobody waits for an answer any more. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isFinished) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** The name in the certificate that the client showed, if it was asked for one and the one shown is trusted. */
  get commonName(): string | undefined {
    const socket = this.#stream.session?.socket as TLSSocket | undefined;
    if (socket?.authorized !== true) return undefined;
    const name: unknown = socket.getPeerCertificate().subject?.CN;
    return typeof name === 'string' && name !== '' ? name : undefined;
  }

  /** Obeys the field grpc-timeout; throws when it is not a time. */
  startDeadline(): void {
    const text = this.headers['grpc-timeout'];
    if (text === undefined) return;
    const status = { code: 'DEADLINE_EXCEEDED', message: 'context deadline exceeded' } as const;
    this.#deadline = startTimeout(String(text), () => this.finish(status));
  }

  /** The one answer of a unary method. */
  reply(message: object): void {
    if (this.#isOver()) return;
    const frame = this.method.encode(message);
    this.#observer.sent(this.method, frame.length);
    const stream = this.#stream;
    stream.respond(RESPONSE_HEADERS, RESPOND_OPTIONS);
    stream.once('wantTrailers', () => this.#sendTrailers(OK_TRAILERS));
    stream.end(frame);
    this.#end('OK');
  }

  /** One answer of several. Resolves when there is room for the next: who sends without waiting fills the memory. */
  async send(message: object): Promise<void> {
    if (this.#isOver()) return;
    const stream = this.#stream;
    if (!stream.headersSent) stream.respond(RESPONSE_HEADERS, RESPOND_OPTIONS);
    const frame = this.method.encode(message);
    this.#observer.sent(this.method, frame.length);
    if (stream.write(frame)) return;
    this.#drained ??= new Promise((resolve) => {
      const settle = () => {
        this.#drained = undefined;
        stream.off('drain', settle).off('close', settle);
        resolve();
      };
      stream.on('drain', settle).on('close', settle);
    });
    await this.#drained;
  }

  /** Ends the call. An error is what the client hears when nothing was sent before, and why a stream ended otherwise. */
  finish(status: GrpcStatus = OK): void {
    if (this.#isOver()) return;
    const stream = this.#stream;
    const trailers = trailersOf(status);
    if (stream.headersSent) {
      stream.once('wantTrailers', () => this.#sendTrailers(trailers));
      stream.end();
    } else {
      stream.respond({ ...RESPONSE_HEADERS, ...trailers }, TRAILERS_ONLY_OPTIONS);
      this.#closeWhenSent();
    }
    this.#end(status.code);
  }

  fail(error: unknown): void {
    this.finish(statusOf(error));
  }

  /** The client may have gone a moment before we hear of it by 'close'. */
  #isOver(): boolean {
    if (this.#stream.destroyed || this.#stream.closed) this.#end('CANCELLED');
    return this.#isFinished;
  }

  #sendTrailers(trailers: Record<string, string>): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.sendTrailers(trailers);
    this.#closeWhenSent();
  }

  /** A client that never ends its half of a finished call would keep the stream for ever. */
  #closeWhenSent(): void {
    const stream = this.#stream;
    // Later: what is on its way to the client goes first, and so does what of his half is here already.
    setImmediate(() => {
      if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #end(code: GrpcCode): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#deadline !== undefined) clearTimeout(this.#deadline);
    this.#observer.handled(this.method, code);
    this.#abort?.abort();
  }
}

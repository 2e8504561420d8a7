// A gRPC client that is free to be wrong: raw bytes on an HTTP/2 stream, and everything that comes back.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { decodeFrames, frame, frameOf } from './wire-messages.ts';

export interface RawAnswer {
  readonly http: number | undefined;
  readonly status: string | undefined;
  readonly message: string | undefined;
  /** Everything in the body, frames and all. */
  readonly body: Buffer;
  /** The code with which the stream was reset; 0 = it ended. */
  readonly reset: number;
}

export interface RawCall {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | readonly Buffer[];
  /** False = the client never ends its half; the call is over when the answer is. */
  readonly isEnded?: boolean;
}

const DEADLINE_MS = 30_000;

export async function openSession(endpoint: string): Promise<ClientHttp2Session & Disposable> {
  const session = connect(endpoint);
  session.on('error', () => undefined);
  await once(session, 'connect');
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

export async function rawCall(
  session: ClientHttp2Session,
  path: string,
  { headers, body = frame(Buffer.alloc(0)), isEnded = true }: RawCall = {},
): Promise<RawAnswer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.setTimeout(DEADLINE_MS, () => stream.destroy(new Error(`no answer to ${path}`)));
  const chunks: Buffer[] = [];
  let fields: Record<string, unknown> = {};
  const take = (more: object) => {
    fields = { ...fields, ...more };
  };
  stream.on('response', take).on('trailers', take);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  for (const chunk of [body].flat()) stream.write(chunk);
  if (isEnded) stream.end();
  // A half that is never ended keeps the stream: then the end of the answer is the end.
  await (isEnded
    ? once(stream, 'close')
    : Promise.race([once(stream, 'close'), once(stream, 'end')]));
  const text = (name: string) => (fields[name] === undefined ? undefined : String(fields[name]));
  const message = text('grpc-message');
  return {
    http: fields[':status'] as number | undefined,
    status: text('grpc-status'),
    message: message === undefined ? undefined : decodeURIComponent(message),
    body: Buffer.concat(chunks),
    reset: stream.rstCode ?? 0,
  };
}

/** A stream on which both sides send as they like. */
export class RawStream implements Disposable {
  readonly #stream: ClientHttp2Stream;
  readonly #requestType: string;
  readonly #responseType: string;
  readonly #messages: Record<string, unknown>[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #fields: Record<string, unknown> = {};
  #wake: () => void = () => undefined;
  #isClosed = false;

  constructor(
    session: ClientHttp2Session,
    path: string,
    [requestType, responseType]: readonly [string, string],
    headers: OutgoingHttpHeaders = {},
  ) {
    this.#requestType = requestType;
    this.#responseType = responseType;
    const type = { 'content-type': 'application/grpc', te: 'trailers' };
    this.#stream = session.request({ ':method': 'POST', ':path': path, ...type, ...headers });
    const take = (fields: object) => {
      this.#fields = { ...this.#fields, ...fields };
    };
    this.#stream
      .on('response', take)
      .on('trailers', take)
      .on('error', () => undefined);
    this.#stream.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#stream.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  get status(): string | undefined {
    const status = this.#fields['grpc-status'];
    return status === undefined ? undefined : `${status} ${this.#fields['grpc-message']}`;
  }

  send(fields: object): void {
    this.#stream.write(frameOf(this.#requestType, fields));
  }

  end(): void {
    this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The next message; undefined when the stream is over. */
  async next(): Promise<Record<string, unknown> | undefined> {
    const deadline = setTimeout(() => this.#stream.close(), DEADLINE_MS);
    try {
      while (this.#messages.length === 0 && !this.#isClosed) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      return this.#messages.shift();
    } finally {
      clearTimeout(deadline);
    }
  }

  async take(count: number): Promise<Record<string, unknown>[]> {
    const taken: Record<string, unknown>[] = [];
    while (taken.length < count) {
      const message = await this.next();
      if (message === undefined) throw new Error(`the stream ended: ${this.status}`);
      taken.push(message);
    }
    return taken;
  }

  [Symbol.dispose](): void {
    this.#stream.close();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt32BE(1)) {
      const end = 5 + this.#rest.readUInt32BE(1);
      this.#messages.push(...decodeFrames(this.#responseType, this.#rest.subarray(0, end)));
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }
}

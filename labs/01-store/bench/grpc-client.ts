// GrpcClient: one connection to a gRPC server, so cheap that the server is what is measured.
//
// Rules of use
//   - Requests are encoded before they are sent; requests that are made in one turn leave in one write.
//   - Nothing is decoded that nobody asked for: a unary answer is the bytes of its message, or undefined when
//     the server refused (its status is then in headers that are not read; other clients tell what it is).
//   - When the connection breaks, whoever waits for an answer gets undefined as well.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameReader,
  frame,
  literalHeaders,
  openingFrames,
  PREFACE,
  WINDOW_DEFAULT,
  windowUpdate,
} from './http2-frames.ts';

const MESSAGE_HEADER_BYTES = 5;
const WINDOW_REFILL_BYTES = 2 ** 28;
const ANSWER_MS_MAX = 60_000;

/** A call whose bytes are ready: all but the number of its stream. */
export interface PreparedCall {
  readonly headers: Buffer;
  readonly data: Buffer;
}

type Done = (message: Buffer | undefined) => void;

interface Stream {
  chunks: Buffer[];
  readonly onMessage: ((message: Buffer) => void) | undefined;
  readonly done: Done;
}

export class GrpcClient {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #streams = new Map<number, Stream>();
  readonly #authority: string;
  #nextStream = 1;
  #out: Buffer[] = [];
  /** Bytes of data that the server still takes. */
  #window = WINDOW_DEFAULT;
  #blocked: (() => void)[] = [];
  #received = 0;

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#reader.read(chunk, (f) => this.#handle(f));
      this.#flush();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#failAll());
    socket.write(Buffer.concat([PREFACE, openingFrames()]));
  }

  static async connect(port: number): Promise<GrpcClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new GrpcClient(socket, `127.0.0.1:${port}`);
  }

  /** path, for example /etcdserverpb.KV/Put. */
  prepare(path: string, message: Uint8Array): PreparedCall {
    const block = literalHeaders({
      ':method': 'POST',
      ':scheme': 'http',
      ':path': path,
      ':authority': this.#authority,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    return {
      headers: frame(FRAME.headers, END_HEADERS, 0, block),
      data: frame(FRAME.data, END_STREAM, 0, framedMessage(message)),
    };
  }

  /** One request, one answer. The frames of the call are copied, so it may be used again at once. */
  call(prepared: PreparedCall, done: Done): void {
    const bytes = prepared.data.length - FRAME_HEADER_BYTES; // Only what is in the frame counts.
    if (this.#window < bytes) {
      this.#blocked.push(() => this.call(prepared, done));
      return;
    }
    const id = this.#open({ chunks: [], onMessage: undefined, done });
    this.#send(numbered(prepared.headers, id), numbered(prepared.data, id));
    this.#window -= bytes;
  }

  callOnce(path: string, message: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const tooLate = setTimeout(
        () => reject(new Error(`${path} got no answer in ${ANSWER_MS_MAX} ms`)),
        ANSWER_MS_MAX,
      );
      this.call(this.prepare(path, message), (answer) => {
        clearTimeout(tooLate);
        if (answer !== undefined) resolve(answer);
        else reject(new Error(`${path} was refused, or the connection broke`));
      });
    });
  }

  /** A stream of answers to one message, open until the connection is closed. `ended` is called if the server ends it. */
  stream(
    path: string,
    message: Uint8Array,
    onMessage: (message: Buffer) => void,
    ended: () => void,
  ) {
    const { headers, data } = this.prepare(path, message);
    const id = this.#open({ chunks: [], onMessage, done: ended });
    data.writeUInt8(0, 4); // Not END_STREAM: a watch lives as long as its requests.
    this.#send(numbered(headers, id), numbered(data, id));
    this.#window -= data.length - FRAME_HEADER_BYTES;
  }

  close(): void {
    this.#socket.destroy();
  }

  #open(stream: Stream): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(id, stream);
    return id;
  }

  #send(...frames: Buffer[]): void {
    if (this.#out.length === 0) setImmediate(() => this.#flush());
    this.#out.push(...frames);
  }

  #flush(): void {
    if (this.#out.length === 0 || this.#socket.destroyed) return;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    this.#socket.write(bytes);
  }

  #handle({ type, flags, stream: id, payload }: Frame): void {
    switch (type) {
      case FRAME.data:
        this.#refill(payload.length);
        this.#onData(id, payload);
        if (flags & END_STREAM) this.#end(id);
        break;
      case FRAME.headers:
        if (flags & END_STREAM) this.#end(id);
        break;
      case FRAME.rstStream:
        this.#fail(id);
        break;
      case FRAME.settings:
        if (!(flags & ACK)) this.#send(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
        break;
      case FRAME.ping:
        if (!(flags & ACK)) this.#send(frame(FRAME.ping, ACK, 0, payload));
        break;
      case FRAME.windowUpdate:
        if (id === 0) this.#widen(payload.readUInt32BE());
        break;
      case FRAME.goAway:
        this.#socket.destroy();
        break;
      default: // Priorities and the like: nothing that changes a figure.
    }
  }

  #onData(id: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.chunks.push(payload);
    if (stream.onMessage === undefined) return;
    const buffer = stream.chunks.length === 1 ? payload : Buffer.concat(stream.chunks);
    let at = 0;
    while (buffer.length - at >= MESSAGE_HEADER_BYTES) {
      const end = at + MESSAGE_HEADER_BYTES + buffer.readUInt32BE(at + 1);
      if (end > buffer.length) break;
      stream.onMessage(buffer.subarray(at + MESSAGE_HEADER_BYTES, end));
      at = end;
    }
    stream.chunks = at === buffer.length ? [] : [buffer.subarray(at)];
  }

  #end(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    const bytes = stream?.chunks ?? [];
    if (bytes.length === 0) stream?.done(undefined);
    else stream?.done(Buffer.concat(bytes).subarray(MESSAGE_HEADER_BYTES));
  }

  #fail(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.done(undefined);
  }

  #failAll(): void {
    for (const id of [...this.#streams.keys()]) this.#fail(id);
  }

  /** The server may send as much as it likes; it is told so from time to time. */
  #refill(bytes: number): void {
    this.#received += bytes;
    if (this.#received < WINDOW_REFILL_BYTES) return;
    this.#send(windowUpdate(this.#received));
    this.#received = 0;
  }

  #widen(bytes: number): void {
    this.#window += bytes;
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const retry of blocked) retry();
  }
}

export function framedMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + message.length);
  bytes.writeUInt8(0);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, MESSAGE_HEADER_BYTES);
  return bytes;
}

function numbered(prepared: Buffer, stream: number): Buffer {
  const bytes = Buffer.from(prepared);
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

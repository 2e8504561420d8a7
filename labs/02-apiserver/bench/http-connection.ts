// HttpConnection: one HTTP/1.1 connection over TLS, so cheap that the server is what is measured.
//
// Rules of use
//   - A request is bytes that were made before the clock ran; one at a time is on its way.
//   - Of an answer only the status and the length of its body are looked at, unless its body is asked for.
//   - When the connection breaks, whoever waits for an answer gets an error.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface Target {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly length: number;
  /** Empty unless it was asked for. */
  readonly body: Buffer;
}

interface Waiting {
  readonly keepBody: boolean;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);

export function requestBytes(method: string, path: string, body?: string | Buffer): Buffer {
  const head = [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', 'accept: application/json'];
  if (body === undefined) return Buffer.from(`${head.join('\r\n')}\r\n\r\n`);
  const bytes = Buffer.from(body);
  head.push('content-type: application/json', `content-length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

export class HttpConnection {
  readonly #socket: TLSSocket;
  #waiting: Waiting | undefined;
  #head: Buffer = EMPTY;
  #reader: BodyReader | undefined;
  #status = 0;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  static async connect({ port, ca, cert, key }: Target): Promise<HttpConnection> {
    const socket = connect({ host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    return new HttpConnection(socket);
  }

  request(bytes: Buffer, { keepBody = false } = {}): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { keepBody, resolve, reject };
      this.#socket.write(bytes);
    });
  }

  /** The JSON of an answer that must be a success. */
  async json<T>(bytes: Buffer): Promise<T> {
    const { status, body } = await this.request(bytes, { keepBody: true });
    const text = body.toString('utf8');
    if (status >= 300) throw new Error(`the server answered ${status}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** Sends a request whose answer never ends; what comes goes to `onData` as it is, its framing included. */
  stream(bytes: Buffer, onData: (chunk: Buffer) => void, onEnd: () => void): void {
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', onData);
    this.#socket.on('close', onEnd);
    this.#socket.write(bytes);
  }

  /** Reads nothing any more: a client that hangs. */
  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    if (this.#reader === undefined) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const at = this.#head.indexOf(HEAD_END);
      if (at < 0) return;
      const text = this.#head.toString('latin1', 0, at).toLowerCase();
      this.#status = Number(text.slice(9, 12));
      rest = this.#head.subarray(at + HEAD_END.length);
      this.#head = EMPTY;
      this.#reader = new BodyReader(text, this.#waiting?.keepBody ?? false);
    }
    if (!this.#reader.read(rest)) return;
    const { length, body } = this.#reader;
    this.#reader = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: this.#status, length, body });
  }
}

/** Finds the end of a body, by its length or by its chunks. */
class BodyReader {
  readonly #kept: Buffer[] | undefined;
  readonly #chunked: boolean;
  /** Bytes of this body or this chunk that are still to come. */
  #left: number;
  #line: Buffer = EMPTY;
  #isLast = false;
  length = 0;

  constructor(head: string, keepBody: boolean) {
    this.#kept = keepBody ? [] : undefined;
    this.#chunked = head.includes('transfer-encoding: chunked');
    this.#left = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  }

  get body(): Buffer {
    return Buffer.concat(this.#kept ?? []);
  }

  /** True when the body is complete. */
  read(chunk: Buffer): boolean {
    if (!this.#chunked) {
      this.#take(chunk);
      return this.#left <= 0;
    }
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left > 0) {
        rest = this.#take(rest);
        continue;
      }
      const joined: Buffer = this.#line.length === 0 ? rest : Buffer.concat([this.#line, rest]);
      const at = joined.indexOf(LINE_END);
      this.#line = at < 0 ? joined : EMPTY;
      if (at < 0) return false;
      rest = joined.subarray(at + LINE_END.length);
      if (at === 0 && this.#isLast) return true;
      if (at > 0) this.#left = Number.parseInt(joined.toString('latin1', 0, at), 16);
      if (at > 0 && this.#left === 0) this.#isLast = true;
    }
    return false;
  }

  /** What is behind the body or the chunk. */
  #take(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, this.#left);
    this.#left -= taken.length;
    this.length += taken.length;
    this.#kept?.push(taken);
    return bytes.subarray(taken.length);
  }
}

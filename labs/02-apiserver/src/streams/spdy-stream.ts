// SpdyStream: one stream of a SPDY session as a Duplex: what the client sends is read from it, what is written to it goes to the client.
//
// end() says that we are done (FIN) and leaves the other direction open; destroy() gives the whole stream up (RST_STREAM). When both sides
// are done it closes by itself. A reader who does not read holds up the session, not the memory: receive() tells when to go on.
//
// Same idea upstream: moby/spdystream, stream.go.

import { Duplex } from 'node:stream';
import type { Headers } from './spdy-headers.ts';

const WAITING_BYTES_MAX = 64 * 1024;

/** What a stream needs of its session. */
export interface StreamPort {
  reply(stream: SpdyStream): void;
  /** Resolves when the session can take more. */
  send(stream: SpdyStream, bytes: Buffer): Promise<void>;
  finish(stream: SpdyStream): void;
  /** `isWhole`: both sides said that they are done. */
  closed(stream: SpdyStream, isWhole: boolean): void;
}

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #port: StreamPort;
  #onRead: (() => void) | undefined;
  #isRemoteDone = false;
  #isLocalDone = false;

  constructor(port: StreamPort, id: number, headers: Headers) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: WAITING_BYTES_MAX,
      writableHighWaterMark: WAITING_BYTES_MAX,
    });
    this.#port = port;
    this.id = id;
    this.headers = headers;
    // A stream that breaks off is told by 'close'; nobody has to listen for errors.
    this.on('error', () => undefined);
  }

  /** Tells the client that the stream exists; before that it must not be written to. */
  accept(): void {
    this.#port.reply(this);
  }

  /** Bytes from the client. The promise is there when the reader has enough, and resolves when it wants more. */
  receive(bytes: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.#isRemoteDone || bytes.length === 0) return undefined;
    if (this.push(bytes)) return undefined;
    return new Promise((resolve) => {
      this.#onRead = resolve;
    });
  }

  /** The client has said all that it wanted to. */
  receiveEnd(): void {
    if (this.#isRemoteDone) return;
    this.#isRemoteDone = true;
    if (!this.destroyed) this.push(null);
  }

  /** The client gave the stream up, or the session is over: there is nobody to tell. */
  abandon(): void {
    this.#isRemoteDone = true;
    this.#isLocalDone = true;
    this.destroy();
  }

  override _read(): void {
    const resume = this.#onRead;
    this.#onRead = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#port.send(this, chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    if (!this.#isLocalDone) this.#port.finish(this);
    this.#isLocalDone = true;
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this._read();
    this.#port.closed(this, this.#isRemoteDone && this.#isLocalDone);
    done(error);
  }
}

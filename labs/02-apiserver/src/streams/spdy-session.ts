// SpdySession: the server's side of one SPDY/3.1 connection: the client opens streams, and each is a Duplex.
//
// Reading goes frame by frame. A stream whose reader is slow stops the reading of the whole session: that is what bounds the memory, as
// stock clients (spdystream) neither announce nor heed windows. For clients that do, both sides of flow control are here: we announce what
// was read, and from the first window of theirs on we do not send more than they allow.
//
// Invariants:
//   1. a broken frame ends this session with GOAWAY, and no other.
//   2. when run() resolves the transport is destroyed, every stream is closed, and no timer is left.
//   3. what waits to be sent is bounded: nothing is read while replies pile up, and writers wait for the transport.
//
// Same idea upstream: moby/spdystream, connection.go, with the idle timeout of k8s.io/kubelet's streaming server. Left out: streams that
// the server opens.

import type { Duplex } from 'node:stream';
import {
  dataHead,
  encodeGoAway,
  encodePing,
  encodeRstStream,
  encodeSynReply,
  encodeWindowUpdate,
  type Frame,
  FrameReader,
  GO_AWAY_STATUS,
  RST_STATUS,
  SETTING_INITIAL_WINDOW_SIZE,
  type Setting,
  SpdyError,
} from './spdy-frames.ts';
import { HeaderDeflater, HeaderInflater } from './spdy-headers.ts';
import { SpdyStream, type StreamPort } from './spdy-stream.ts';
import { SendWindow } from './spdy-window.ts';

export interface SpdySessionOptions {
  /** A new stream: accept() it or destroy() it. */
  readonly onStream: (stream: SpdyStream) => void;
  /** Ends the session at once. */
  readonly signal: AbortSignal;
  /** Streams that may be open at once; more are refused. */
  readonly streamsMax: number;
  /** Without a frame for so long the session ends. Default: 4 hours, as --streaming-connection-idle-timeout of kubelets. */
  readonly idleTimeoutMs?: number | undefined;
}

export const STREAMING_IDLE_TIMEOUT_MS = 4 * 3_600_000;
const DATA_BYTES_MAX = 32 * 1024;
const WINDOW_UPDATE_BYTES = 32 * 1024;
/** Of what we answer by ourselves: pings, resets, windows. */
const REPLY_BYTES_MAX = 64 * 1024;
/** How long a client may take to hang up once everything is said; and again once the connection has ended on our side. */
const LINGER_MS = 5000;
const ACCUSE_MS = 1000;

export class SpdySession implements StreamPort {
  readonly #transport: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #reader = new FrameReader();
  readonly #inflater = new HeaderInflater();
  readonly #deflater = new HeaderDeflater();
  readonly #window = new SendWindow();
  readonly #unannounced = new Map<number, number>();
  #lastStreamId = 0;
  #isLeaving = false;
  #unsentReplyBytes = 0;
  #drainWaiters: (() => void)[] = [];
  #idle: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(transport: Duplex, options: SpdySessionOptions) {
    this.#transport = transport;
    this.#options = options;
    transport.on('error', () => transport.destroy());
    transport.on('drain', () => this.#released());
    transport.once('close', () => this.#released());
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Serves the connection; resolves when it is over, however it ended. Never rejects. */
  async run(): Promise<void> {
    const { signal, idleTimeoutMs = STREAMING_IDLE_TIMEOUT_MS } = this.#options;
    const stop = () => void this.#transport.destroy();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#idle = setTimeout(stop, idleTimeoutMs);
    try {
      for await (const chunk of this.#transport.iterator({ destroyOnReturn: false })) {
        this.#idle.refresh();
        for (const frame of this.#reader.frames(chunk as Buffer)) await this.#handle(frame);
      }
    } catch (error) {
      if (error instanceof SpdyError) await this.#accuse();
    } finally {
      signal.removeEventListener('abort', stop);
      clearTimeout(this.#idle);
      clearTimeout(this.#linger);
      this.#transport.destroy();
      for (const stream of [...this.#streams.values()]) stream.abandon();
      this.#released();
    }
  }

  /**
   * Everything is said: what was written still goes out, and then the client is to hang up. It gets time for that: spdystream drops
   * frames that it has read but not handled when the connection ends, the exit code of a command among them.
   */
  close(): void {
    if (this.#transport.destroyed || this.#linger !== undefined) return;
    this.#sayGoodbye(GO_AWAY_STATUS.ok);
    this.#later(() => this.#transport.end(() => this.#later(() => this.#transport.destroy())));
  }

  #later(step: () => void): void {
    if (!this.#transport.destroyed) this.#linger = setTimeout(step, LINGER_MS);
  }

  reply(stream: SpdyStream): void {
    this.#answer(encodeSynReply(stream.id, this.#deflater.write(new Map())));
  }

  async send(stream: SpdyStream, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const wish = Math.min(bytes.length - at, DATA_BYTES_MAX);
      const count = await this.#window.take(stream.id, wish);
      if (this.#transport.destroyed || stream.destroyed) return;
      this.#transport.cork();
      this.#write(dataHead(stream.id, count, false));
      this.#write(bytes.subarray(at, at + count));
      this.#transport.uncork();
      this.#idle?.refresh();
      at += count;
      await this.#writable();
    }
  }

  finish(stream: SpdyStream): void {
    this.#write(dataHead(stream.id, 0, true));
  }

  closed(stream: SpdyStream, isWhole: boolean): void {
    this.#streams.delete(stream.id);
    this.#unannounced.delete(stream.id);
    this.#window.forget(stream.id);
    if (!isWhole) this.#answer(encodeRstStream(stream.id, RST_STATUS.cancel));
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'data':
        await this.#receive(frame.streamId, frame.bytes, frame.fin);
        break;
      case 'synStream':
        this.#open(frame);
        break;
      case 'headers':
      case 'synReply':
        // Read for the sake of the compression, which all blocks share.
        this.#inflater.read(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.receiveEnd();
        break;
      case 'rstStream':
        this.#streams.get(frame.streamId)?.abandon();
        break;
      case 'settings':
        this.#apply(frame.settings);
        break;
      case 'ping':
        // Odd ones are the client's; even ones would be answers to ours, and we ask nothing.
        if (frame.id % 2 === 1) this.#answer(encodePing(frame.id));
        break;
      case 'goAway':
        this.#isLeaving = true;
        break;
      case 'windowUpdate':
        this.#widen(frame.streamId, frame.deltaBytes);
        break;
      default:
        frame satisfies never;
    }
    // A client that makes us answer and does not read the answers waits. One that only does not read its data may still send.
    if (this.#unsentReplyBytes > REPLY_BYTES_MAX) await this.#writable();
  }

  #open({ streamId, fin, unidirectional, block }: Frame & { type: 'synStream' }): void {
    const headers = this.#inflater.read(block);
    if (streamId % 2 === 0 || streamId <= this.#lastStreamId) {
      throw new SpdyError(`stream ${streamId} behind stream ${this.#lastStreamId}`);
    }
    this.#lastStreamId = streamId;
    if (this.#isLeaving || unidirectional || this.#streams.size >= this.#options.streamsMax) {
      this.#answer(encodeRstStream(streamId, RST_STATUS.refusedStream));
      return;
    }
    const stream = new SpdyStream(this, streamId, headers);
    this.#streams.set(streamId, stream);
    this.#window.open(streamId);
    if (fin) stream.receiveEnd();
    this.#options.onStream(stream);
  }

  async #receive(streamId: number, bytes: Buffer, fin: boolean): Promise<void> {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      // What was on its way when a stream closed is passed over.
      if (streamId > this.#lastStreamId) {
        this.#answer(encodeRstStream(streamId, RST_STATUS.invalidStream));
      }
    } else {
      await stream.receive(bytes);
      if (fin) stream.receiveEnd();
      else if (!stream.destroyed) this.#announce(streamId, bytes.length);
    }
    this.#announce(0, bytes.length);
  }

  /** What was read may be sent anew; told now and then, not with every frame. */
  #announce(streamId: number, countBytes: number): void {
    const total = (this.#unannounced.get(streamId) ?? 0) + countBytes;
    if (total >= WINDOW_UPDATE_BYTES) this.#answer(encodeWindowUpdate(streamId, total));
    this.#unannounced.set(streamId, total >= WINDOW_UPDATE_BYTES ? 0 : total);
  }

  #apply(settings: readonly Setting[]): void {
    const size = settings.find(({ id }) => id === SETTING_INITIAL_WINDOW_SIZE)?.value;
    if (size !== undefined) this.#window.resize(size);
  }

  #widen(streamId: number, deltaBytes: number): void {
    if (this.#window.widen(streamId, deltaBytes)) return;
    if (streamId === 0) throw new SpdyError('a window of more than 2 GiB');
    this.#answer(encodeRstStream(streamId, RST_STATUS.flowControlError));
    this.#streams.get(streamId)?.abandon();
  }

  #sayGoodbye(status: number): void {
    this.#isLeaving = true;
    this.#write(encodeGoAway(this.#lastStreamId, status));
  }

  /** Tells a client that broke the rules, if it still listens. */
  async #accuse(): Promise<void> {
    this.#sayGoodbye(GO_AWAY_STATUS.protocolError);
    await new Promise<void>((resolve) => {
      clearTimeout(this.#linger);
      this.#linger = setTimeout(resolve, ACCUSE_MS);
      this.#transport.once('close', resolve);
      this.#transport.end(resolve);
    });
  }

  #write(bytes: Buffer): void {
    if (!this.#transport.destroyed && !this.#transport.writableEnded) this.#transport.write(bytes);
  }

  /** Resolves when the transport takes more, or takes nothing any more. */
  #writable(): Promise<void> | undefined {
    if (!this.#transport.writableNeedDrain || this.#transport.destroyed) return undefined;
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
    });
  }

  /** An answer that the client brought about. */
  #answer(bytes: Buffer): void {
    this.#write(bytes);
    if (this.#transport.writableNeedDrain) this.#unsentReplyBytes += bytes.length;
  }

  #released(): void {
    this.#unsentReplyBytes = 0;
    for (const resume of this.#drainWaiters.splice(0)) resume();
    if (this.#transport.destroyed) this.#window.release();
  }
}

// ChannelSocket: a WebSocket that carries several channels: every binary message is the number of its channel and then data.
//
// That is what kubelets speak for exec, attach and port-forward. Channel 255 (only in v5) says that another channel is at its end.
// Both directions are bounded: send() resolves when there is room, and while a receiver is busy nothing more is read.
//
// Invariant: `closed` resolves once, whatever ends the connection; after it no message is delivered.
// Same idea upstream: apimachinery, util/httpstream/wsstream/conn.go.

import type { RawData, WebSocket } from 'ws';

export const CHANNEL_V5 = 'v5.channel.k8s.io';
export const CHANNEL_V4 = 'v4.channel.k8s.io';
const CLOSE_CHANNEL = 255;
const WAITING_BYTES_MAX = 256 * 1024;
const MESSAGE_BYTES_MAX = 64 * 1024;
/** Closed in order: with the usual code, or with none. */
const NORMAL_CLOSURES: ReadonlySet<number> = new Set([1000, 1005]);

export interface ChannelReceiver {
  /** A promise holds up what follows until it resolves. */
  data(channel: number, bytes: Buffer): Promise<void> | undefined;
  /** The other side will send no more on this channel. */
  end?(channel: number): void;
}

export class ChannelSocket {
  readonly #socket: WebSocket;
  /** True when it was ended in order. */
  readonly closed: Promise<boolean>;

  /** The socket is open and has not been read from. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.pause();
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code) => resolve(NORMAL_CLOSURES.has(code)));
    });
  }

  /** From here on messages are delivered. */
  receive(receiver: ChannelReceiver): void {
    this.#socket.on('message', (message: RawData) => {
      const bytes = bytesOf(message);
      const [channel] = bytes;
      if (channel === undefined) return;
      if (channel === CLOSE_CHANNEL) {
        receiver.end?.(bytes[1] ?? -1);
        return;
      }
      const busy = receiver.data(channel, bytes.subarray(1));
      if (busy === undefined) return;
      this.#socket.pause();
      void busy.then(() => this.#socket.resume());
    });
    this.#socket.resume();
  }

  /** Resolves when more may be sent; also when nobody listens any more. */
  async send(channel: number, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += MESSAGE_BYTES_MAX) {
      await this.#sendPiece(channel, bytes.subarray(at, at + MESSAGE_BYTES_MAX));
    }
  }

  /** Says that nothing more comes on this channel. False: the protocol has no word for that. */
  endChannel(channel: number): boolean {
    if (this.#socket.protocol !== CHANNEL_V5) return false;
    if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(Buffer.from([CLOSE_CHANNEL, channel]));
    }
    return true;
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #sendPiece(channel: number, piece: Buffer): Promise<void> | undefined {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return undefined;
    const message = Buffer.concat([Buffer.from([channel]), piece]);
    if (socket.bufferedAmount < WAITING_BYTES_MAX) {
      socket.send(message);
      return undefined;
    }
    // The callback also comes when the connection breaks.
    return new Promise((resolve) => socket.send(message, () => resolve()));
  }
}

function bytesOf(message: RawData): Buffer {
  if (Buffer.isBuffer(message)) return message;
  return Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message);
}

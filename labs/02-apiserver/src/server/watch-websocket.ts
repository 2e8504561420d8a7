// watch-websocket: a watch over WebSocket, for clients in browsers: each change is one message.
//
// The watch itself is the same as over HTTP, and writes to what it takes for an answer; here that cuts the stream into messages: text for
// JSON, binary for protobuf. The upgrade is granted only when the watch would have answered 200, so that an error is still a Status.
// A client has nothing to say but that it leaves. One that reads too slowly is cut off, by the same rule as over HTTP.
//
// Same idea upstream: apiserver, endpoints/handlers/watch.go (HandleWS).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { BEARER_PROTOCOL_PREFIX } from '../auth/bearer-token.ts';
import type { Exchange } from './exchange.ts';
import type { Upgrade } from './handler.ts';

const NEWLINE = 0x0a;
const NORMAL_CLOSURE = 1000;
/** How long a client may take to confirm the end. */
const LINGER_MS = 2000;

/** True for a watch that wants to be one over WebSocket. */
export function isWebSocketWatch(
  info: { readonly kind: string; readonly verb: string; readonly subresource?: string },
  upgrade: string | undefined,
): boolean {
  return (
    info.kind === 'resource' &&
    info.verb === 'watch' &&
    info.subresource === undefined &&
    /^websocket$/i.test(upgrade ?? '')
  );
}

/** What a watch may take for its response. */
export function webSocketResponse(exchange: Exchange, upgrade: Upgrade): ServerResponse {
  // The watch uses of a response what is here: a head, writes that are counted while they wait, and an end.
  return new MessageResponse(exchange, upgrade) as unknown as ServerResponse;
}

class MessageResponse extends Writable {
  readonly #exchange: Exchange;
  readonly #upgrade: Upgrade;
  #socket: WebSocket | undefined;
  #isText = true;
  #held: Buffer[] = [];

  constructor(exchange: Exchange, upgrade: Upgrade) {
    super();
    this.#exchange = exchange;
    this.#upgrade = upgrade;
    this.on('error', () => undefined);
    upgrade.socket.once('close', () => this.destroy());
  }

  get headersSent(): boolean {
    return this.#socket !== undefined;
  }

  get statusCode(): number {
    return 101;
  }

  writeHead(_status: number, headers: Readonly<Record<string, string>>): this {
    this.#isText = (headers['content-type'] ?? '').startsWith('application/json');
    const { request } = this.#exchange;
    const server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      handleProtocols: (offered) => [...offered].find(isNoToken) ?? false,
    });
    const { socket, head } = this.#upgrade;
    // The library looks at the method and the headers, and writes its own refusal.
    server.handleUpgrade(request as IncomingMessage, socket, head, (webSocket) => {
      this.#socket = webSocket;
      webSocket.on('error', () => undefined);
      webSocket.once('close', () => this.destroy());
    });
    if (this.#socket === undefined) this.destroy();
    else this.#exchange.started();
    return this;
  }

  flushHeaders(): void {
    // The upgrade has been answered already.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    const messages = this.#isText ? this.#lines(chunk) : [chunk];
    const last = messages.pop();
    for (const message of messages) socket?.send(message, { binary: !this.#isText });
    if (socket === undefined || last === undefined) done();
    else socket.send(last, { binary: !this.#isText }, done);
  }

  override _final(done: () => void): void {
    this.#socket?.close(NORMAL_CLOSURE);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const socket = this.#socket;
    const { socket: connection } = this.#upgrade;
    // Without a WebSocket the refusal is still on its way out.
    const isCut = error !== null || !this.writableFinished;
    if (socket !== undefined && isCut) connection.destroy();
    else if (socket !== undefined && !connection.destroyed) {
      const timer = setTimeout(() => socket.terminate(), LINGER_MS);
      socket.once('close', () => clearTimeout(timer));
    }
    done(error);
  }

  /** Whole lines; what is behind the last one waits for its end. */
  #lines(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      lines.push(Buffer.concat([...this.#held, chunk.subarray(start, end + 1)]));
      this.#held = [];
      start = end + 1;
    }
    if (start < chunk.length) this.#held.push(chunk.subarray(start));
    return lines;
  }
}

function isNoToken(protocol: string): boolean {
  return !protocol.startsWith(BEARER_PROTOCOL_PREFIX);
}

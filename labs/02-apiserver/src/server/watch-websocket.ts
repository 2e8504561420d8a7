// watch-websocket: a watch or a log over WebSocket, for clients in browsers.
//
//   watch   each change is one message: text for JSON, binary for protobuf
//   log     bytes as they come, after an empty message: binary, or text in base64 for the subprotocol base64.binary.k8s.io
//
// The handler is the same as over HTTP, and writes to what it takes for an answer; here that cuts the stream into messages. The upgrade is
// granted only when the handler would have answered 200, so that an error is still a Status. A client has nothing to say but that it leaves.
// One that reads a watch too slowly is cut off, by the same rule as over HTTP.
//
// Same idea upstream: apiserver, endpoints/handlers/watch.go (HandleWS), and apimachinery, util/httpstream/wsstream/stream.go (Reader).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ApiError } from '../api-error.ts';
import { BEARER_PROTOCOL_PREFIX } from '../auth/bearer-token.ts';
import { offeredProtocols } from '../streams/spdy-handshake.ts';
import type { Exchange } from './exchange.ts';
import type { Upgrade } from './handler.ts';
import type { RequestInfo, ResourceRequest } from './request-info.ts';

const NEWLINE = 0x0a;
const BINARY = 'binary.k8s.io';
const BASE64 = 'base64.binary.k8s.io';
const NORMAL_CLOSURE = 1000;
/** How long a client may take to confirm the end. */
const LINGER_MS = 2000;

/** What makes pieces of a stream messages. */
type Framing = 'lines' | 'binary' | 'base64';

/** True for a watch, or the log of a pod, that is to come over WebSocket. */
export function isReadOverWebSocket(info: RequestInfo, upgrade: string | undefined): boolean {
  return info.kind === 'resource' && isStream(info) && /^websocket$/i.test(upgrade ?? '');
}

function isStream({ verb, subresource, group, resource }: ResourceRequest): boolean {
  if (subresource === undefined) return verb === 'watch';
  return verb === 'get' && subresource === 'log' && group === '' && resource === 'pods';
}

/** What the handler may take for its response. Throws Forbidden when the client speaks no subprotocol of logs. */
export function webSocketResponse(exchange: Exchange, upgrade: Upgrade): ServerResponse {
  const { info } = exchange;
  const isLog = info.kind === 'resource' && info.subresource === 'log';
  const framing = isLog ? logFraming(exchange.request) : undefined;
  // Handlers use of a response what is here: a head, writes that are counted while they wait, and an end.
  return new MessageResponse(exchange, upgrade, framing) as unknown as ServerResponse;
}

function logFraming(request: IncomingMessage): Framing {
  const offered = offeredProtocols(request).filter(isNoToken);
  const chosen = offered.find((protocol) => protocol === BINARY || protocol === BASE64);
  if (chosen !== undefined || offered.length === 0) return chosen === BASE64 ? 'base64' : 'binary';
  const message = `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [ ${BINARY} ${BASE64}]`;
  throw new ApiError('Forbidden', message);
}

class MessageResponse extends Writable {
  readonly #exchange: Exchange;
  readonly #upgrade: Upgrade;
  readonly #isLog: boolean;
  #framing: Framing;
  #socket: WebSocket | undefined;
  #held: Buffer[] = [];

  /** Without a framing it is a watch, whose head tells. */
  constructor(exchange: Exchange, upgrade: Upgrade, framing?: Framing) {
    super();
    this.#exchange = exchange;
    this.#upgrade = upgrade;
    this.#isLog = framing !== undefined;
    this.#framing = framing ?? 'lines';
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
    const isJson = headers['content-type']?.startsWith('application/json') === true;
    if (!this.#isLog && !isJson) this.#framing = 'binary';
    const { request } = this.#exchange;
    const server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      handleProtocols: (offered) => [...offered].find((one) => this.#speaks(one)) ?? false,
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
    // Of a log the client hears at once that it was granted.
    if (this.#isLog) this.#socket?.send('', { binary: this.#framing === 'binary' });
    return this;
  }

  #speaks(protocol: string): boolean {
    if (!this.#isLog) return isNoToken(protocol);
    return protocol === (this.#framing === 'base64' ? BASE64 : BINARY);
  }

  flushHeaders(): void {
    // The upgrade has been answered already.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    const binary = this.#framing === 'binary';
    const messages = this.#messages(chunk);
    const last = messages.pop();
    for (const message of messages) socket?.send(message, { binary });
    if (socket === undefined || last === undefined) done();
    else socket.send(last, { binary }, done);
  }

  #messages(chunk: Buffer): (Buffer | string)[] {
    if (this.#framing === 'lines') return this.#lines(chunk);
    return [this.#framing === 'binary' ? chunk : chunk.toString('base64')];
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

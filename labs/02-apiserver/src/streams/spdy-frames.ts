// spdy-frames: SPDY/3.1 frames as bytes: one encoder a frame, and a reader that takes bytes however they were cut.
//
//   control frame   1 bit = 1, version 15, type 16 | flags 8, length 24 | payload
//   data frame      1 bit = 0, stream 31           | flags 8, length 24 | payload
//
// Data is handed on as it arrives, in pieces of a frame, so that a frame of 16 MiB needs no memory of that size. A control frame is
// collected first, and has a limit. What breaks the rules throws a SpdyError: the connection that said it ends, and nothing else.
//
// Same idea upstream: moby/spdystream, spdy/read.go and write.go. The protocol: SPDY draft 3.1. Left out: CREDENTIAL frames, which no
// client sends.

export const SPDY_VERSION = 3;
const HEADER_BYTES = 8;
const CONTROL_BYTES_MAX = 64 * 1024;
const CONTROL_BIT = 0x8000_0000;
const ID_MASK = 0x7fff_ffff;
const LENGTH_MASK = 0xff_ffff;
const FLAG_FIN = 0x01;
const FLAG_UNIDIRECTIONAL = 0x02;
/** Length of what stands before the header block, a frame. */
const SYN_STREAM_FIELDS = 10;
const REPLY_FIELDS = 4;

const TYPES = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const RST_STATUS = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  flowControlError: 7,
} as const;
export const GO_AWAY_STATUS = { ok: 0, protocolError: 1 } as const;
export const SETTING_INITIAL_WINDOW_SIZE = 7;

export interface Setting {
  readonly id: number;
  readonly value: number;
}

export type Frame =
  | { type: 'synStream'; streamId: number; fin: boolean; unidirectional: boolean; block: Buffer }
  | { type: 'synReply'; streamId: number; fin: boolean; block: Buffer }
  | { type: 'headers'; streamId: number; fin: boolean; block: Buffer }
  | { type: 'rstStream'; streamId: number; status: number }
  | { type: 'settings'; settings: readonly Setting[] }
  | { type: 'ping'; id: number }
  | { type: 'goAway'; lastStreamId: number; status: number }
  | { type: 'windowUpdate'; streamId: number; deltaBytes: number }
  /** A piece of a data frame; `fin` comes with the last one. */
  | { type: 'data'; streamId: number; bytes: Buffer; fin: boolean };

/** The other side broke the rules of the protocol. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

interface OpenData {
  readonly streamId: number;
  readonly fin: boolean;
  leftBytes: number;
}

export class FrameReader {
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #head: Buffer | undefined;
  #data: OpenData | undefined;

  /** Yields every frame, and piece of a data frame, that is complete with these bytes. */
  *frames(chunk: Buffer): Generator<Frame> {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    for (;;) {
      if (this.#data !== undefined) {
        const piece = this.#nextPiece(this.#data);
        if (piece === undefined) return;
        yield piece;
        continue;
      }
      if (this.#head === undefined) {
        if (this.#waitingBytes < HEADER_BYTES) return;
        this.#head = this.#take(HEADER_BYTES);
      }
      const first = this.#head.readUInt32BE(0);
      const lengthBytes = this.#head.readUInt32BE(4) & LENGTH_MASK;
      if (first < CONTROL_BIT) {
        const fin = ((this.#head[4] ?? 0) & FLAG_FIN) !== 0;
        this.#data = { streamId: first, fin, leftBytes: lengthBytes };
        this.#head = undefined;
        if (first === 0) throw new SpdyError('data on stream zero');
        continue;
      }
      checkControl(first, lengthBytes);
      if (this.#waitingBytes < lengthBytes) return;
      const head = this.#head;
      this.#head = undefined;
      const frame = controlFrame(first & 0xffff, head[4] ?? 0, this.#take(lengthBytes));
      if (frame !== undefined) yield frame;
    }
  }

  #nextPiece(data: OpenData): Frame | undefined {
    const bytes = this.#takeUpTo(data.leftBytes);
    if (bytes.length === 0 && data.leftBytes > 0) return undefined;
    data.leftBytes -= bytes.length;
    const isLast = data.leftBytes === 0;
    if (isLast) this.#data = undefined;
    return { type: 'data', streamId: data.streamId, bytes, fin: data.fin && isLast };
  }

  /** As much as lies in one piece: data needs no copying. */
  #takeUpTo(countBytes: number): Buffer {
    const [first] = this.#chunks;
    return first === undefined ? Buffer.alloc(0) : this.#take(Math.min(countBytes, first.length));
  }

  #take(countBytes: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks;
    const all = first.length >= countBytes ? first : Buffer.concat(this.#chunks);
    if (all === first) this.#chunks.shift();
    else this.#chunks = [];
    if (all.length > countBytes) this.#chunks.unshift(all.subarray(countBytes));
    this.#waitingBytes -= countBytes;
    return all.subarray(0, countBytes);
  }
}

function checkControl(first: number, lengthBytes: number): void {
  const version = (first >>> 16) & 0x7fff;
  if (version !== SPDY_VERSION) throw new SpdyError(`version ${version} is not SPDY/3`);
  if (lengthBytes > CONTROL_BYTES_MAX) {
    throw new SpdyError(`a control frame of ${lengthBytes} bytes; at most ${CONTROL_BYTES_MAX}`);
  }
}

/** Undefined: a type that nobody knows, to be passed over. */
function controlFrame(type: number, flags: number, payload: Buffer): Frame | undefined {
  const fin = (flags & FLAG_FIN) !== 0;
  switch (type) {
    case TYPES.synStream: {
      const streamId = idAt(payload, 0, SYN_STREAM_FIELDS);
      const unidirectional = (flags & FLAG_UNIDIRECTIONAL) !== 0;
      const block = payload.subarray(SYN_STREAM_FIELDS);
      return { type: 'synStream', streamId, fin, unidirectional, block };
    }
    case TYPES.synReply:
    case TYPES.headers: {
      const streamId = idAt(payload, 0, REPLY_FIELDS);
      const name = type === TYPES.synReply ? 'synReply' : 'headers';
      return { type: name, streamId, fin, block: payload.subarray(REPLY_FIELDS) };
    }
    case TYPES.rstStream:
      return { type: 'rstStream', streamId: idAt(payload, 0, 8), status: payload.readUInt32BE(4) };
    case TYPES.settings:
      return { type: 'settings', settings: settingsOf(payload) };
    case TYPES.ping:
      if (payload.length !== 4) throw new SpdyError('a PING that is not four bytes long');
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case TYPES.goAway: {
      if (payload.length !== 8) throw new SpdyError('a GOAWAY that is not eight bytes long');
      const lastStreamId = payload.readUInt32BE(0) & ID_MASK;
      return { type: 'goAway', lastStreamId, status: payload.readUInt32BE(4) };
    }
    case TYPES.windowUpdate: {
      // Stream zero is the whole connection; that is what 3.1 added to 3.
      if (payload.length !== 8) throw new SpdyError('a WINDOW_UPDATE that is not eight bytes long');
      const deltaBytes = payload.readUInt32BE(4) & ID_MASK;
      return { type: 'windowUpdate', streamId: payload.readUInt32BE(0) & ID_MASK, deltaBytes };
    }
    default:
      return undefined;
  }
}

function idAt(payload: Buffer, at: number, lengthMin: number): number {
  if (payload.length < lengthMin) throw new SpdyError('a control frame that is cut off');
  const id = payload.readUInt32BE(at) & ID_MASK;
  if (id === 0) throw new SpdyError('stream zero');
  return id;
}

function settingsOf(payload: Buffer): Setting[] {
  const count = payload.length < 4 ? -1 : payload.readUInt32BE(0);
  if (payload.length !== 4 + count * 8) throw new SpdyError('SETTINGS whose count is wrong');
  return Array.from({ length: count }, (_, index) => ({
    id: payload.readUInt32BE(4 + index * 8) & LENGTH_MASK,
    value: payload.readUInt32BE(8 + index * 8),
  }));
}

function control(type: keyof typeof TYPES, payload: Buffer, flags = 0): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + payload.length);
  frame.writeUInt32BE((CONTROL_BIT + SPDY_VERSION * 0x1_0000 + TYPES[type]) >>> 0, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame[4] = flags;
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** What stands before the data; the data itself is written behind it without being copied. */
export function dataHead(streamId: number, lengthBytes: number, fin: boolean): Buffer {
  const head = words(streamId, lengthBytes);
  head[4] = fin ? FLAG_FIN : 0;
  return head;
}

/** Only clients open streams here; tests are such clients. */
export function encodeSynStream(streamId: number, block: Buffer, fin = false): Buffer {
  const fields = Buffer.concat([words(streamId, 0), Buffer.alloc(2), block]);
  return control('synStream', fields, fin ? FLAG_FIN : 0);
}
export function encodeSynReply(streamId: number, block: Buffer): Buffer {
  return control('synReply', Buffer.concat([words(streamId), block]));
}
export function encodeHeaders(streamId: number, block: Buffer, fin = false): Buffer {
  return control('headers', Buffer.concat([words(streamId), block]), fin ? FLAG_FIN : 0);
}
export function encodeRstStream(streamId: number, status: number): Buffer {
  return control('rstStream', words(streamId, status));
}
export function encodeSettings(settings: readonly Setting[]): Buffer {
  const pairs = settings.flatMap(({ id, value }) => [id, value]);
  return control('settings', words(settings.length, ...pairs));
}
export function encodePing(id: number): Buffer {
  return control('ping', words(id));
}
export function encodeGoAway(lastStreamId: number, status: number): Buffer {
  return control('goAway', words(lastStreamId, status));
}
export function encodeWindowUpdate(streamId: number, deltaBytes: number): Buffer {
  return control('windowUpdate', words(streamId, deltaBytes));
}

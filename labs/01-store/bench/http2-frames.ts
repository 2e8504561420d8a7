// HTTP/2 frames by hand: as little of RFC 9113 as a load generator needs, so that it costs next to nothing.
//
//   frame    uint24 length, uint8 type, uint8 flags, uint32 stream, payload
// Headers are sent as literals that no table remembers (RFC 7541, 6.2.2), so a block of them can be made once and
// sent a million times. Those that come back are not decoded: whether a stream ended, and with data, says enough.
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const FRAME_HEADER_BYTES = 9;
export const WINDOW_MAX = 2 ** 31 - 1;
export const WINDOW_DEFAULT = 65_535;

export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
const SETTING = { enablePush: 2, initialWindowSize: 4, maxFrameSize: 5 } as const;
const FRAME_BYTES_MAX = 1024 * 1024;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** No pushes, large frames, and a window that never stops the other side. */
export function openingFrames(): Buffer {
  const settings = Buffer.concat([
    setting(SETTING.enablePush, 0),
    setting(SETTING.initialWindowSize, WINDOW_MAX),
    setting(SETTING.maxFrameSize, FRAME_BYTES_MAX),
  ]);
  return Buffer.concat([
    frame(FRAME.settings, 0, 0, settings),
    windowUpdate(WINDOW_MAX - WINDOW_DEFAULT),
  ]);
}

export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, 0, payload);
}

export function literalHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const blocks = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.from([0]), text(name), text(value)]),
  );
  return Buffer.concat(blocks);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;

  readonly payload: Buffer;
}

/** Cuts what arrives into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer, handle: (frame: Frame) => void): void {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (buffer.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + buffer.readUIntBE(at, 3);
      if (end > buffer.length) break;
      handle({
        type: buffer.readUInt8(at + 3),
        flags: buffer.readUInt8(at + 4),
        stream: buffer.readUInt32BE(at + 5) & WINDOW_MAX,
        payload: buffer.subarray(at + FRAME_HEADER_BYTES, end),
      });
      at = end;
    }
    this.#rest = buffer.subarray(at);
  }
}

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

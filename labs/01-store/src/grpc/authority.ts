// mendAuthority: lets clients in that name the server by a whole URL.
//
// Where a connection is for one endpoint only (endpoint status, hashkv, defrag), etcd's client of 3.4 sends ":authority: http://host:2379". That is no
// authority, and the HTTP/2 library under Node resets the stream before we hear of it; Go's servers never look. So the first bytes of a
// connection are ours: we wait for the first header block, turn the slashes of that field into dots, and hand the connection over.
//   - Nothing gets longer or shorter: in HPACK's Huffman code both are of six bits (24 and 23), so lengths and the table of
//     known fields, into which the field goes for later requests, stay what the client thinks they are.
//   - A client that waits for the server's SETTINGS gets empty ones from us; their acknowledgement is taken out again.
// Upstream: RFC 9113 (frames), RFC 7541 (HPACK, its Huffman code in Appendix B); etcd-io/etcd, clientv3/client.go.
// Left out: a field that comes a second time, after some seventy requests with other fields on such a connection.
import type { Socket } from 'node:net';

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
/** Nobody may send a longer one before he was told that he may. */
const FRAME_BYTES_MAX = 16_384;
const BYTES_MAX = 256 * 1024;
const SILENCE_MS_MAX = 30_000;
const HEADERS = 1;
const SETTINGS = 4;
const ACK = 1;
const PADDED = 8;
const PRIORITY = 32;
/** Frames that may come before the first request: PRIORITY, SETTINGS, WINDOW_UPDATE. */
const BEFORE_REQUESTS: readonly number[] = [2, SETTINGS, 8];
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]);
const AUTHORITY = 1;
const [SLASH, DOT] = [0x2f, 0x2e];
/** The first code that is not of so many bits: the code is canonical, shorter ones come first. */
const CODES_END: readonly (readonly [bits: number, end: number])[] = [
  [5, 0b01010],
  [6, 0b101110],
  [7, 0b1111100],
  [8, 0b11111110],
];
const SLASH_CODE = 0b011000;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads until the first request is there, and puts back what it read. The socket's first bytes are known to be HTTP/2's.
 * What has no request for a while, or is no HTTP/2 after all, is handed over as it is.
 */
export function mendAuthority(socket: Socket, handOver: () => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  let isAsked = false;
  const look = () => {
    bytes = Buffer.concat([bytes, socket.read() ?? Buffer.alloc(0)]);
    const { frames, isNonsense } = framesOf(bytes);
    const ack = frames.find(({ type, flags }) => type === SETTINGS && flags === ACK);
    if (isNonsense || frames.some(({ type }) => !BEFORE_REQUESTS.includes(type))) {
      if (!isAsked || ack !== undefined) leave(frames, isAsked ? ack : undefined);
      else if (isNonsense) socket.destroy();
    } else if (!isAsked && frames.some(({ type }) => type === SETTINGS)) {
      isAsked = true;
      socket.write(EMPTY_SETTINGS);
    }
  };
  const leave = (frames: readonly Frame[], ack: Frame | undefined) => {
    stop();
    const first = frames.find(({ type }) => type === HEADERS);
    if (first !== undefined) mendBlock(blockOf(bytes, first));
    socket.unshift(ack === undefined ? bytes : without(bytes, ack));
    handOver();
  };
  const onSilence = () => {
    const { frames } = framesOf(bytes);
    const ack = frames.find(({ type, flags }) => type === SETTINGS && flags === ACK);
    // Without an answer to our frame there is nobody, or nobody who speaks HTTP/2.
    if (isAsked && ack === undefined) socket.destroy();
    else leave(frames, ack);
  };
  const timer = setTimeout(onSilence, SILENCE_MS_MAX).unref();
  const stop = () => {
    clearTimeout(timer);
    socket.off('readable', look).off('close', stop);
  };
  socket.on('readable', look).on('close', stop);
}

/** The frames that are whole; one that is longer than any may be at the start of a connection makes all of it nonsense. */
function framesOf(bytes: Buffer): { frames: readonly Frame[]; isNonsense: boolean } {
  const frames: Frame[] = [];
  let start = PREFACE_BYTES;
  while (start + FRAME_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUIntBE(start, 3);
    if (length > FRAME_BYTES_MAX) return { frames, isNonsense: true };
    const end = start + FRAME_HEADER_BYTES + length;
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(start + 3),
      flags: bytes.readUInt8(start + 4),
      start,
      end,
    });
    start = end;
  }
  return { frames, isNonsense: bytes.length > BYTES_MAX };
}

function without(bytes: Buffer, { start, end }: Frame): Buffer {
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function blockOf(bytes: Buffer, { start, end, flags }: Frame): Buffer {
  const paddingBytes = flags & PADDED ? (bytes[start + FRAME_HEADER_BYTES] ?? 0) : 0;
  const before = (flags & PADDED ? 1 : 0) + (flags & PRIORITY ? 5 : 0);
  return bytes.subarray(start + FRAME_HEADER_BYTES + before, end - paddingBytes);
}

/** Finds the field in a header block, and changes it in place. A block that is not as it should be stays as it is. */
export function mendBlock(block: Buffer): void {
  const reader = { block, at: 0 };
  while (reader.at < block.length) {
    const first = block.readUInt8(reader.at);
    if (first & 0x80) {
      integer(reader, 7); // A field that is known, name and value.
    } else if ((first & 0xe0) === 0x20) {
      integer(reader, 5); // A new size of the table of known fields.
    } else {
      const name = integer(reader, first & 0x40 ? 6 : 4);
      if (name === 0) text(reader);
      const value = text(reader);
      if (name === AUTHORITY) mendText(value);
    }
  }
}

interface Reader {
  readonly block: Buffer;
  at: number;
}

/** An integer whose first bits stand in the rest of a byte. */
function integer(reader: Reader, bits: number): number {
  const max = 2 ** bits - 1;
  let value = (reader.block[reader.at++] ?? 0) & max;
  if (value < max) return value;
  for (let factor = 1; reader.at < reader.block.length; factor *= 128) {
    const byte = reader.block.readUInt8(reader.at++);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return value;
}

function text(reader: Reader): { isHuffman: boolean; bytes: Buffer } {
  const isHuffman = ((reader.block[reader.at] ?? 0) & 0x80) !== 0;
  const length = integer(reader, 7);
  const bytes = reader.block.subarray(reader.at, reader.at + length);
  reader.at += length;
  return { isHuffman, bytes };
}

function mendText({ isHuffman, bytes }: { isHuffman: boolean; bytes: Buffer }): void {
  if (isHuffman) {
    mendHuffman(bytes);
    return;
  }
  for (let at = bytes.indexOf(SLASH); at >= 0; at = bytes.indexOf(SLASH)) bytes[at] = DOT;
}

function mendHuffman(bytes: Buffer): void {
  const bitAt = (at: number) => (bytes.readUInt8(at >> 3) >> (7 - (at & 7))) & 1;
  const end = bytes.length * 8;
  for (let at = 0; at < end; ) {
    let code = 0;
    let bits = 0;
    let isWhole = false;
    while (!isWhole) {
      // No name of a host has a rarer character than these; what is left at the end is padding.
      if (bits === 8 || at + bits >= end) return;
      code = code * 2 + bitAt(at + bits);
      bits++;
      isWhole = CODES_END.some(([length, codesEnd]) => bits === length && code < codesEnd);
    }
    // 011000 → 010111: the last four bits change.
    if (bits === 6 && code === SLASH_CODE) for (let i = 2; i < 6; i++) flip(bytes, at + i);
    at += bits;
  }
}

function flip(bytes: Buffer, at: number): void {
  bytes.writeUInt8(bytes.readUInt8(at >> 3) ^ (1 << (7 - (at & 7))), at >> 3);
}

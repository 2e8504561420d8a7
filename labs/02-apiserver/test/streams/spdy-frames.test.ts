// SPDY's frames and header blocks: what is written can be read however it was cut, and what is broken is refused.
import { constants, createDeflate, createInflate, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  dataHead,
  encodeGoAway,
  encodeHeaders,
  encodePing,
  encodeRstStream,
  encodeSettings,
  encodeSynReply,
  encodeSynStream,
  encodeWindowUpdate,
  type Frame,
  FrameReader,
  SpdyError,
} from '#src/streams/spdy-frames.ts';
import { HeaderDeflater, HeaderInflater, SPDY_DICTIONARY } from '#src/streams/spdy-headers.ts';

const block = Buffer.from('block');
const ALL: readonly [Buffer, Frame][] = [
  [
    encodeSynStream(1, block, true),
    { type: 'synStream', streamId: 1, fin: true, unidirectional: false, block },
  ],
  [encodeSynReply(3, block), { type: 'synReply', streamId: 3, fin: false, block }],
  [encodeHeaders(5, block, true), { type: 'headers', streamId: 5, fin: true, block }],
  [encodeRstStream(7, 5), { type: 'rstStream', streamId: 7, status: 5 }],
  [encodeSettings([{ id: 7, value: 9 }]), { type: 'settings', settings: [{ id: 7, value: 9 }] }],
  [encodePing(0xffff_ffff), { type: 'ping', id: 0xffff_ffff }],
  [encodeGoAway(9, 1), { type: 'goAway', lastStreamId: 9, status: 1 }],
  [encodeWindowUpdate(0, 100), { type: 'windowUpdate', streamId: 0, deltaBytes: 100 }],
];

function readAll(bytes: Buffer, stepBytes: number): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += stepBytes) {
    frames.push(...reader.frames(bytes.subarray(at, at + stepBytes)));
  }
  return frames;
}

test.each([1, 2, 7, 8, 9, 1000])('every frame is read from pieces of %i bytes', (stepBytes) => {
  const bytes = Buffer.concat(ALL.map(([encoded]) => encoded));
  expect(readAll(bytes, stepBytes)).toEqual(ALL.map(([, frame]) => frame));
});

test('data comes in pieces as it arrives, and its end with the last', () => {
  const bytes = Buffer.concat([dataHead(1, 5, true), Buffer.from('hello'), dataHead(3, 0, true)]);
  const frames = readAll(bytes, 3) as (Frame & { type: 'data' })[];
  const of = (id: number) => frames.filter(({ streamId }) => streamId === id);
  expect(Buffer.concat(of(1).map(({ bytes: piece }) => piece)).toString()).toBe('hello');
  expect(of(1).map(({ fin }) => fin)).toEqual([
    ...of(1)
      .slice(1)
      .map(() => false),
    true,
  ]);
  expect(of(3)).toEqual([{ type: 'data', streamId: 3, bytes: Buffer.alloc(0), fin: true }]);
});

test('a frame of 16 MiB that never comes costs nothing', () => {
  const reader = new FrameReader();
  expect([...reader.frames(dataHead(1, 0xff_ffff, false))]).toEqual([]);
  const [piece] = [...reader.frames(Buffer.from('x'))];
  expect(piece).toMatchObject({ type: 'data', streamId: 1, fin: false });
});

test.each([
  ['data on stream zero', dataHead(0, 1, false)],
  ['another version', Buffer.from('8002000100000000', 'hex')],
  ['a control frame of 16 MiB', Buffer.from('8003000100ffffff', 'hex')],
  ['a short SYN_STREAM', Buffer.from('800300010000000400000001', 'hex')],
  ['SYN_STREAM of stream zero', encodeSynStream(0, block)],
  ['a long PING', Buffer.concat([Buffer.from('8003000600000005', 'hex'), Buffer.alloc(5)])],
  ['a short GOAWAY', Buffer.from('800300070000000400000001', 'hex')],
  ['a short WINDOW_UPDATE', Buffer.from('800300090000000400000001', 'hex')],
  ['SETTINGS with a wrong count', Buffer.from('8003000400000004ffffffff', 'hex')],
])('%s is refused', (_name, bytes) => {
  expect(() => readAll(bytes, 1000)).toThrow(SpdyError);
});

test('an unknown control frame is passed over', () => {
  const bytes = Buffer.concat([Buffer.from('8003000a0000000161', 'hex'), encodePing(1)]);
  expect(readAll(bytes, 4)).toEqual([{ type: 'ping', id: 1 }]);
});

describe('header blocks', () => {
  const headers = [
    new Map([
      ['streamtype', 'data'],
      ['port', '80'],
      ['requestid', '1'],
    ]),
    new Map<string, string>(),
    new Map([['streamtype', 'error ü']]),
  ];

  test('of ours are read by zlib itself, as one stream', async () => {
    const deflater = new HeaderDeflater();
    const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
    inflate.end(Buffer.concat(headers.map((one) => deflater.write(one))));
    const out: Buffer[] = [];
    // The stream is never closed by its writer: zlib says so, when it has given everything.
    inflate.on('data', (chunk: Buffer) => out.push(chunk)).on('error', () => undefined);
    await expect.poll(() => Buffer.concat(out).includes('error ü')).toBe(true);
    expect(Buffer.concat(out).subarray(0, 4)).toEqual(Buffer.from([0, 0, 0, 3]));
  });

  test('of one stream of zlib, as Go writes it, refer back to what was before', async () => {
    const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, level: 9 });
    const chunks: Buffer[] = [];
    deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
    const inflater = new HeaderInflater();
    for (const one of [...headers, ...headers]) {
      deflate.write(plain(one));
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      const read = inflater.read(Buffer.concat(chunks.splice(0)));
      expect(read).toEqual(one);
    }
  });

  const packed = (bytes: Buffer) =>
    Buffer.concat([
      Buffer.from('78bbe3c6a7c2', 'hex'),
      deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
    ]);
  test.each([
    ['a bomb', packed(Buffer.alloc(50_000_000))],
    ['no dictionary', Buffer.from('789c0000', 'hex')],
    ['another dictionary', Buffer.from('78bb000000000000', 'hex')],
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from('78bbe3c6a7c2ffffffffff', 'hex')],
    ['a count without headers', packed(Buffer.from([0, 0, 0, 9]))],
    ['a count of four billion', packed(Buffer.from([255, 255, 255, 255]))],
    ['a name of two gigabytes', packed(Buffer.from([0, 0, 0, 1, 127, 255, 255, 255]))],
    ['a name twice', packed(twice())],
  ])('with %s are refused', (_name, bytes) => {
    expect(() => new HeaderInflater().read(bytes)).toThrow(SpdyError);
  });
});

function plain(headers: ReadonlyMap<string, string>): Buffer {
  const counted = (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const count = Buffer.from([0, 0, 0, headers.size]);
  return Buffer.concat([
    count,
    ...[...headers].flatMap(([name, value]) => [counted(name), counted(value)]),
  ]);
}

function twice(): Buffer {
  const one = plain(new Map([['a', 'b']]));
  return Buffer.concat([Buffer.from([0, 0, 0, 2]), one.subarray(4), one.subarray(4)]);
}

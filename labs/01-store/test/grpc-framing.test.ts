import { describe, expect, test } from 'vitest';
import { FRAME_HEADER_BYTES, MessageReader, sealFrame } from '../src/grpc/framing.ts';
import { GrpcError } from '../src/grpc/status.ts';
import { randomOf, seedOf } from './support/store-helpers.ts';

/** A message as it goes over the wire. */
function frame(message: string): Buffer {
  return sealFrame(Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), Buffer.from(message)]));
}

const texts = (messages: readonly Buffer[]) => messages.map(String);

test('sealFrame() puts the flag and the length in front', () => {
  expect(frame('abc').toString('hex')).toBe('0000000003616263');
  expect(frame('').toString('hex')).toBe('0000000000');
});

describe('MessageReader', () => {
  test('reads one message of one chunk', () => {
    const reader = new MessageReader(100);
    expect(texts(reader.push(frame('put')))).toEqual(['put']);
    expect(reader.isBetweenMessages).toBe(true);
  });

  test('reads many messages of one chunk, empty ones too', () => {
    const reader = new MessageReader(100);
    const chunk = Buffer.concat([frame('a'), frame(''), frame('bc')]);
    expect(texts(reader.push(chunk))).toEqual(['a', '', 'bc']);
  });

  test('waits for what is missing, be it of the header or of the message', () => {
    const bytes = frame('put');
    for (let cut = 1; cut < bytes.length; cut++) {
      const reader = new MessageReader(100);
      expect(reader.push(bytes.subarray(0, cut))).toEqual([]);
      expect(reader.isBetweenMessages).toBe(false);
      expect(texts(reader.push(bytes.subarray(cut)))).toEqual(['put']);
    }
  });

  test('finds the same messages wherever the network cuts', () => {
    const random = randomOf(seedOf('framing'));
    const messages = Array.from({ length: 200 }, (_, i) => String(i).repeat(random(300)));
    const bytes = Buffer.concat(messages.map(frame));
    const reader = new MessageReader(100_000);
    const found: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random(700);
      found.push(...texts(reader.push(bytes.subarray(at, end))));
      at = end;
    }
    expect(found).toEqual(messages);
  });

  test.each([
    {
      name: 'a longer message than allowed, before it is there',
      bytes: '0000000065',
      want: ['RESOURCE_EXHAUSTED', 'grpc: received message larger than max (101 vs. 100)'],
    },
    {
      name: 'a compressed message',
      bytes: '0100000001ff',
      want: ['INTERNAL', 'grpc: compressed flag set with identity or empty encoding'],
    },
    {
      name: 'a compressed message whose encoding is named',
      bytes: '0100000001ff',
      encoding: 'gzip',
      want: ['UNIMPLEMENTED', 'grpc: Decompressor is not installed for grpc-encoding "gzip"'],
    },
    {
      name: 'a flag that does not exist',
      bytes: '4700000001ff',
      want: ['INTERNAL', 'grpc: received unexpected payload format 71'],
    },
  ])('refuses $name', ({ bytes, encoding, want: [code, message] }) => {
    const reader = new MessageReader(100, encoding);
    const expected = new GrpcError(code as 'INTERNAL', message as string);
    expect(() => reader.push(Buffer.from(bytes, 'hex'))).toThrow(expected);
  });
});

// list-body: a list of stored objects as the pieces in which it is sent.
//
// A list of some ten thousand pods is 27 MB. It is never in one piece: while one block is on its way the next is made, out of the values
// that lie in memory anyway. Its whole length is known before.
//
// Same purpose upstream: streaming encoders of lists (apimachinery, runtime/serializer/json/collections.go).

import type { StoredObject } from '../registry/stored-object.ts';

/** Bytes in blocks, made as they are asked for. */
export interface Blocks {
  /** Of all blocks together. */
  readonly length: number;
  [Symbol.iterator](): Iterator<Buffer>;
}

const BLOCK_BYTES = 256 * 1024;
const COMMA = 0x2c;
const END = Buffer.from(']}\n');

/** `head` is the list without items, an object in JSON. */
export function listBlocks(head: object, items: readonly StoredObject[]): Blocks {
  const start = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  let length = start.length + END.length + Math.max(0, items.length - 1);
  for (const item of items) length += item.length;
  return { length, [Symbol.iterator]: () => blocksOf(start, items, length) };
}

function* blocksOf(
  start: Buffer,
  items: readonly StoredObject[],
  length: number,
): Generator<Buffer, void> {
  let left = length;
  let block = Buffer.allocUnsafeSlow(Math.max(start.length, Math.min(BLOCK_BYTES, length)));
  let at = start.copy(block);
  for (const [index, item] of items.entries()) {
    const comma = index === 0 ? 0 : 1;
    if (at + comma + item.length > block.length) {
      yield block.subarray(0, at);
      left -= at;
      // An object may be longer than a block is.
      block = Buffer.allocUnsafeSlow(Math.max(Math.min(BLOCK_BYTES, left), comma + item.length));
      at = 0;
    }
    if (comma === 1) at = block.writeUInt8(COMMA, at);
    at = item.copyTo(block, at);
  }
  if (at + END.length <= block.length) {
    at += END.copy(block, at);
    yield block.subarray(0, at);
  } else {
    yield block.subarray(0, at);
    yield END;
  }
}

// list-body: a list of stored objects as the blocks in which it is sent.
//
// A list of some ten thousand pods is 27 MB. It is never in one piece: while one block is on its way the next is filled, out of the values
// that lie in memory anyway. Its whole length is known before. Blocks are used again, for this list and for later ones: a list costs
// two of them, however long it is and however slowly the client reads.
//
// Rule of use: a block is its taker's until it asks for the next but one; then its bytes change. The last block is empty.
// Same purpose upstream: streaming encoders of lists (apimachinery, runtime/serializer/json/collections.go).

import type { StoredObject } from '../registry/stored-object.ts';

/** Bytes in blocks, filled as they are asked for. */
export interface Blocks {
  /** Of all blocks together. */
  readonly length: number;
  [Symbol.iterator](): Iterator<Buffer>;
}

const BLOCK_BYTES = 128 * 1024;
/** What is kept for the next list. */
const IDLE_BLOCKS_MAX = 16;
const COMMA = Buffer.from(',');
const END = Buffer.from(']}\n');
const NOTHING = Buffer.alloc(0);
const idle: Buffer[] = [];

/** `head` is the list without items, an object in JSON. */
export function listBlocks(head: object, items: readonly StoredObject[]): Blocks {
  const start = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  let length = start.length + END.length + Math.max(0, items.length - 1);
  for (const item of items) length += item.length;
  return { length, [Symbol.iterator]: () => blocksOf(start, items) };
}

function* blocksOf(start: Buffer, items: readonly StoredObject[]): Generator<Buffer, void> {
  const filler = new BlockFiller();
  filler.put(start);
  for (const [index, item] of items.entries()) {
    const full = filler.makeRoom(COMMA.length + item.length + END.length);
    if (full !== undefined) yield full;
    if (index > 0) filler.put(COMMA);
    filler.putObject(item);
  }
  filler.put(END);
  yield filler.rest;
  // Whoever asks once more than this has seen the last block go. One who left before may still have it in a connection: then it is lost.
  yield NOTHING;
  filler.giveBack();
}

/** Two blocks that are filled in turns. */
class BlockFiller {
  #filling = takeBlock();
  #sent = takeBlock();
  #at = 0;

  /** The block that is full, when there is no room for so much in it. */
  makeRoom(bytes: number): Buffer | undefined {
    if (this.#at + bytes <= this.#filling.length) return undefined;
    const full = this.rest;
    const other = this.#sent;
    this.#sent = this.#filling;
    // An object may be longer than a block.
    this.#filling = bytes <= other.length ? other : Buffer.allocUnsafeSlow(bytes);
    this.#at = 0;
    return full;
  }

  put(bytes: Buffer): void {
    this.#at += bytes.copy(this.#filling, this.#at);
  }

  putObject(stored: StoredObject): void {
    this.#at = stored.copyTo(this.#filling, this.#at);
  }

  get rest(): Buffer {
    return this.#filling.subarray(0, this.#at);
  }

  giveBack(): void {
    for (const block of [this.#filling, this.#sent]) {
      const fits = block.length === BLOCK_BYTES && idle.length < IDLE_BLOCKS_MAX;
      if (fits) idle.push(block);
    }
  }
}

function takeBlock(): Buffer {
  return idle.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

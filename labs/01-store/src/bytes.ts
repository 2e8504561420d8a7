// ByteWriter, ByteReader: numbers and byte strings in a buffer, one after another.
//
// Revisions are doubles (exact to 2^53, as everywhere in this store), lease ids int64, lengths uint32;
// big endian. The writer's buffer is used again and again: take() is only good until reset().
import { StoreError } from './kv.ts';

const FIRST_BYTES = 64 * 1024;

export class ByteWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** The bytes written so far, not copied. */
  take(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  uint8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  uint32(value: number): void {
    this.#length = this.#room(4).writeUInt32BE(value, this.#length);
  }

  double(value: number): void {
    this.#length = this.#room(8).writeDoubleBE(value, this.#length);
  }

  int64(decimal: string): void {
    this.#length = this.#room(8).writeBigInt64BE(BigInt(decimal), this.#length);
  }

  latin1(text: string): void {
    this.uint32(text.length);
    this.#length += this.#room(text.length).write(text, this.#length, 'latin1');
  }

  bytes(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.#room(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The buffer, with room for so many more bytes. */
  #room(bytes: number): Buffer {
    const needed = this.#length + bytes;
    if (needed > this.#buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(bigger, 0, 0, this.#length);
      this.#buffer = bigger;
    }
    return this.#buffer;
  }
}

export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  uint8(): number {
    return this.#buffer.readUInt8(this.#skip(1));
  }

  uint32(): number {
    return this.#buffer.readUInt32BE(this.#skip(4));
  }

  double(): number {
    const value = this.#buffer.readDoubleBE(this.#skip(8));
    // As an integer it needs no object of its own in memory; there are three in each version.
    const integer = value | 0;
    return integer === value ? integer : value;
  }

  int64(): string {
    const value = this.#buffer.readBigInt64BE(this.#skip(8));
    return value === 0n ? '0' : value.toString();
  }

  latin1(): string {
    const length = this.uint32();
    const start = this.#skip(length);
    return this.#buffer.toString('latin1', start, start + length);
  }

  /** A copy, so that one small value does not keep a whole file in memory. */
  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.#skip(length);
    return Buffer.from(this.#buffer.subarray(start, start + length));
  }

  #skip(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#buffer.length) {
      throw new StoreError('corrupt', 'an entry is longer than its record');
    }
    this.#at += bytes;
    return start;
  }
}

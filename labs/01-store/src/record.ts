// Records: what log and snapshot are made of. A record holds entries that are durable together.
//
//   record   magic "KLW1", uint32 payload length, uint32 number in the file, uint32 crc32, payload
//   payload  entries, each a kind and its fields
// The checksum covers length, number and payload. The number makes a record of one place useless in another.
//
// A file may end in a torn record: the machine stopped while it was written, so it was never
// acknowledged. Such a tail is cut. How to tell it from damage: a record is only written after all before it were
// synced. So if a whole record follows a broken one, the broken one had been whole: that is damage.
// Upstream: etcd, server/storage/wal (decoder.go: isTornEntry) and wal/walpb.
import { crc32 } from 'node:zlib';
import type { ByteWriter } from './bytes.ts';

const MAGIC = Buffer.from('KLW1', 'latin1');
const HEADER_BYTES = 16;
const CRC_AT = 12;

/** Leaves room for the header; the entries are written after it. */
export function beginRecord(writer: ByteWriter): void {
  writer.reset();
  for (let i = 0; i < HEADER_BYTES; i += 4) writer.uint32(0);
}

/** The whole record, good until the writer is used again. */
export function endRecord(writer: ByteWriter, number: number): Buffer {
  const record = writer.take();
  MAGIC.copy(record);
  record.writeUInt32BE(record.length - HEADER_BYTES, 4);
  record.writeUInt32BE(number, 8);
  record.writeUInt32BE(checksum(record), CRC_AT);
  return record;
}

export function isEmptyRecord(record: Buffer): boolean {
  return record.length === HEADER_BYTES;
}

export type Scan =
  | { readonly kind: 'record'; readonly payload: Buffer; readonly end: number }
  | { readonly kind: 'more'; readonly bytes: number }
  | { readonly kind: 'broken' };

/** Looks for record `number` at `start`. 'more' = it reaches so far; a file that ends before has a torn record. */
export function scanRecord(buffer: Buffer, start: number, number: number): Scan {
  const payloadAt = start + HEADER_BYTES;
  if (payloadAt > buffer.length) return { kind: 'more', bytes: payloadAt };
  if (buffer.compare(MAGIC, 0, MAGIC.length, start, start + MAGIC.length) !== 0) {
    return { kind: 'broken' };
  }
  const end = payloadAt + buffer.readUInt32BE(start + 4);
  if (end > buffer.length) return { kind: 'more', bytes: end };
  const record = buffer.subarray(start, end);
  const isWhole =
    record.readUInt32BE(8) === number && record.readUInt32BE(CRC_AT) === checksum(record);
  if (!isWhole) return { kind: 'broken' };
  return { kind: 'record', payload: record.subarray(HEADER_BYTES), end };
}

/** Whether any whole record with a number above `number` starts after `start`. */
export function hasRecordAfter(buffer: Buffer, start: number, number: number): boolean {
  for (let at = start; at >= 0; ) {
    at = buffer.indexOf(MAGIC, at + 1);
    if (at < 0 || at + HEADER_BYTES > buffer.length) return false;
    const candidate = buffer.readUInt32BE(at + 8);
    if (candidate > number && scanRecord(buffer, at, candidate).kind === 'record') return true;
  }
  return false;
}

function checksum(record: Buffer): number {
  return crc32(record.subarray(HEADER_BYTES), crc32(record.subarray(4, CRC_AT)));
}

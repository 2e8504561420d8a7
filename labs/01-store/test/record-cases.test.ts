// Bytes, entries and records, byte by byte: what is written is what is read, and what is not whole is not a record.
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '#src/bytes.ts';
import { readEntry, type SnapshotEntry, writeEntry } from '#src/entry.ts';
import type { Entry } from '#src/journal.ts';
import { StoreError } from '#src/kv.ts';
import { beginRecord, endRecord, hasRecordAfter, isEmptyRecord, scanRecord } from '#src/record.ts';
import { bytes } from './support/store-helpers.ts';

const HEADER_BYTES = 16;

const entries: readonly (Entry | SnapshotEntry)[] = [
  {
    kind: 'commit',
    revision: 2 ** 53 - 1,
    changes: [
      { type: 'put', key: 'a\0\xff', value: bytes('\0\x80\xff'), lease: '-9223372036854775808' },
      { type: 'delete', key: 'b' },
      { type: 'put', key: '', value: bytes(''), lease: '0' },
    ],
  },
  { kind: 'commit', revision: 2, changes: [] },
  { kind: 'compact', revision: 7 },
  { kind: 'lease-grant', id: '9223372036854775807', ttlSeconds: 60 },
  { kind: 'lease-revoke', id: '4711' },
  { kind: 'meta', name: 'alarms', value: bytes('NOSPACE') },
  { kind: 'snapshot', compactRevision: 9, last: [{ type: 'delete', key: 'gone' }] },
  {
    kind: 'version',
    kv: { key: 'k', value: bytes('v'), createRevision: 3, modRevision: 5, version: 2, lease: '1' },
  },
  { kind: 'end' },
];

/** A writer's bytes, copied. */
function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  write(writer);
  return Buffer.from(writer.take());
}

function recordOf(number: number, payload: string): Buffer {
  const writer = new ByteWriter();
  beginRecord(writer);
  for (const byte of bytes(payload)) writer.uint8(byte);
  return Buffer.from(endRecord(writer, number));
}

const messageOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return StoreError.is(error, 'corrupt') ? error.message : error;
  }
};

describe('entries', () => {
  test.each(entries.map((entry) => [entry.kind, entry] as const))(
    '%s comes back as it was',
    (_, entry) => {
      const data = written((writer) => writeEntry(writer, entry));
      const reader = new ByteReader(data);
      expect(readEntry(reader)).toEqual(entry);
      expect(reader.isAtEnd).toBe(true);
    },
  );

  test('one after another they come back in their order', () => {
    const reader = new ByteReader(
      written((writer) => {
        for (const entry of entries) writeEntry(writer, entry);
      }),
    );
    for (const entry of entries) {
      expect(reader.isAtEnd).toBe(false);
      expect(readEntry(reader)).toEqual(entry);
    }
    expect(reader.isAtEnd).toBe(true);
  });

  test('the number of each kind is what old logs say', () => {
    const kinds = entries.map((entry) => [entry.kind, written((w) => writeEntry(w, entry))[0]]);
    expect(Object.fromEntries(kinds)).toEqual({
      commit: 0,
      compact: 1,
      'lease-grant': 2,
      'lease-revoke': 3,
      snapshot: 4,
      version: 5,
      end: 6,
      meta: 7,
    });
  });

  test('an unknown kind is named', () => {
    const run = () => readEntry(new ByteReader(Buffer.from([99])));
    expect(messageOf(run)).toBe('an entry has the unknown kind 99');
  });

  test.each(entries.map((entry) => [entry.kind, entry] as const))(
    '%s that is cut anywhere is damage',
    (_, entry) => {
      const data = written((writer) => writeEntry(writer, entry));
      for (let end = 0; end < data.length; end++) {
        const run = () => readEntry(new ByteReader(data.subarray(0, end)));
        expect([end, messageOf(run)]).toEqual([end, 'an entry is longer than its record']);
      }
    },
  );
});

describe('ByteWriter', () => {
  test('grows with what is written, and keeps what was written before', () => {
    const writer = new ByteWriter();
    const chunk = bytes('0123456789'.repeat(100));
    for (let i = 0; i < 200; i++) writer.bytes(chunk);
    expect(writer.length).toBe(200 * 1004);
    const reader = new ByteReader(writer.take());
    for (let i = 0; i < 200; i++) expect(chunk.equals(reader.bytes())).toBe(true);
    writer.reset();
    expect([writer.length, writer.take().length]).toEqual([0, 0]);
  });

  test('takes one value that is larger than twice its buffer', () => {
    const writer = new ByteWriter();
    const large = Buffer.alloc(500_000, 'x');
    writer.uint8(1);
    writer.bytes(large);
    const reader = new ByteReader(writer.take());
    expect([reader.uint8(), large.equals(reader.bytes())]).toEqual([1, true]);
  });

  test('is big endian, and counts the bytes before each string', () => {
    const data = written((writer) => {
      writer.uint32(0x01020304);
      writer.double(1);
      writer.int64('-2');
      writer.latin1('\xff');
    });
    expect(data.toString('hex')).toBe('010203043ff0000000000000fffffffffffffffe00000001ff');
  });

  test('what a reader returns does not change with the buffer that it read', () => {
    const data = written((writer) => writer.bytes(bytes('old')));
    const value = new ByteReader(data).bytes();
    data.fill(0);
    expect(value).toEqual(bytes('old'));
  });
});

describe('records', () => {
  test('an empty record is its header', () => {
    expect(isEmptyRecord(recordOf(0, ''))).toBe(true);
    expect(isEmptyRecord(recordOf(0, 'x'))).toBe(false);
  });

  test('one that is whole is found, wherever it starts', () => {
    const log = Buffer.concat([bytes('before'), recordOf(3, 'payload'), bytes('after')]);
    const scan = scanRecord(log, 6, 3);
    expect(scan).toEqual({ kind: 'record', payload: bytes('payload'), end: 6 + HEADER_BYTES + 7 });
  });

  test('a header that is not there yet says how much more is needed', () => {
    const record = recordOf(0, 'payload');
    for (let end = 0; end < record.length; end++) {
      const needed = end < HEADER_BYTES ? HEADER_BYTES : record.length;
      expect(scanRecord(record.subarray(0, end), 0, 0)).toEqual({ kind: 'more', bytes: needed });
    }
  });

  test('another number, another magic, another byte anywhere is no record', () => {
    const record = recordOf(3, 'payload');
    expect(scanRecord(record, 0, 2).kind).toBe('broken');
    for (let at = 0; at < record.length; at++) {
      if (at >= 4 && at < 8) continue; // The length: see below.
      const damaged = Buffer.from(record);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      expect([at, scanRecord(damaged, 0, 3).kind]).toEqual([at, 'broken']);
    }
  });

  test('a length that is wrong is broken, or reaches too far', () => {
    const record = recordOf(3, 'payload');
    const withLength = (length: number) => {
      const damaged = Buffer.from(record);
      damaged.writeUInt32BE(length, 4);
      return scanRecord(damaged, 0, 3);
    };
    expect(withLength(6)).toEqual({ kind: 'broken' });
    expect(withLength(8)).toEqual({ kind: 'more', bytes: HEADER_BYTES + 8 });
  });

  test('hasRecordAfter() finds a later number, not the same and not an earlier one', () => {
    const later = Buffer.concat([bytes('torn'), recordOf(4, 'x')]);
    expect(hasRecordAfter(later, 0, 3)).toBe(true);
    expect(hasRecordAfter(later, 0, 4)).toBe(false);
    expect(hasRecordAfter(later, 0, 5)).toBe(false);
  });

  test('hasRecordAfter() does not take the record at its own place for one after it', () => {
    const log = recordOf(4, 'x');
    expect(hasRecordAfter(log, 0, 3)).toBe(false);
    expect(hasRecordAfter(Buffer.concat([bytes('.'), log]), 0, 3)).toBe(true);
  });

  test('hasRecordAfter() looks past what only begins like a record', () => {
    const magic = bytes('KLW1');
    const record = recordOf(4, 'x');
    expect(hasRecordAfter(Buffer.concat([bytes('torn'), magic, record]), 0, 3)).toBe(true);
    expect(hasRecordAfter(Buffer.concat([bytes('torn'), record.subarray(0, -1)]), 0, 3)).toBe(
      false,
    );
    expect(hasRecordAfter(Buffer.concat([bytes('torn'), magic, Buffer.alloc(11)]), 0, 3)).toBe(
      false,
    );
    expect(hasRecordAfter(bytes('nothing'), 0, 3)).toBe(false);
  });

  test('hasRecordAfter() finds an empty record that ends with the file', () => {
    expect(hasRecordAfter(Buffer.concat([bytes('torn'), recordOf(4, '')]), 0, 3)).toBe(true);
  });
});

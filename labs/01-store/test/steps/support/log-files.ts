// LogFiles: the learner's log by itself: records made of entries, a Wal that is watched, and what recovery brings back.
import { promises } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { ByteWriter } from '#src/bytes.ts';
import { segmentPath } from '#src/data-files.ts';
import type { Disk, DiskFile } from '#src/disk.ts';
import { writeEntry } from '#src/entry.ts';
import type { Entry } from '#src/journal.ts';
import { StoreError } from '#src/kv.ts';
import { LeaseBook } from '#src/lease.ts';
import { Mvcc } from '#src/mvcc.ts';
import { beginRecord, endRecord } from '#src/record.ts';
import { recover } from '#src/recovery.ts';
import { type Position, Wal } from '#src/wal.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultDisk } from '../../support/fault-disk.ts';
import { bytes, line } from '../../support/store-helpers.ts';

export const START: Position = { segment: 1, bytes: 0, records: 0, logBytes: 0 };

/** The commit of one put at this revision. */
export const commitOf = (revision: number, key: string, value = `value of ${key}`): Entry => ({
  kind: 'commit',
  revision,
  changes: [{ type: 'put', key, value: bytes(value), lease: '0' }],
});

/** A record of these entries: a copy, for the writer's buffer is used again. */
export function recordOf(number: number, ...entries: Entry[]): Buffer {
  const writer = new ByteWriter();
  beginRecord(writer);
  for (const entry of entries) writeEntry(writer, entry);
  return Buffer.from(endRecord(writer, number));
}

/** Each record of a log in a line, by its header alone, as far as headers can be read. */
export function recordsOf(log: Buffer): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at + 16 <= log.length; at += 16 + log.readUInt32BE(at + 4)) {
    const [magic, length] = [log.toString('latin1', at, at + 4), log.readUInt32BE(at + 4)];
    const [number, crc] = [log.readUInt32BE(at + 8), log.toString('hex', at + 12, at + 16)];
    lines.push(`${magic} record ${number} at byte ${at}, payload ${length} bytes, crc ${crc}`);
  }
  return lines;
}

export interface OpenedFiles extends Disposable {
  readonly stillOpen: number;
  readonly largestRead: number;
}

/** The files that anybody opens with node:fs/promises from now on, until it is disposed of. */
export function openedFiles(): OpenedFiles {
  const { open } = promises;
  const files: promises.FileHandle[] = [];
  let largestRead = 0;
  promises.open = async (...args) => {
    const file = await open(...args);
    files.push(file);
    const read = file.read.bind(file);
    // Called with a buffer, an offset and a length, as readAt() does.
    Object.assign(file, {
      read: (buffer: Buffer, offset: number, length: number, position: number) => {
        largestRead = Math.max(largestRead, length);
        return read(buffer, offset, length, position);
      },
    });
    return file;
  };
  syncBuiltinESMExports();
  return {
    get stillOpen() {
      return files.filter(({ fd }) => fd >= 0).length;
    },
    get largestRead() {
      return largestRead;
    },
    [Symbol.dispose]: () => {
      promises.open = open;
      syncBuiltinESMExports();
    },
  };
}

export interface Recovered {
  /** `key=value create/mod/version` of every key, or the error. */
  readonly lines: readonly string[] | string;
  readonly at: Position | undefined;
  readonly message: string;
}

export async function recovered(directory: string): Promise<Recovered> {
  const mvcc = new Mvcc();
  try {
    const at = await recover(directory, { mvcc, leases: new LeaseBook(new FakeClock()) });
    const { kvs } = mvcc.range({ key: '\0', rangeEnd: '\0' }, mvcc.revision);
    return { lines: kvs.map(line), at, message: '' };
  } catch (error) {
    if (!StoreError.is(error)) throw error;
    return { lines: error.code, at: undefined, message: error.message };
  }
}

export const readLog = (directory: string): Promise<Buffer> => readFile(segmentPath(directory, 1));

export const writeLog = (directory: string, log: Uint8Array): Promise<void> =>
  writeFile(segmentPath(directory, 1), log);

/** A disk that writes down what it was asked, and can hold a sync back. */
export class WatchedDisk extends FaultDisk {
  readonly did: string[] = [];
  /** Awaited before a sync is done. */
  syncGate: Promise<void> | undefined;

  override async open(path: string): Promise<DiskFile> {
    const file = await super.open(path);
    return {
      ...file,
      write: async (data, position) => {
        this.did.push('write');
        await file.write(data, position);
      },
      datasync: async () => {
        this.did.push('sync begins');
        await this.syncGate;
        await file.datasync();
        this.did.push('sync is done');
      },
    };
  }
}

export interface WatchedWal {
  readonly wal: Wal;
  /** `durable 1`, `failed 2 no-space` … in the order in which it happened. */
  readonly settled: string[];
  /** Appends these entries, and says who it was when it is settled. Rejects when the test ends before. */
  append(name: string, ...entries: Entry[]): Promise<void>;
}

export interface WatchedWalOptions {
  readonly disk: Disk;
  readonly signal: AbortSignal;
  readonly at?: Position;
  /** A snapshot is due after so many bytes of log. Default never. */
  readonly snapshotBytes?: number;
  readonly snapshot?: (segment: number) => void;
}

export async function openWal(
  directory: string,
  {
    disk,
    signal,
    at = START,
    snapshotBytes = Number.POSITIVE_INFINITY,
    snapshot = () => undefined,
  }: WatchedWalOptions,
): Promise<WatchedWal> {
  const wal = await Wal.open(
    {
      disk,
      directory,
      segmentPath: (segment) => segmentPath(directory, segment),
      snapshotBytes: () => snapshotBytes,
      snapshot: async (segment) => snapshot(segment),
    },
    at,
  );
  const settled: string[] = [];
  const append = (name: string, ...entries: Entry[]) =>
    new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      wal.append(entries, {
        durable: () => {
          settled.push(`durable ${name}`);
          if (disk instanceof WatchedDisk) disk.did.push(`durable ${name}`);
          resolve();
        },
        failed: ({ code, message }) => {
          settled.push(`failed ${name}: ${code}`);
          if (disk instanceof WatchedDisk) disk.did.push(`failed ${name}: ${message}`);
          resolve();
        },
      });
    });
  return { wal, settled, append };
}

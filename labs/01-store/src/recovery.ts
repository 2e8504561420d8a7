// Recovery: from the files of a data directory back to the state that was durable.
//
//   snapshot-3.db  wal-3.log  wal-4.log      the newest snapshot, then every segment from its number on
// Only the end of the log may be broken, by a write that was interrupted: it is cut there. Everything else that
// is not as expected is damage, and the store refuses to open ('corrupt'): guessing would lose writes silently.
// Upstream: etcd, server/etcdserver/bootstrap.go and server/storage/wal (ReadAll, repair.go).
import { type FileHandle, open, stat } from 'node:fs/promises';
import { ByteReader } from './bytes.ts';
import { listFiles, segmentPath, snapshotPath } from './data-files.ts';
import { readEntry, type SnapshotEntry } from './entry.ts';
import type { Entry } from './journal.ts';
import { StoreError } from './kv.ts';
import { hasRecordAfter, scanRecord } from './record.ts';
import { Replay, type State } from './replay.ts';
import type { Position } from './wal.ts';

const READ_BYTES = 8 * 1024 * 1024;

/** Fills the empty state, and says where the log goes on. */
export async function recover(directory: string, state: State): Promise<Position> {
  const { snapshots, segments } = await listFiles(directory);
  const first = snapshots.at(-1) ?? 1;
  const replay = new Replay(state);
  const apply: Apply = (entry) => replay.apply(entry);
  if (snapshots.length > 0) {
    const path = snapshotPath(directory, first);
    const { isCut } = await readRecords(path, apply);
    if (isCut || !replay.isSnapshotComplete) throw damaged(path, 'it ends too early');
  }
  let at: Position = { segment: first, bytes: 0, records: 0, logBytes: 0 };
  let cut: string | undefined;
  for (let segment = first; segment <= (segments.at(-1) ?? first); segment++) {
    const path = segmentPath(directory, segment);
    if (!segments.includes(segment)) {
      if (snapshots.length + segments.length === 0) break; // A new store.
      throw damaged(path, 'it is missing');
    }
    if (cut !== undefined) {
      // A cut segment is the last one that was used. An empty one may follow: its first write never came.
      if ((await stat(path)).size > 0) throw damaged(cut, 'it ends too early');
      continue;
    }
    const { bytes, records, isCut } = await readRecords(path, apply);
    at = { segment, bytes, records, logBytes: at.logBytes + bytes };
    if (isCut) cut = path;
  }
  return at;
}

type Apply = (entry: Entry | SnapshotEntry) => void;

interface Read {
  /** Of the whole records. */
  readonly bytes: number;
  readonly records: number;
  /** Something that is not a whole record follows. */
  readonly isCut: boolean;
}

/** Reads a file of records piece by piece. Throws 'corrupt' when a broken record is not the last. */
async function readRecords(path: string, apply: Apply): Promise<Read> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let bytes = 0;
    let records = 0;
    let buffer: Buffer = Buffer.alloc(0); // What was read and is not yet done, from `bytes` on.
    while (bytes < size) {
      const scan = scanRecord(buffer, 0, records);
      if (scan.kind === 'record') {
        applyRecord(path, records, scan.payload, apply);
        buffer = buffer.subarray(scan.end);
        bytes += scan.end;
        records++;
      } else if (scan.kind === 'more' && bytes + scan.bytes <= size) {
        const wanted = Math.max(READ_BYTES, scan.bytes - buffer.length);
        buffer = Buffer.concat([buffer, await readAt(file, bytes + buffer.length, wanted)]);
      } else {
        const rest = Buffer.concat([buffer, await readAt(file, bytes + buffer.length, size)]);
        if (hasRecordAfter(rest, 0, records)) throw damaged(path, `record ${records} is broken`);
        return { bytes, records, isCut: true };
      }
    }
    return { bytes, records, isCut: false };
  } finally {
    await file.close();
  }
}

function applyRecord(path: string, number: number, payload: Buffer, apply: Apply): void {
  try {
    const reader = new ByteReader(payload);
    while (!reader.isAtEnd) apply(readEntry(reader));
  } catch (error) {
    throw damaged(path, `record ${number} makes no sense: ${(error as Error).message}`);
  }
}

async function readAt(file: FileHandle, position: number, bytesMax: number): Promise<Buffer> {
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, size - position)));
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function damaged(path: string, what: string): StoreError {
  return new StoreError('corrupt', `cannot open the store: ${path} is damaged: ${what}`);
}

// Wal: the write-ahead log. Nothing is acknowledged before it is here, and synced.
//
// Group commit: a sync costs the same for one write as for a thousand. So all appends of a turn of the event
// loop, and all that come while a sync runs, become one record: one write, one fdatasync.
//   turn 1: put put put → record 1 ──sync──→ answer three
//   turn 2:        put put put put (they wait) → record 2 ──sync──→ answer four
// The log is a row of segments, wal-1, wal-2 … When enough was written, a new segment begins, and
// a snapshot of all before it makes the older ones superfluous: that bounds disk and restart time.
// Rules of use
//   - A refused write is cut off again, so that the next one starts on firm ground. If even that
//     fails, the log takes no more writes: nobody could say what is in the file.
// Upstream: etcd, server/storage/wal/wal.go (segments, encoder) and etcdserver/raft.go (batches).
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ByteWriter } from './bytes.ts';
import { Checkpoints } from './checkpoints.ts';
import { type Disk, type DiskFile, diskError, syncDirectory } from './disk.ts';
import { writeEntry } from './entry.ts';
import type { Entry, Journal, Settle } from './journal.ts';
import { StoreError } from './kv.ts';
import { beginRecord, endRecord, isEmptyRecord } from './record.ts';

/** A record is closed at this size. Longer ones would only make everybody wait for the largest. */
const RECORD_BYTES_MAX = 4 * 1024 * 1024;

export interface Position {
  readonly segment: number;
  readonly bytes: number;
  readonly records: number;
  /** Bytes of all segments since the last snapshot. */
  readonly logBytes: number;
}

export interface WalOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentPath: (segment: number) => string;
  /** A snapshot is due after so many bytes of log, if it has so many commits. */
  readonly snapshotBytes: (commits: number) => number;
  /** Begins at once, with all that is durable now, and covers all segments below this one. If it rejects, they stay. */
  readonly snapshot: (segment: number) => Promise<void>;
}

interface Append {
  readonly entries: readonly Entry[];
  readonly settle: Settle;
}

export class Wal implements Journal {
  readonly #options: WalOptions;
  readonly #writer = new ByteWriter();
  readonly #checkpoints: Checkpoints;
  #file: DiskFile;
  #at: Position;
  #waiting: Append[] = [];
  #commits = 0;
  #running: Promise<void> | undefined;
  #broken: StoreError | undefined;

  private constructor(options: WalOptions, file: DiskFile, at: Position) {
    this.#options = options;
    this.#file = file;
    this.#at = at;
    this.#checkpoints = new Checkpoints(options.snapshot, () => this.#lookWhatIsDue());
  }

  /** Continues after what recovery found whole, and cuts off the rest. */
  static async open(options: WalOptions, at: Position): Promise<Wal> {
    const file = await options.disk.open(options.segmentPath(at.segment));
    await file.truncate(at.bytes);
    await file.datasync();
    await syncDirectory(options.directory);
    return new Wal(options, file, at);
  }

  append(entries: readonly Entry[], settle: Settle): void {
    if (this.#broken !== undefined) {
      settle.failed(this.#broken);
      return;
    }
    this.#waiting.push({ entries, settle });
    this.#running ??= this.#run();
  }

  checkpoint(): Promise<void> {
    return this.#checkpoints.ask();
  }

  async close(): Promise<void> {
    while (this.#running !== undefined || this.#checkpoints.running !== undefined) {
      await this.#running;
      await this.#checkpoints.running;
    }
    await this.#file.close();
  }

  async #run(): Promise<void> {
    // The rest of this turn may append more.
    await nextTurn();
    while (this.#waiting.length > 0) {
      const batch = this.#encodeBatch();
      try {
        await this.#write();
      } catch (error) {
        await this.#refuse(batch, error);
        continue;
      }
      for (const { settle } of batch) settle.durable();
      await this.#rotateIfDue();
    }
    this.#running = undefined;
  }

  /** Moves waiting appends into a record. Bytes are made here, once, straight into the buffer that is written. */
  #encodeBatch(): readonly Append[] {
    beginRecord(this.#writer);
    let count = 0;
    for (const { entries } of this.#waiting) {
      if (this.#writer.length > RECORD_BYTES_MAX) break;
      for (const entry of entries) {
        writeEntry(this.#writer, entry);
        if (entry.kind === 'commit') this.#commits++;
      }
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(): Promise<void> {
    const { bytes, records, logBytes } = this.#at;
    const record = endRecord(this.#writer, records);
    if (isEmptyRecord(record)) return;
    await this.#file.write(record, bytes);
    await this.#file.datasync();
    this.#at = {
      ...this.#at,
      bytes: bytes + record.length,
      records: records + 1,
      logBytes: logBytes + record.length,
    };
  }

  /** Fails all that is not safe, the newest first: what waits was built on what was refused. */
  async #refuse(batch: readonly Append[], cause: unknown): Promise<void> {
    let error = diskError(cause, 'write the log');
    try {
      await this.#file.truncate(this.#at.bytes);
      await this.#file.datasync();
    } catch (failure) {
      error = new StoreError('unavailable', `cannot repair the log: ${failure}`, { cause });
    }
    // After any other error than a full disk the kernel may have lost pages it will never write.
    if (error.code !== 'no-space') this.#broken = error;
    const unsafe = [...batch, ...this.#waiting];
    this.#waiting = [];
    for (const { settle } of unsafe.reverse()) settle.failed(error);
  }

  async #rotateIfDue(): Promise<void> {
    if (this.#checkpoints.running !== undefined || !this.#isSnapshotDue()) return;
    try {
      await this.#beginSegment(this.#at.segment + 1);
    } catch (error) {
      // No room for a new file: the old segment still has its own.
      this.#checkpoints.refuse(diskError(error, 'begin a new segment of the log'));
      return;
    }
    // Not one write is on its way now, so the snapshot sees exactly what the older segments say.
    this.#checkpoints.begin(this.#at.segment);
  }

  /** There is nothing to write, but the log runs once. */
  #lookWhatIsDue(): void {
    const failed = (error: StoreError) => this.#checkpoints.refuse(error);
    this.append([], { durable: () => undefined, failed });
  }

  #isSnapshotDue(): boolean {
    const isLong = this.#at.logBytes >= this.#options.snapshotBytes(this.#commits);
    return isLong || this.#checkpoints.isAsked;
  }

  async #beginSegment(segment: number): Promise<void> {
    const { disk, directory, segmentPath } = this.#options;
    const next = await disk.open(segmentPath(segment));
    await syncDirectory(directory);
    await this.#file.close();
    this.#file = next;
    this.#at = { segment, bytes: 0, records: 0, logBytes: 0 };
    this.#commits = 0;
  }
}

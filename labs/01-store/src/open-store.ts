// Opening a store: in memory, or in a directory.
//
// The order when a directory is opened: lock it, bring the state back, continue the log, and only
// then serve. What an interrupted snapshot left is removed on the way.
import { mkdir, rm } from 'node:fs/promises';
import { type Clock, realClock } from './clock.ts';
import { type Disk, diskError, realDisk } from './disk.ts';
import { memoryJournal } from './journal.ts';
import { LeaseBook } from './lease.ts';
import { type Lock, lockDirectory } from './lock.ts';
import { Mvcc } from './mvcc.ts';
import { listFiles, recover, segmentPath, snapshotPath } from './recovery.ts';
import { writeSnapshot } from './snapshot.ts';
import { Store } from './store.ts';
import { Wal } from './wal.ts';
import { WatchHub } from './watch-hub.ts';

const WATCH_QUEUE_LENGTH_MAX = 10_000;
const PROGRESS_INTERVAL_MS = 10_000;
const SNAPSHOT_BYTES_MIN = 32 * 1024 * 1024;

export interface MemoryStoreOptions {
  clock?: Clock;
  /** How many revisions wait for one watcher before it is cut off. */
  watchQueueLengthMax?: number;
  progressIntervalMs?: number;
}

export interface StoreOptions extends MemoryStoreOptions {
  /** Made if it is not there. */
  dataDir: string;
  /** A snapshot is taken after so many bytes of log, or as many as the last snapshot has if that is more. */
  snapshotBytesMin?: number;
  disk?: Disk;
  /** Hears of what went wrong without anybody having asked: a snapshot that could not be written. */
  warn?: (message: string) => void;
}

/** The same store without a log: it forgets everything when the process ends. */
export async function openMemoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  const state = newState(options);
  return new Store({ ...state, hub: hubOf(state.mvcc, options), journal: memoryJournal });
}

/** Throws 'corrupt' when the files are damaged, 'unavailable' when another process has them open. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataDir } = options;
  const lock = await prepare(dataDir);
  try {
    const state = newState(options);
    const position = await recover(dataDir, state);
    await removeBefore(dataDir, 0);
    const wal = await Wal.open(walOptions(options, state), position);
    const journal = {
      append: wal.append.bind(wal),
      close: () => wal.close().finally(() => lock.release()),
    };
    return new Store({ ...state, hub: hubOf(state.mvcc, options), journal });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function prepare(dataDir: string): Promise<Lock> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskError(error, `make the directory ${dataDir}`);
  }
  return lockDirectory(dataDir);
}

function walOptions(options: StoreOptions, state: ReturnType<typeof newState>) {
  const { dataDir, snapshotBytesMin = SNAPSHOT_BYTES_MIN, disk = realDisk, warn } = options;
  let lastSnapshotBytes = 0;
  const snapshot = async (segment: number) => {
    try {
      lastSnapshotBytes = await writeSnapshot(snapshotPath(dataDir, segment), state, disk);
      await removeBefore(dataDir, segment);
    } catch (error) {
      // The log still has everything. The next attempt comes with the next segment.
      warn?.(`cannot write a snapshot: ${(error as Error).message}`);
    }
  };
  return {
    disk,
    directory: dataDir,
    segmentPath: (segment: number) => segmentPath(dataDir, segment),
    snapshotBytes: () => Math.max(snapshotBytesMin, lastSnapshotBytes),
    snapshot,
  };
}

/** Removes the files that the snapshot with this number replaces, and snapshots that were never finished. */
async function removeBefore(dataDir: string, number: number): Promise<void> {
  const { snapshots, segments, unfinished } = await listFiles(dataDir);
  const newest = Math.max(number, snapshots.at(-1) ?? 0);
  const old = [
    ...snapshots.filter((n) => n < newest).map((n) => snapshotPath(dataDir, n)),
    ...segments.filter((n) => n < newest).map((n) => segmentPath(dataDir, n)),
  ];
  for (const path of [...old, ...unfinished]) await rm(path, { force: true });
}

function newState(options: MemoryStoreOptions): { mvcc: Mvcc; leases: LeaseBook } {
  return { mvcc: new Mvcc(), leases: new LeaseBook(options.clock ?? realClock) };
}

function hubOf(mvcc: Mvcc, options: MemoryStoreOptions): WatchHub {
  return new WatchHub(mvcc, {
    clock: options.clock ?? realClock,
    queueLengthMax: options.watchQueueLengthMax ?? WATCH_QUEUE_LENGTH_MAX,
    progressIntervalMs: options.progressIntervalMs ?? PROGRESS_INTERVAL_MS,
  });
}

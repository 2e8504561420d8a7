// Opening a store: in memory, in a directory, or in an etcd.
//
// The order when a directory is opened: lock it, bring the state back, continue the log, and only
// then serve. What an interrupted snapshot left is removed on the way.
// The adapter to etcd brings a gRPC client along, which is more than all of this lab: it is loaded when one is opened.
import { mkdir, rm, stat } from 'node:fs/promises';
import { Alarms } from './alarms.ts';
import { removeBackups } from './backup.ts';
import { type Clock, realClock } from './clock.ts';
import { listFiles, segmentPath, snapshotPath } from './data-files.ts';
import { type Disk, diskError, realDisk } from './disk.ts';
import type { Etcd3StoreOptions, openEtcd3Store as Open } from './etcd3-store.ts';
import { type Journal, memoryJournal } from './journal.ts';
import { LeaseBook } from './lease.ts';
import { type Lock, lockDirectory } from './lock.ts';
import { Meta } from './meta.ts';
import { Mvcc } from './mvcc.ts';
import { preallocating } from './preallocate.ts';
import { Quota } from './quota.ts';
import { recover } from './recovery.ts';
import { type SnapshotState, writeSnapshot } from './snapshot.ts';
import { Store } from './store.ts';
import { StoreMaintenance } from './store-maintenance.ts';
import { DEFAULT_LIMITS } from './txn-check.ts';
import { Wal, type WalOptions } from './wal.ts';
import { WatchHub } from './watch-hub.ts';

const DEFAULT_DISK = preallocating(realDisk);
const WATCH_QUEUE_LENGTH_MAX = 10_000;
const PROGRESS_INTERVAL_MS = 10_000;
const SNAPSHOT_BYTES_MIN = 32 * 1024 * 1024;

export interface MemoryStoreOptions {
  clock?: Clock;
  /** How many revisions wait for one watcher before it has to catch up from the history. */
  watchQueueLengthMax?: number;
  progressIntervalMs?: number;
  /** etcd's --quota-backend-bytes: 0 = the default of 2 GiB, negative = none. */
  quotaBackendBytes?: number;
  /** etcd's --max-txn-ops: the default is 128. */
  maxTxnOps?: number;
  /** etcd's --max-request-bytes, of keys and values together: the default is 1.5 MiB. */
  maxRequestBytes?: number;
}

export interface StoreOptions extends MemoryStoreOptions {
  /** Made if it is not there. */
  dataDir: string;
  /** A snapshot is taken after so many bytes of log, or as many as the last snapshot has if that is more. */
  snapshotBytesMin?: number;
  /** etcd's --snapshot-count: after so many committed transactions the log need not have snapshotBytesMin. */
  snapshotCount?: number;
  disk?: Disk;
  /** Hears of what went wrong without anybody having asked: a snapshot that could not be written. */
  warn?: (message: string) => void;
}

/** The same store without a log: it forgets everything when the process ends. */
export async function openMemoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  return storeOf(newState(options), { options, journal: memoryJournal, disk: realDisk });
}

/** Throws 'corrupt' when the files are damaged, 'unavailable' when another process has them open. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataDir, disk = DEFAULT_DISK } = options;
  const lock = await prepare(dataDir);
  try {
    const state = newState(options);
    const position = await recover(dataDir, state);
    await removeBefore(dataDir, 0);
    await removeBackups(dataDir);
    const wal = await Wal.open(walOptions(options, state, await snapshotBytes(dataDir)), position);
    const journal: Journal = {
      append: wal.append.bind(wal),
      checkpoint: wal.checkpoint.bind(wal),
      close: () => wal.close().finally(() => lock.release()),
    };
    return storeOf(state, { options, journal, disk, directory: dataDir });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** See openEtcd3Store() in etcd3-store.ts. */
export async function openEtcd3Store(options: Etcd3StoreOptions): ReturnType<typeof Open> {
  const adapter = await import('./etcd3-store.ts');
  return adapter.openEtcd3Store(options);
}

interface Surroundings {
  readonly options: MemoryStoreOptions;
  readonly journal: Journal;
  readonly disk: Disk;
  readonly directory?: string;
}

function storeOf(state: SnapshotState, { options, ...around }: Surroundings): Store {
  const { clock = realClock, maxTxnOps, maxRequestBytes } = options;
  const { mvcc, meta } = state;
  meta.start(around.journal);
  const alarms = new Alarms(meta);
  const hub = new WatchHub(mvcc, {
    clock,
    queueLengthMax: options.watchQueueLengthMax ?? WATCH_QUEUE_LENGTH_MAX,
    progressIntervalMs: options.progressIntervalMs ?? PROGRESS_INTERVAL_MS,
  });
  return new Store({
    ...state,
    hub,
    journal: around.journal,
    limits: {
      opsMax: maxTxnOps ?? DEFAULT_LIMITS.opsMax,
      requestBytesMax: maxRequestBytes ?? DEFAULT_LIMITS.requestBytesMax,
    },
    quota: new Quota(mvcc, alarms, options.quotaBackendBytes),
    maintenance: new StoreMaintenance({ state, alarms, ...around }),
  });
}

async function prepare(dataDir: string): Promise<Lock> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskError(error, `make the directory ${dataDir}`);
  }
  return lockDirectory(dataDir);
}

function walOptions(options: StoreOptions, state: SnapshotState, lastBytes: number): WalOptions {
  const { dataDir, snapshotBytesMin = SNAPSHOT_BYTES_MIN } = options;
  const { snapshotCount = Number.POSITIVE_INFINITY } = options;
  const { disk = DEFAULT_DISK, warn } = options;
  let lastSnapshotBytes = lastBytes;
  const snapshot = async (segment: number) => {
    try {
      lastSnapshotBytes = await writeSnapshot(snapshotPath(dataDir, segment), state, disk);
      await removeBefore(dataDir, segment);
    } catch (error) {
      // The log still has everything. The next attempt comes with the next segment.
      warn?.(`cannot write a snapshot: ${(error as Error).message}`);
      throw diskError(error, 'write a snapshot');
    }
  };
  return {
    disk,
    directory: dataDir,
    segmentPath: (segment: number) => segmentPath(dataDir, segment),
    // Never before as much was logged as the last snapshot was large: otherwise most of what is written were snapshots.
    snapshotBytes: (commits: number) =>
      Math.max(commits >= snapshotCount ? 0 : snapshotBytesMin, lastSnapshotBytes),
    snapshot,
  };
}

/** Of the newest snapshot; 0 when there is none. */
async function snapshotBytes(dataDir: string): Promise<number> {
  const newest = (await listFiles(dataDir)).snapshots.at(-1);
  return newest === undefined ? 0 : (await stat(snapshotPath(dataDir, newest))).size;
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

function newState({ clock = realClock }: MemoryStoreOptions): SnapshotState {
  return { mvcc: new Mvcc(), leases: new LeaseBook(clock), meta: new Meta() };
}

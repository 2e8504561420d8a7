// Opening a store: in memory, or in a directory.
import { type Clock, realClock } from './clock.ts';
import { memoryJournal } from './journal.ts';
import { LeaseBook } from './lease.ts';
import { Mvcc } from './mvcc.ts';
import { Store } from './store.ts';
import { WatchHub } from './watch-hub.ts';

const WATCH_QUEUE_LENGTH_MAX = 10_000;
const PROGRESS_INTERVAL_MS = 10_000;

export interface MemoryStoreOptions {
  clock?: Clock;
  /** How many revisions wait for one watcher before it is cut off. */
  watchQueueLengthMax?: number;
  progressIntervalMs?: number;
}

/** The same store without a log: it forgets everything when the process ends. */
export async function openMemoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  const mvcc = new Mvcc();
  const leases = new LeaseBook(options.clock ?? realClock);
  return new Store({ mvcc, leases, hub: hubOf(mvcc, options), journal: memoryJournal });
}

function hubOf(mvcc: Mvcc, options: MemoryStoreOptions): WatchHub {
  return new WatchHub(mvcc, {
    clock: options.clock ?? realClock,
    queueLengthMax: options.watchQueueLengthMax ?? WATCH_QUEUE_LENGTH_MAX,
    progressIntervalMs: options.progressIntervalMs ?? PROGRESS_INTERVAL_MS,
  });
}

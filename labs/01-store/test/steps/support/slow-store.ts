// SlowStore: the learner's store over a journal that settles when the test says so: a disk that takes its time, or refuses.
import type { Entry, Journal, Settle } from '#src/journal.ts';
import { StoreError } from '#src/kv.ts';
import { LeaseBook } from '#src/lease.ts';
import { Mvcc } from '#src/mvcc.ts';
import { Store } from '#src/store.ts';
import { WatchHub } from '#src/watch-hub.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export class SlowJournal implements Journal {
  readonly #waiting: Settle[] = [];
  /** Everything that was ever appended, in order. */
  readonly entries: Entry[] = [];

  append(entries: readonly Entry[], settle: Settle): void {
    this.entries.push(...entries);
    this.#waiting.push(settle);
  }

  /** How often somebody asked to write down the state; answered by checkpointed(). */
  checkpoints = 0;
  #checkpointed: () => void = () => undefined;

  checkpoint(): Promise<void> {
    this.checkpoints++;
    return new Promise((resolve) => {
      this.#checkpointed = resolve;
    });
  }

  checkpointed(): void {
    this.#checkpointed();
  }

  /** The disk took everything that waits. */
  settle(): void {
    for (const { durable } of this.#waiting.splice(0)) durable();
  }

  /** The disk is full: the newest is told first, as the contract says. */
  refuse(): void {
    const error = new StoreError('no-space', 'etcdserver: mvcc: database space exceeded');
    for (const { failed } of this.#waiting.splice(0).reverse()) failed(error);
  }

  close(): Promise<void> {
    this.settle();
    return Promise.resolve();
  }
}

export interface SlowStore extends AsyncDisposable {
  readonly store: Store;
  readonly mvcc: Mvcc;
  readonly clock: FakeClock;
  readonly journal: SlowJournal;
  /** The answer to this, after the disk took it. */
  settled<T>(work: Promise<T>): Promise<T>;
}

export interface SlowStoreOptions {
  /** Default: the learner's own leases. */
  readonly leasesOn?: (clock: FakeClock) => LeaseBook;
}

export function openSlowStore({
  leasesOn = (clock) => new LeaseBook(clock),
}: SlowStoreOptions = {}): SlowStore {
  const clock = new FakeClock();
  const mvcc = new Mvcc();
  const hub = new WatchHub(mvcc, { clock, queueLengthMax: 100, progressIntervalMs: 10_000 });
  const journal = new SlowJournal();
  const store = new Store({ mvcc, leases: leasesOn(clock), hub, journal });
  return {
    store,
    mvcc,
    clock,
    journal,
    settled: (work) => {
      journal.settle();
      return work;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

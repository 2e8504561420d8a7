// Compactor: compacts a store by itself, so that its history does not grow without end.
//
//   revision   every five minutes: keeps the newest `retention` revisions
//   periodic   keeps at least what happened in the last `retention` milliseconds, and at most a tenth more. It writes
//              down the revision ten times a period (or an hour, if that is shorter), and compacts to the oldest that
//              it has: the first time after a whole period, then once a period (or an hour). What fails is tried again
//              a tenth later.
// Upstream: etcd, server/etcdserver/api/v3compactor, flags --auto-compaction-mode and --auto-compaction-retention.
import { type Clock, realClock } from './clock.ts';
import { type KeyValueStore, StoreError } from './kv.ts';

const HOUR_MS = 3_600_000;
const REVISION_INTERVAL_MS = 300_000;
const SAMPLES_A_PERIOD = 10;

export interface CompactorOptions {
  readonly mode: 'periodic' | 'revision';
  /** Milliseconds, or revisions. 0 = never compact. */
  readonly retention: number;
  readonly clock?: Clock;
  /** Hears of each attempt, and how it went. */
  readonly log?: (message: string) => void;
}

type Compactable = Pick<KeyValueStore, 'status' | 'compact'>;

/** Works until the signal aborts. */
export async function runCompactor(
  store: Compactable,
  options: CompactorOptions,
  signal: AbortSignal,
): Promise<void> {
  if (options.retention <= 0) return;
  const run = options.mode === 'periodic' ? runPeriodic : runByRevision;
  await run(new Attempts(store, options, signal), options.retention);
}

async function runPeriodic(attempts: Attempts, periodMs: number): Promise<void> {
  const intervalMs = Math.min(periodMs, HOUR_MS);
  const sampleMs = intervalMs / SAMPLES_A_PERIOD;
  const samplesMax = Math.floor(periodMs / sampleMs) + 1;
  const samples: number[] = [];
  let dueMs = attempts.now() + periodMs;
  while (attempts.isWanted) {
    const revision = await attempts.revision();
    if (revision !== undefined) samples.push(revision);
    if (samples.length > samplesMax) samples.shift();
    await attempts.wait(sampleMs);
    const [oldest] = samples;
    if (oldest === undefined || attempts.now() < dueMs) continue;
    if (await attempts.compact(oldest)) dueMs = attempts.now() + intervalMs;
  }
}

async function runByRevision(attempts: Attempts, retention: number): Promise<void> {
  let last = 0;
  while (attempts.isWanted) {
    await attempts.wait(REVISION_INTERVAL_MS);
    const revision = ((await attempts.revision()) ?? 0) - retention;
    if (revision <= 0 || revision === last) continue;
    if (await attempts.compact(revision)) last = revision;
  }
}

/** The store and the time, as both ways of compacting see them: nothing throws, and everything ends with the signal. */
class Attempts {
  readonly #store: Compactable;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #signal: AbortSignal;

  constructor(store: Compactable, options: CompactorOptions, signal: AbortSignal) {
    this.#store = store;
    this.#clock = options.clock ?? realClock;
    this.#log = options.log ?? (() => undefined);
    this.#signal = signal;
  }

  get isWanted(): boolean {
    return !this.#signal.aborted;
  }

  now(): number {
    return this.#clock.now();
  }

  async revision(): Promise<number | undefined> {
    try {
      return (await this.#store.status()).revision;
    } catch (error) {
      this.#log(`cannot learn the revision to compact to: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** True when everything before the revision is gone now, whoever did it. */
  async compact(revision: number): Promise<boolean> {
    if (!this.isWanted) return false;
    try {
      await this.#store.compact(revision);
      this.#log(`compacted to revision ${revision}`);
      return true;
    } catch (error) {
      if (StoreError.is(error, 'compacted')) return true;
      this.#log(`cannot compact to revision ${revision}: ${(error as Error).message}`);
      return false;
    }
  }

  async wait(ms: number): Promise<void> {
    if (!this.isWanted) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(done, ms);
      const clock = this.#clock;
      const signal = this.#signal;
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
  }
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1 },
  ...{ s: 1000, m: 60_000, h: HOUR_MS },
};

/** The text of etcd's flag: a number (hours, or revisions), or a duration of Go such as 5m30s, which is always periodic. */
export function parseRetention(mode: 'periodic' | 'revision', text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * (mode === 'periodic' ? HOUR_MS : 1);
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (mode === 'revision' || parts.map(([part]) => part).join('') !== text || text === '') {
    const wanted =
      mode === 'periodic' ? 'hours, or a duration such as 90m' : 'a number of revisions';
    throw new StoreError('invalid', `the retention is ${wanted}, not ${JSON.stringify(text)}`);
  }
  return parts.reduce((ms, [, n, unit = '']) => ms + Number(n) * (UNITS_MS[unit] ?? 0), 0);
}

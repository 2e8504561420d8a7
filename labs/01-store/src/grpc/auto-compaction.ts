// AutoCompaction: throws away history that nobody wants any more, by its age or by its length.
//
//   periodic   every now and then notes the revision; what was current a period ago is where history begins
//   revision   every five minutes keeps the last so many revisions
// What to compact is decided by pure functions; the rest is a timer.
// Upstream: etcd, etcdserver/api/v3compactor.
import type { Clock } from '../clock.ts';
import { type KeyValueStore, StoreError } from '../kv.ts';
import { durationOf } from './flags.ts';

export type Retention =
  | { readonly kind: 'periodic'; readonly periodMs: number }
  | { readonly kind: 'revision'; readonly revisions: number };

export interface Sample {
  readonly atMs: number;
  readonly revision: number;
}

const HOUR_MS = 3_600_000;
const REVISION_CHECK_MS = 300_000;
/** How many samples are taken in a period, or in an hour of a longer one. */
const SAMPLES = 10;

/** Undefined = keep all. Throws an Error for what is neither a duration nor a number. */
export function retentionOf(mode: 'periodic' | 'revision', text: string): Retention | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : undefined;
  if (number === 0) return undefined;
  if (mode === 'periodic') {
    const periodMs = number === undefined ? durationOf(text) : number * HOUR_MS;
    return periodMs === 0 ? undefined : { kind: 'periodic', periodMs };
  }
  if (number !== undefined) return { kind: 'revision', revisions: number };
  throw new Error(`It takes a number of revisions, not ${JSON.stringify(text)}.`);
}

/** How long to wait between two looks. */
export function intervalMsOf(retention: Retention): number {
  if (retention.kind === 'revision') return REVISION_CHECK_MS;
  return Math.min(retention.periodMs, HOUR_MS) / SAMPLES;
}

/** The revision to compact to, and the samples that are still of use. */
export function plan(
  retention: Retention,
  samples: readonly Sample[],
  now: Sample,
): { compactTo: number | undefined; samples: readonly Sample[] } {
  if (retention.kind === 'revision') {
    const revision = now.revision - retention.revisions;
    return { compactTo: revision > 0 ? revision : undefined, samples: [] };
  }
  const old = samples.filter(({ atMs }) => atMs <= now.atMs - retention.periodMs);
  const young = samples.slice(old.length);
  return { compactTo: old.at(-1)?.revision, samples: [...young, now] };
}

export interface AutoCompactionOptions {
  readonly retention: Retention;
  readonly clock: Clock;
  done(revision: number): void;
  failed(error: unknown): void;
}

export function autoCompact(store: KeyValueStore, options: AutoCompactionOptions): Disposable {
  const { retention, clock } = options;
  const intervalMs = intervalMsOf(retention);
  let samples: readonly Sample[] = [];
  let lastCompacted = 0;
  let timer = clock.setTimeout(look, intervalMs);
  async function look(): Promise<void> {
    try {
      const { revision } = await store.status();
      const next = plan(retention, samples, { atMs: clock.now(), revision });
      ({ samples } = next);
      if (next.compactTo !== undefined && next.compactTo > lastCompacted) {
        lastCompacted = next.compactTo;
        await store.compact(next.compactTo);
        options.done(next.compactTo);
      }
    } catch (error) {
      // Somebody compacted further by hand.
      if (!StoreError.is(error, 'compacted')) options.failed(error);
    }
    if (!isStopped) timer = clock.setTimeout(look, intervalMs);
  }
  let isStopped = false;
  return {
    [Symbol.dispose]() {
      isStopped = true;
      clock.clearTimeout(timer);
    },
  };
}

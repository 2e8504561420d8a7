// What the tests of the store say again and again, said once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyValue, KeyValueStore, StoreEvent, WatchBatch, WatchRequest } from '#src/kv.ts';

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
export const text = (value: Uint8Array): string => Buffer.from(value).toString('latin1');

/** A key-value as one line: key=value create/mod/version. */
export function line({ key, value, createRevision, modRevision, version }: KeyValue): string {
  return `${key}=${text(value)} ${createRevision}/${modRevision}/${version}`;
}

export function eventLine({ type, kv, prevKv }: StoreEvent): string {
  const now = type === 'put' ? line(kv) : `${kv.key} deleted at ${kv.modRevision}`;
  return prevKv === undefined ? now : `${now} was ${line(prevKv)}`;
}

/** Reads a watch until it has so many events, and ends it. */
export async function take(
  store: KeyValueStore,
  request: WatchRequest,
  eventsWanted: number,
): Promise<WatchBatch[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  const batches: WatchBatch[] = [];
  let events = 0;
  for await (const batch of store.watch(request, signal)) {
    batches.push(batch);
    events += batch.events.length;
    if (events >= eventsWanted) stop.abort();
  }
  if (events < eventsWanted) throw new Error(`only ${events} of ${eventsWanted} events came`);
  return batches;
}

export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'kube-labs-store-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A small random number generator, so that a seed repeats a test exactly (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** From the environment to repeat a failure, new otherwise; always printed. */
export function seedOf(name: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${name}: SEED=${seed}`);
  return seed;
}

// A random history on each store and on the plain model: whatever is asked, the answers are the same.
import { expect, test } from 'vitest';
import { openEtcd3Store } from '../src/etcd3-store.ts';
import type { KeyValueStore, Op } from '../src/kv.ts';
import { openMemoryStore, openStore } from '../src/open-store.ts';
import { Store } from '../src/store.ts';
import { startEtcd } from './support/etcd.ts';
import { linesOf, Model } from './support/model.ts';
import {
  bytes,
  line,
  randomOf,
  seedOf,
  take,
  temporaryDirectory,
} from './support/store-helpers.ts';

const KEYS = 12;

test('a memory store answers like the model', async () => {
  await using store = await openMemoryStore();
  await compareHistories(store, { seed: seedOf('memory'), steps: 3000 });
});

test('a durable store answers like the model, through restarts and snapshots', async () => {
  await using directory = await temporaryDirectory();
  const open = () => openStore({ dataDir: directory.path, snapshotBytesMin: 4000 });
  const reopen = async (store: KeyValueStore) => {
    await store[Symbol.asyncDispose]();
    return open();
  };
  await compareHistories(await open(), { seed: seedOf('durable'), steps: 1500, reopen });
});

test('a real etcd answers like the model', async () => {
  await using etcd = await startEtcd();
  await using store = await openEtcd3Store({ endpoints: [etcd.endpoint] });
  await compareHistories(store, { seed: seedOf('etcd'), steps: 300 });
});

interface History {
  readonly seed: number;
  readonly steps: number;
  /** For a store that survives it; the last store is closed by us then. */
  readonly reopen?: (store: KeyValueStore) => Promise<KeyValueStore>;
}

async function compareHistories(opened: KeyValueStore, { seed, steps, reopen }: History) {
  const random = randomOf(seed);
  let store = opened;
  const model = new Model((await store.status()).revision);
  let compactRevision = 0;
  for (let step = 0; step < steps; step++) {
    const dice = random(100);
    if (dice < 55) await change(store, model, random);
    else if (dice < 92) await read(store, model, random, Math.max(compactRevision, model.first));
    else if (dice < 95 && model.revision > compactRevision + 10) {
      compactRevision += 1 + random(model.revision - compactRevision);
      compactRevision = Math.max(compactRevision, model.first);
      await store.compact(compactRevision);
    } else if (reopen !== undefined && dice < 97) store = await reopen(store);
    if (store instanceof Store && step % 50 === 0) store.check();
  }
  const wanted = model.events.filter(({ revision }) => revision > compactRevision);
  const count = wanted.reduce((sum, { lines }) => sum + lines.length, 0);
  const range = { key: 'k', rangeEnd: 'l', startRevision: compactRevision + 1 };
  const batches = await take(store, range, count);
  expect(batches.map((b) => ({ revision: b.revision, lines: linesOf(b.events) }))).toEqual(wanted);
  if (reopen !== undefined) await store[Symbol.asyncDispose]();
}

async function change(store: KeyValueStore, model: Model, random: (below: number) => number) {
  const ops = randomOps(random);
  const key = `k${random(KEYS)}`;
  const value = random(3) === 0 ? 0 : model.mod(key);
  const holds = model.mod(key) === value;
  const compare = [{ key, target: 'mod', result: '=', value } as const];
  const answer = await store.txn({ compare, success: ops, failure: [] });
  expect(answer.succeeded).toBe(holds);
  const changes = holds ? model.apply(ops) : 0;
  expect(answer.revision).toBe(model.revision);
  const counted = answer.responses.map((r) => (r.kind === 'delete' ? r.deleted : 1));
  expect(counted.reduce((sum, n) => sum + n, 0)).toBe(changes);
}

async function read(
  store: KeyValueStore,
  model: Model,
  random: (below: number) => number,
  oldest: number,
) {
  const [key, rangeEnd] = randomRange(random);
  const revision = random(2) === 0 ? model.revision : oldest + random(model.revision - oldest + 1);
  const limit = random(4);
  const answer = await store.range({ key, rangeEnd, revision, limit });
  const wanted = model.range(key, rangeEnd, revision);
  const limited = limit === 0 ? wanted : wanted.slice(0, limit);
  expect(answer.kvs.map(line)).toEqual(limited);
  expect([answer.count, answer.revision]).toEqual([wanted.length, model.revision]);
  expect(answer.more).toBe(limited.length < wanted.length);
}

/** Puts of different keys, or deletes: both at once could be refused. */
function randomOps(random: (below: number) => number): Op[] {
  if (random(4) === 0) {
    const [key, rangeEnd] = randomRange(random);
    return random(2) === 0 ? [{ kind: 'delete', key }] : [{ kind: 'delete', key, rangeEnd }];
  }
  const first = random(KEYS);
  return Array.from({ length: 1 + random(3) }, (_, i) => ({
    kind: 'put',
    key: `k${(first + i) % KEYS}`,
    value: bytes('v'.repeat(random(40))),
  }));
}

function randomRange(random: (below: number) => number): [string, string] {
  const [a, b] = [`k${random(KEYS)}`, `k${random(KEYS)}`].sort() as [string, string];
  return [a, `${b}\0`];
}

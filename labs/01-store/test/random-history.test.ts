// A random history on each store and on the plain model: whatever is asked, the answers are the same.
import { expect, test } from 'vitest';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { type KeyValueStore, StoreError } from '#src/kv.ts';
import { openMemoryStore, openStore } from '#src/open-store.ts';
import { Store } from '#src/store.ts';
import { PATIENT_MS, startEtcd } from './support/etcd.ts';
import { FullModel, sayRangeResponse, sayTxn } from './support/full-model.ts';
import { linesOf } from './support/model.ts';
import { Requests } from './support/random-requests.ts';
import { randomOf, seedOf, take, temporaryDirectory } from './support/store-helpers.ts';

/** Each step waits for a disk, which on a busy machine takes its time. */
const TIMEOUT_MS = 600_000;
const everything = { key: 'k', rangeEnd: 'l' };

test('a memory store answers like the model', async () => {
  await using store = await openMemoryStore();
  await compareHistories(store, { seed: seedOf('memory'), steps: 3000 });
});

test('a durable store answers like the model, through restarts and snapshots', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using directory = await temporaryDirectory();
  const open = () => openStore({ dataDir: directory.path, snapshotBytesMin: 4000 });
  const reopen = async (store: KeyValueStore) => {
    await store[Symbol.asyncDispose]();
    return open();
  };
  await compareHistories(await open(), { seed: seedOf('durable'), steps: 1000, reopen });
});

test('a real etcd answers like the model', { timeout: TIMEOUT_MS }, async () => {
  await using etcd = await startEtcd();
  await using store = await openEtcd3Store({
    endpoints: [etcd.endpoint],
    requestTimeoutMs: PATIENT_MS,
  });
  await compareHistories(store, { seed: seedOf('etcd'), steps: 400 });
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
  const model = new FullModel((await store.status()).revision);
  const requests = new Requests(random, model);
  let compactRevision = 0;
  for (let step = 0; step < steps; step++) {
    const oldest = Math.max(compactRevision, model.first);
    const dice = random(100);
    if (dice < 55) await change(store, model, requests.txn(oldest));
    else if (dice < 87) await read(store, model, requests.range(oldest));
    else if (dice < 92) await lease(store, model, requests, dice);
    else if (dice < 95 && model.revision > compactRevision + 10) {
      compactRevision += 1 + random(model.revision - compactRevision);
      compactRevision = Math.max(compactRevision, model.first);
      await store.compact(compactRevision, { physical: random(4) === 0 });
    } else if (reopen !== undefined && dice < 97) store = await reopen(store);
    if (store instanceof Store && step % 50 === 0) store.check();
  }
  await compareEvents(store, model, compactRevision + 1);
  if (reopen !== undefined) await store[Symbol.asyncDispose]();
}

async function change(
  store: KeyValueStore,
  model: FullModel,
  request: Parameters<KeyValueStore['txn']>[0],
) {
  try {
    const answer = await store.txn(request);
    expect(sayTxn(answer)).toEqual(model.txn(request));
    expect(answer.revision).toBe(model.revision);
  } catch (error) {
    if (!StoreError.is(error)) throw error;
    // Whether a key would be changed twice the contract tells in a table; here it only must not change anything.
    if (!error.message.includes('duplicate key')) expect(error.code).toBe(model.txn(request));
    expect((await store.status()).revision).toBe(model.revision);
  }
}

async function read(
  store: KeyValueStore,
  model: FullModel,
  request: Parameters<KeyValueStore['range']>[0],
) {
  const answer = await store.range(request);
  expect(sayRangeResponse(answer)).toEqual(model.range(request));
  expect(answer.revision).toBe(model.revision);
}

async function lease(store: KeyValueStore, model: FullModel, requests: Requests, dice: number) {
  const id = requests.lease();
  if (id === '0' || dice < 89) model.leases.add((await store.grantLease(10_000)).id);
  else if (dice < 91) {
    expect((await store.leaseTimeToLive(id)).keys).toEqual(model.keysOf(id).sort());
    expect([...(await store.leases())].sort()).toEqual([...model.leases].sort());
  } else {
    await store.revokeLease(id);
    model.revoke(id);
    expect((await store.status()).revision).toBe(model.revision);
  }
}

/** All of what a watcher can still be told, and without puts, and without deletes. */
async function compareEvents(store: KeyValueStore, model: FullModel, startRevision: number) {
  for (const without of [{}, { noPut: true }, { noDelete: true }]) {
    const wanted = model.events
      .filter(({ revision }) => revision >= startRevision)
      .map(({ revision, lines }) => ({
        revision,
        lines: lines.filter((l) => isWanted(l, without)),
      }))
      .filter(({ lines }) => lines.length > 0);
    const count = wanted.reduce((sum, { lines }) => sum + lines.length, 0);
    const batches = await take(store, { ...everything, startRevision, ...without }, count);
    const heard = batches.map(({ revision, events }) => ({ revision, lines: linesOf(events) }));
    expect(heard).toEqual(wanted);
  }
}

function isWanted(line: string, { noPut, noDelete }: { noPut?: boolean; noDelete?: boolean }) {
  return line.includes(' deleted at ') ? !noDelete : !noPut;
}

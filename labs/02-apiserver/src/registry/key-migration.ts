// key-migration: moves objects that an older server of ours kept under other keys to where upstream keeps them.
//
// Runs once at each start, before anything reads the store, and finds nothing to do on all but the first. Every object is moved in a
// transaction of its own, which puts the new key and deletes the old one only while the old is as it was read and the new is not there:
// nothing is lost when the server dies in between, or when two servers do the same work.
//
// The old `/registry/services/` is the beginning of two new prefixes. What tells keys apart is how many parts follow: an old key has
// a namespace and a name, a new one has `specs` or `endpoints` before them.
//
// Upstream's layout: kubeapiserver, default_storage_factory_builder.go (SpecialDefaultResourcePrefixes).

import { type KeyValue, type KeyValueStore, type Logger, prefixEnd } from '@kube-labs/store';
import { sleep } from '../client/clock.ts';

interface Move {
  readonly from: string;
  readonly to: string;
  /** Behind the prefix: namespace and name, or the name alone. */
  readonly parts: number;
}

const MOVES: readonly Move[] = [
  { from: '/registry/nodes/', to: '/registry/minions/', parts: 1 },
  { from: '/registry/services/', to: '/registry/services/specs/', parts: 2 },
  { from: '/registry/endpoints/', to: '/registry/services/endpoints/', parts: 2 },
  { from: '/registry/replicationcontrollers/', to: '/registry/controllers/', parts: 2 },
];
const PAGE_LENGTH = 1000;
const RETRY_DELAY_MS = 500;

/** Moves everything, trying again while the store cannot be reached. Never rejects. */
export async function migrateKeysUntilDone(
  store: KeyValueStore,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const moved = await migrateKeys(store, log);
      if (moved > 0) log.info('Moved objects to the keys of this version', { moved });
      return;
    } catch (error) {
      log.warn('Cannot move objects to the keys of this version yet', { error });
      await sleep(RETRY_DELAY_MS, signal);
    }
  }
}

/** Resolves with the number of objects that were moved. */
export async function migrateKeys(store: KeyValueStore, log: Logger): Promise<number> {
  let moved = 0;
  for (const move of MOVES) {
    for (const key of await oldKeys(store, move)) {
      if (await moveKey(store, key, move.to + key.slice(move.from.length), log)) moved += 1;
    }
  }
  return moved;
}

async function oldKeys(store: KeyValueStore, { from, parts }: Move): Promise<readonly string[]> {
  const found: string[] = [];
  const rangeEnd = prefixEnd(from);
  let key = from;
  for (;;) {
    const page = await store.range({ key, rangeEnd, limit: PAGE_LENGTH, keysOnly: true });
    const keys = page.kvs.map((kv) => kv.key);
    found.push(...keys.filter((one) => one.slice(from.length).split('/').length === parts));
    const last = keys.at(-1);
    if (!page.more || last === undefined) return found;
    key = `${last}\0`;
  }
}

/** False when there is nothing to move any more, or the new key is taken: then both stay, and a person is told. */
async function moveKey(
  store: KeyValueStore,
  from: string,
  to: string,
  log: Logger,
): Promise<boolean> {
  for (;;) {
    const old = await read(store, from);
    if (old === undefined) return false; // Another server was faster.
    const { value, lease } = old;
    const { succeeded } = await store.txn({
      compare: [
        { key: from, target: 'mod', result: '=', value: old.modRevision },
        { key: to, target: 'mod', result: '=', value: 0 },
      ],
      success: [
        { kind: 'put', key: to, value, ...(lease === '0' ? {} : { lease }) },
        { kind: 'delete', key: from },
      ],
      failure: [],
    });
    if (succeeded) return true;
    if ((await read(store, to)) === undefined) continue; // The old one changed meanwhile.
    if ((await read(store, from)) === undefined) return false;
    log.warn('An object is there under an old key too, which nobody reads', { key: from, to });
    return false;
  }
}

async function read(store: KeyValueStore, key: string): Promise<KeyValue | undefined> {
  return (await store.range({ key })).kvs[0];
}

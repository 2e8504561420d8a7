// Hash: one number that is the same for two stores with the same history, so that they can be compared.
//
// It is a CRC-32C over the entries of a snapshot: what the last compaction left, then the changes since. So a restart
// does not change it, but a compaction does, as in etcd. The state is pinned, and hashed piece by piece between requests.
// Upstream: etcd, server/storage/mvcc/hash.go. Its number depends on how its database file is laid out, so it can never
// be the same as ours: compare etcd with etcd, and this store with this store.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ByteWriter } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import { type SnapshotEntry, writeEntry } from './entry.ts';
import type { Entry } from './journal.ts';
import type { HashKv } from './maintenance.ts';
import { assertReadable, type Mvcc } from './mvcc.ts';
import { besidesKeys, type SnapshotState, snapshotEntries } from './snapshot.ts';

const PIECE_BYTES = 256 * 1024;

/** Of everything: leases and the like too. */
export async function hashAll(state: SnapshotState): Promise<{ hash: number; revision: number }> {
  const besides = besidesKeys(state);
  const { hash, revision } = await hashPinned(state.mvcc, besides, 0);
  return { hash, revision };
}

/** Of the keys as they were at this revision; 0 = now. */
export async function hashKeys(mvcc: Mvcc, revision = 0): Promise<HashKv> {
  if (revision > 0) assertReadable(mvcc, revision);
  return hashPinned(mvcc, [], Math.max(0, revision));
}

async function hashPinned(mvcc: Mvcc, besides: readonly Entry[], wanted: number): Promise<HashKv> {
  const { compactRevision, revision: now } = mvcc.pin();
  try {
    const revision = wanted || now;
    const hash = await hashOf(snapshotEntries(mvcc, besides, { compactRevision, revision }));
    return { hash, revision, compactRevision };
  } finally {
    mvcc.unpin();
  }
}

async function hashOf(entries: Iterable<Entry | SnapshotEntry>): Promise<number> {
  const writer = new ByteWriter();
  let hash = 0;
  for (const entry of entries) {
    writeEntry(writer, entry);
    if (writer.length < PIECE_BYTES) continue;
    hash = crc32c(writer.take(), hash);
    writer.reset();
    await nextTurn();
  }
  return crc32c(writer.take(), hash);
}

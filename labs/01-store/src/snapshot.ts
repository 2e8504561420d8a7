// Snapshot: the whole store in one file, so that the log before it can be thrown away.
//
// It is written piece by piece while the store goes on working. That is easy here: the state is pinned,
// and nothing that was there at that moment changes or goes, because versions never change. What comes
// later has higher revisions, and those are in the new segment of the log.
// The content is a log too, only shorter: leases and the like, the versions that the last compaction left, the
// commits since. The file gets its name when it is complete and synced, so a name means a whole snapshot.
// Upstream: etcd, server/etcdserver/api/snap; there the state is a database file and a snapshot is a copy.
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ByteWriter } from './bytes.ts';
import { changeOf } from './change.ts';
import { type Disk, type DiskFile, syncDirectory } from './disk.ts';
import { type SnapshotEntry, writeEntry } from './entry.ts';
import type { Entry } from './journal.ts';
import type { StoreEvent } from './kv.ts';
import type { LeaseBook } from './lease.ts';
import type { Meta } from './meta.ts';
import type { Mvcc } from './mvcc.ts';
import { beginRecord, endRecord } from './record.ts';

const RECORD_BYTES = 1024 * 1024;
const KEYS_A_PIECE = 1000;

export interface SnapshotState {
  readonly mvcc: Mvcc;
  readonly leases: LeaseBook;
  readonly meta: Meta;
}

/** Writes the durable state as it is now, and returns the bytes of the file. */
export async function writeSnapshot(
  path: string,
  state: SnapshotState,
  disk: Disk,
): Promise<number> {
  // All before the first await: they must be of the same moment.
  const pinned = state.mvcc.pin();
  const entries = snapshotEntries(state.mvcc, besidesKeys(state), pinned);
  const unfinished = `${path}.tmp`;
  try {
    const file = await disk.open(unfinished);
    const bytes = await writeRecords(file, entries).finally(() => file.close());
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
    return bytes;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    state.mvcc.unpin();
  }
}

export function* snapshotEntries(
  mvcc: Mvcc,
  besides: readonly Entry[],
  { compactRevision, revision }: { compactRevision: number; revision: number },
): Generator<Entry | SnapshotEntry> {
  yield { kind: 'snapshot', compactRevision, last: changesOf(mvcc.eventsAt(compactRevision)) };
  yield* besides;
  for (let start = ''; ; ) {
    const kvs =
      compactRevision === 0 ? [] : mvcc.versionsFrom(start, KEYS_A_PIECE, compactRevision);
    for (const kv of kvs) yield { kind: 'version', kv };
    const last = kvs.at(-1);
    if (last === undefined) break;
    start = `${last.key}\0`; // The next possible key.
  }
  for (let next = compactRevision + 1; next <= revision; next++) {
    const changes = changesOf(mvcc.eventsAt(next));
    if (changes.length > 0) yield { kind: 'commit', revision: next, changes };
  }
  yield { kind: 'end' };
}

async function writeRecords(
  file: DiskFile,
  entries: Iterable<Entry | SnapshotEntry>,
): Promise<number> {
  const writer = new ByteWriter();
  let bytes = 0;
  let records = 0;
  const flush = async () => {
    const record = endRecord(writer, records++);
    await file.write(record, bytes);
    bytes += record.length;
    beginRecord(writer);
  };
  await file.truncate(0); // An earlier attempt may have been interrupted.
  beginRecord(writer);
  for (const entry of entries) {
    writeEntry(writer, entry);
    if (writer.length > RECORD_BYTES) await flush();
  }
  await flush();
  await file.datasync();
  return bytes;
}

/** What there is beside keys, in an order that does not depend on how it came about. */
export function besidesKeys({ leases, meta }: Omit<SnapshotState, 'mvcc'>): readonly Entry[] {
  const grants = leases.all().map(({ id, grantedTtlSeconds }) => ({
    kind: 'lease-grant' as const,
    id,
    ttlSeconds: grantedTtlSeconds,
  }));
  const metas = meta.all().map(([name, value]) => ({ kind: 'meta' as const, name, value }));
  const byId = (a: { id: string }, b: { id: string }) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1);
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return [...grants.sort(byId), ...metas.sort(byName)];
}

function changesOf(events: readonly StoreEvent[]) {
  return events.map(changeOf);
}

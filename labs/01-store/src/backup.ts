// Backup: a snapshot that leaves the store, and comes back as a store.
//
//   store ──write──→ a snapshot in a file of its own, filled up ──pieces, then its SHA-256──→ a file somewhere
//   that file ──restoreSnapshot()──→ a data directory ──openStore()──→ the same store
// It is filled up to whole sectors, by one 0x80 and zeros, as etcdctl takes a file for whole by its length.
// The snapshot is written first and sent then: the state is pinned only as long as the disk needs, however slow
// the reader is, and it is known how much is still to come.
// Upstream: etcd, server/etcdserver/api/v3rpc/maintenance.go (Snapshot) and etcdutl/snapshot (restore). etcd's file is a
// bbolt database, and tools that look into it (`etcdctl snapshot status`) cannot read this one.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { segmentPath, snapshotPath } from './data-files.ts';
import { type Disk, diskError, syncDirectory } from './disk.ts';
import { StoreError } from './kv.ts';
import { LeaseBook } from './lease.ts';
import type { SnapshotPiece } from './maintenance.ts';
import { Mvcc } from './mvcc.ts';
import { recover } from './recovery.ts';
import { type SnapshotState, writeSnapshot } from './snapshot.ts';

/** etcd's: larger ones would keep a connection busy for too long. */
const PIECE_BYTES = 32 * 1024;
const HASH_BYTES = 32;
const SECTOR_BYTES = 512;
const PADDING_START = 0x80;
const PREFIX = 'backup-';

/** The pieces of a snapshot of this moment, the last one its SHA-256. `directory`: where the file may be meanwhile. */
export async function* backup(
  state: SnapshotState,
  { directory, disk }: { directory: string; disk: Disk },
  signal: AbortSignal,
): AsyncGenerator<SnapshotPiece, void, void> {
  signal.throwIfAborted();
  const own = await mkdtemp(join(directory, PREFIX));
  try {
    const path = join(own, 'snapshot.db');
    const bytes = await writeSnapshot(path, state, disk).catch((error) => {
      throw diskError(error, 'write the snapshot');
    });
    const padding = paddingAfter(bytes);
    await appendFile(path, padding).catch((error) => {
      throw diskError(error, 'write the snapshot');
    });
    yield* pieces(path, bytes + padding.length, signal);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function* pieces(
  path: string,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<SnapshotPiece, void, void> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    for (let at = 0; at < size; ) {
      signal.throwIfAborted();
      const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new StoreError('corrupt', 'the snapshot became shorter');
      at += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      yield { bytes, remainingBytes: size - at + HASH_BYTES };
    }
  } finally {
    await file.close();
  }
  yield { bytes: hash.digest(), remainingBytes: 0 };
}

/** Removes what backups left that a crash interrupted. */
export async function removeBackups(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(PREFIX)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Makes a data directory of a snapshot: of what snapshot() gave, or of a snapshot file of another data directory. */
export async function restoreSnapshot(path: string, dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if ((await readdir(dataDir)).length > 0) {
    const text = `cannot restore to ${dataDir}: it is not empty. Name a directory that does not exist`;
    throw new StoreError('invalid', text);
  }
  const snapshot = snapshotPath(dataDir, 1);
  try {
    await copyFile(path, snapshot);
    await cutSeal(snapshot);
    await writeFile(segmentPath(dataDir, 1), '');
    // What cannot be opened is no restored store.
    await recover(dataDir, { mvcc: new Mvcc(), leases: new LeaseBook(NO_TIME) });
    await sync(snapshot);
    await syncDirectory(dataDir);
  } catch (error) {
    await rm(snapshot, { force: true });
    await rm(segmentPath(dataDir, 1), { force: true });
    throw error;
  }
}

/** Leases do not run while a snapshot is only looked at. */
const NO_TIME: Clock = { now: () => 0, setTimeout: () => undefined, clearTimeout: () => undefined };

/** Padding is never empty, so that its start can be found whatever is before it. */
function paddingAfter(bytes: number): Buffer {
  const padding = Buffer.alloc(SECTOR_BYTES - (bytes % SECTOR_BYTES));
  padding[0] = PADDING_START;
  return padding;
}

/** A snapshot without padding and hash is whole too: its records have checksums of their own, and the last says that it is. */
async function cutSeal(path: string): Promise<void> {
  const size = (await stat(path)).size - HASH_BYTES;
  if (size <= 0) return;
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { end: size - 1 })) hash.update(piece);
  const [last] = await createReadStream(path, { start: size }).toArray();
  if (!hash.digest().equals(last)) return;
  const start = Math.max(0, size - SECTOR_BYTES);
  const sector = Buffer.concat(await createReadStream(path, { start, end: size - 1 }).toArray());
  await truncate(path, start + Math.max(0, sector.lastIndexOf(PADDING_START)));
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

// DataFiles: the names of what is in a data directory.
//
//   snapshot-3.db             all that the segments below 3 say
//   wal-3.log  wal-4.log …    the segments of the log behind it, each after the one before
//   snapshot-5.db.tmp         a snapshot that is being written, or never was finished
// Upstream: etcd, server/storage/wal/util.go (walName) and server/etcdserver/api/snap.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `wal-${segment}.log`);
}

/** A snapshot has the number of the first segment that it does not cover. */
export function snapshotPath(directory: string, segment: number): string {
  return join(directory, `snapshot-${segment}.db`);
}

export interface Files {
  readonly snapshots: readonly number[];
  readonly segments: readonly number[];
  /** Snapshots that were never finished. */
  readonly unfinished: readonly string[];
}

export async function listFiles(directory: string): Promise<Files> {
  const names = await readdir(directory);
  const numbers = (pattern: RegExp) =>
    names.flatMap((name) => pattern.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b);
  return {
    snapshots: numbers(/^snapshot-(\d+)\.db$/),
    segments: numbers(/^wal-(\d+)\.log$/),
    unfinished: names.filter((name) => name.endsWith('.tmp')).map((name) => join(directory, name)),
  };
}

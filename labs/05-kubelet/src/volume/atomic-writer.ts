// AtomicWriter: replaces the files of a volume all at once, under the eyes of running containers.
//
//   token → ..data/token      ..data → ..2015_11_09_10_00_00.123456     (a directory with the real files)
//
// A new set goes to a new directory; renaming one symbolic link makes it current, so a reader sees the old set or the
// new one, never a mixture. Names that try to leave the volume are refused before anything is written.
//
// Same idea upstream: kubernetes, pkg/volume/util/atomic_writer.go.

import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface ProjectedFile {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Whose it is; root's where it does not say. */
  readonly uid?: number;
  readonly gid?: number;
}

/** By path relative to the volume. */
export type Payload = ReadonlyMap<string, ProjectedFile>;

const DATA_LINK = '..data';
const NEW_DATA_LINK = '..data_tmp';
const VERSION_NAME = /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$/;
const PATH_LENGTH_MAX = 4096;

/** Resolves with false when everything was as wanted already. */
export async function writeAtomically(
  directory: string,
  payload: Payload,
  nowMs: number,
): Promise<boolean> {
  for (const path of payload.keys()) validatePath(path);
  const current = await readCurrent(directory);
  const isThere = current !== undefined && (await isSame(join(directory, current), payload));
  const version = isThere ? current : versionName(nowMs);
  if (!isThere) {
    await writeVersion(join(directory, version), payload);
    await replaceLink(directory, version);
  }
  // Also for a set that is there: whoever wrote it may have been killed before he came to this.
  await linkUserPaths(directory, payload);
  await removeOtherVersions(directory, version);
  return !isThere;
}

/** Whether there is a whole set of files, of whatever age. */
export async function isWritten(directory: string): Promise<boolean> {
  return (await readCurrent(directory)) !== undefined;
}

/** The one before, and what an update left that was cut off. */
async function removeOtherVersions(directory: string, current: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!VERSION_NAME.test(name) || name === current) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

function validatePath(path: string): void {
  const parts = path.split('/');
  if (
    path === '' ||
    path.length > PATH_LENGTH_MAX ||
    path.startsWith('/') ||
    parts.includes('..')
  ) {
    throw new Error(`invalid path: must be relative and not contain '..': ${path}`);
  }
  if (parts[0]?.startsWith('..'))
    throw new Error(`invalid path: must not start with '..': ${path}`);
}

async function readCurrent(directory: string): Promise<string | undefined> {
  try {
    return await readlink(join(directory, DATA_LINK));
  } catch {
    return undefined;
  }
}

async function isSame(directory: string, payload: Payload): Promise<boolean> {
  const existing = await listFiles(directory, '');
  if (existing.length !== payload.size) return false;
  for (const path of existing) {
    const wanted = payload.get(path);
    if (wanted === undefined) return false;
    const { mode, uid, gid } = await lstat(join(directory, path));
    if ((mode & 0o777) !== wanted.mode) return false;
    if (uid !== (wanted.uid ?? 0) || gid !== (wanted.gid ?? 0)) return false;
    if (!Buffer.from(wanted.data).equals(await readFile(join(directory, path)))) return false;
  }
  return true;
}

async function listFiles(root: string, below: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  const lists = entries.map((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? listFiles(root, path) : Promise.resolve([path]);
  });
  return (await Promise.all(lists)).flat();
}

async function writeVersion(directory: string, payload: Payload): Promise<void> {
  await mkdir(directory, { mode: 0o755 });
  await chmod(directory, 0o755);
  for (const [path, { data, mode, uid = 0, gid = 0 }] of payload) {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, data);
    await chown(target, uid, gid);
    // The process's umask took bits away.
    await chmod(target, mode);
  }
}

async function replaceLink(directory: string, version: string): Promise<void> {
  const fresh = join(directory, NEW_DATA_LINK);
  await rm(fresh, { force: true });
  await symlink(version, fresh);
  await rename(fresh, join(directory, DATA_LINK));
}

/** What containers see at the top: one link for each first part of a path, and none that is no longer wanted. */
async function linkUserPaths(directory: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? ''));
  for (const name of await readdir(directory)) {
    if (!name.startsWith('..') && !wanted.delete(name)) await rm(join(directory, name));
  }
  for (const name of wanted) await symlink(join(DATA_LINK, name), join(directory, name));
}

function versionName(nowMs: number): string {
  const [date = '', time = ''] = new Date(nowMs).toISOString().split('T');
  const random = Math.floor(Math.random() * 1e9);
  return `..${date.replaceAll('-', '_')}_${time.slice(0, 8).replaceAll(':', '_')}.${random}`;
}

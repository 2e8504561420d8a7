// VolumeUsage: how much of the node a pod's own volumes take.
//
// On disk all files are looked at, and one with two names counts once. Files come and go meanwhile, and a container that makes
// them do so must not escape by it: what is gone is passed over. Nor by a depth that no path can name: there the walk goes on
// from where it is. What is in memory the kernel has counted already.
//
// Same idea upstream: kubernetes, pkg/volume/metrics_du.go and metrics_statfs.go.

import { constants } from 'node:fs';
import { lstat, open, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { O_PATH, pathOf } from './safe-open.ts';

export interface VolumeUsage {
  readonly usedBytes: number;
  readonly inodes: number;
}

const BLOCK_BYTES = 512;

/** Undefined for a volume that is not there. */
export async function diskUsageOf(directory: string): Promise<VolumeUsage | undefined> {
  const found = { blocks: 0, inodes: 0, linked: new Set<number>() };
  await walk([directory], found);
  const { blocks, inodes } = found;
  return inodes === 0 ? undefined : { usedBytes: blocks * BLOCK_BYTES, inodes };
}

/** Half of what the kernel takes, as one name more must fit. */
const PATH_LENGTH_MAX = 2_048;

async function walk(
  paths: string[],
  found: { blocks: number; inodes: number; readonly linked: Set<number> },
): Promise<void> {
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      if (path.length > PATH_LENGTH_MAX) await walkFrom(path, found);
      else for (const name of await readdir(path).catch(() => [])) paths.push(join(path, name));
    } else if (stats.nlink > 1) {
      if (found.linked.has(stats.ino)) continue;
      found.linked.add(stats.ino);
    }
    found.blocks += stats.blocks;
    found.inodes++;
  }
}

async function walkFrom(directory: string, found: Parameters<typeof walk>[1]): Promise<void> {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const here = await open(directory, flags).catch(() => undefined);
  if (here === undefined) return;
  try {
    const path = pathOf(here);
    const names = await readdir(path).catch(() => []);
    await walk(
      names.map((name) => join(path, name)),
      found,
    );
  } finally {
    await here.close();
  }
}

/** The same of one in memory. */
export async function memoryUsageOf(directory: string): Promise<VolumeUsage | undefined> {
  const stats = await statfs(directory).catch(() => undefined);
  if (stats === undefined) return undefined;
  const { blocks, bfree, bsize, files, ffree } = stats;
  return { usedBytes: (blocks - bfree) * bsize, inodes: files - ffree };
}

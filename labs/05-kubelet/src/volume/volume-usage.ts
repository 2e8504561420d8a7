// VolumeUsage: how much of the node a pod's own volumes take.
//
// On disk all files are looked at, and one with two names counts once. Files come and go meanwhile, and a container that makes
// them do so must not escape by it: what is gone is passed over. What is in memory the kernel has counted already.
//
// Same idea upstream: kubernetes, pkg/volume/metrics_du.go and metrics_statfs.go.

import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

export interface VolumeUsage {
  readonly usedBytes: number;
  readonly inodes: number;
}

const BLOCK_BYTES = 512;

/** Undefined for a volume that is not there. */
export async function diskUsageOf(directory: string): Promise<VolumeUsage | undefined> {
  const linked = new Set<number>();
  let [blocks, inodes] = [0, 0];
  const paths = [directory];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      for (const name of await readdir(path).catch(() => [])) paths.push(join(path, name));
    } else if (stats.nlink > 1) {
      if (linked.has(stats.ino)) continue;
      linked.add(stats.ino);
    }
    blocks += stats.blocks;
    inodes++;
  }
  return inodes === 0 ? undefined : { usedBytes: blocks * BLOCK_BYTES, inodes };
}

/** The same of one in memory. */
export async function memoryUsageOf(directory: string): Promise<VolumeUsage | undefined> {
  const stats = await statfs(directory).catch(() => undefined);
  if (stats === undefined) return undefined;
  const { blocks, bfree, bsize, files, ffree } = stats;
  return { usedBytes: (blocks - bfree) * bsize, inodes: files - ffree };
}

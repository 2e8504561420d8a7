// VolumeUsage: how much of the node a pod's own volumes take.
//
// Asked for every few seconds, for every pod: a small volume is walked through here, a large one is left to `du`, which
// is made for it. A file with two names counts once. What is in memory the kernel has counted already.
//
// Same idea upstream: kubernetes, pkg/volume/metrics_du.go.

import type { Stats } from 'node:fs';
import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostCommand } from '../host-command.ts';

export interface VolumeUsage {
  readonly usedBytes: number;
  readonly inodes: number;
}

const WALK_MAX = 1_000;
const BLOCK_BYTES = 512;
const DU_TIMEOUT_MS = 60_000;

/** Undefined for what cannot be measured: it is not there yet, or goes just now. */
export async function diskUsageOf(
  directory: string,
  run: HostCommand,
): Promise<VolumeUsage | undefined> {
  try {
    return (await walk(directory)) ?? (await countedByDu(directory, run));
  } catch {
    return undefined;
  }
}

export async function memoryUsageOf(directory: string): Promise<VolumeUsage | undefined> {
  try {
    const { blocks, bfree, bsize, files, ffree } = await statfs(directory);
    return { usedBytes: (blocks - bfree) * bsize, inodes: files - ffree };
  } catch {
    return undefined;
  }
}

/** Undefined when there is too much of it. */
async function walk(directory: string): Promise<VolumeUsage | undefined> {
  const seen = new Map<number, Stats>();
  const paths = [directory];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const stats = await lstat(path);
    seen.set(stats.ino, stats);
    if (stats.isDirectory()) {
      for (const name of await readdir(path)) paths.push(join(path, name));
    }
    if (seen.size + paths.length > WALK_MAX) return undefined;
  }
  const blocks = [...seen.values()].reduce((sum, stats) => sum + stats.blocks, 0);
  return { usedBytes: blocks * BLOCK_BYTES, inodes: seen.size };
}

async function countedByDu(directory: string, run: HostCommand): Promise<VolumeUsage> {
  const ask = async (what: string) => {
    const args = ['--summarize', '--one-file-system', what, directory];
    return Number.parseInt(await run('du', args, { timeoutMs: DU_TIMEOUT_MS }), 10);
  };
  return { usedBytes: await ask('--block-size=1'), inodes: await ask('--inodes') };
}

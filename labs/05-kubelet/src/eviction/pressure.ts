// Pressure: does the machine run short of memory, disk or process ids?
//
// Memory follows upstream's hard threshold. Disk is a fixed amount rather than upstream's ten percent: the machine is
// somebody's computer, whose disk is often nearly full without being short.
//
// Same idea upstream: kubernetes, pkg/kubelet/eviction.
// Left out here: eviction itself, soft thresholds, image garbage collection.

import { readFile, statfs } from 'node:fs/promises';
import type { Pressure } from '../node/node-status.ts';

const MEMORY_AVAILABLE_MIN_BYTES = 100 * 1024 ** 2;
const DISK_AVAILABLE_MIN_BYTES = 200 * 1024 ** 2;
const PROCESSES_LEFT_MIN = 100;

export async function readPressure(rootDirectory: string): Promise<Pressure> {
  const [memory, disk, pid] = await Promise.all([
    availableMemoryBytes(),
    statfs(rootDirectory),
    processesLeft(),
  ]);
  return {
    memory: memory < MEMORY_AVAILABLE_MIN_BYTES,
    disk: disk.bavail * disk.bsize < DISK_AVAILABLE_MIN_BYTES,
    pid: pid < PROCESSES_LEFT_MIN,
  };
}

async function availableMemoryBytes(): Promise<number> {
  const found = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'));
  return found === null ? Number.POSITIVE_INFINITY : Number(found[1]) * 1024;
}

async function processesLeft(): Promise<number> {
  const max = Number(await readFile('/proc/sys/kernel/pid_max', 'utf8'));
  // The second number of the fourth field counts processes and threads.
  const load = (await readFile('/proc/loadavg', 'utf8')).split(' ')[3];
  return max - Number(load?.split('/')[1] ?? 0);
}

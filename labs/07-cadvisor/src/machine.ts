// Machine: processors, memory and disk of the machine, and what all of it uses.
//
// Same idea upstream: cadvisor, machine/machine.go. Left out: NUMA topology, caches, hugepages, network devices.
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Capacity of the file system that holds `diskPath`. */
  readonly diskBytes: number;
  readonly machineId: string;
  readonly bootId: string;
  readonly kernelVersion: string;
}

export interface FilesystemStats {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

export function readMachine(procRoot: string, diskPath: string): MachineInfo {
  return {
    cpus: cpus().length,
    memoryBytes: readMemory(procRoot).totalBytes,
    diskBytes: readFilesystem(diskPath).capacityBytes,
    machineId: readLine('/etc/machine-id'),
    bootId: readLine(join(procRoot, 'sys/kernel/random/boot_id')),
    kernelVersion: release(),
  };
}

export function readMemory(procRoot: string): { totalBytes: number; availableBytes: number } {
  const text = readFileSync(join(procRoot, 'meminfo'), 'latin1');
  const kibibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    totalBytes: kibibytes('MemTotal') * 1024,
    availableBytes: kibibytes('MemAvailable') * 1024,
  };
}

/** How many processes and threads there can be, and how many there are. */
export function readProcessIds(procRoot: string): { max: number; inUse: number } {
  const read = (name: string) => readFileSync(join(procRoot, name), 'latin1');
  const max = Math.min(Number(read('sys/kernel/pid_max')), Number(read('sys/kernel/threads-max')));
  // `1.05 0.90 0.81 2/840 1234`: two of 840 run.
  return { max, inUse: Number(read('loadavg').split(' ')[3]?.split('/')[1]) };
}

export function readFilesystem(path: string): FilesystemStats {
  const { bsize, blocks, bavail, bfree, files, ffree } = statfsSync(path);
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
  };
}

function readLine(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}

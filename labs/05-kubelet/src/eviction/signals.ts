// Signals: how much memory, disk and how many process ids this node has, and has left.
//
// Memory is the kernel's own estimate of what a new process could have. Where the node is a container with a limit, it is what the
// pods leave of that, as they are not in that container. What cannot be read is left out: nothing is evicted for it.
//
// Same idea upstream: makeSignalObservations in kubernetes, pkg/kubelet/eviction/helpers.go.

import { readFile, statfs } from 'node:fs/promises';
import type { Observation, Observations, Signal } from './thresholds.ts';

export interface SignalSources {
  /** Whose filesystem is the node's. */
  readonly rootDirectory: string;
  /** Whose filesystem holds the images. */
  readonly imageDirectory: string;
  /** Of the node, where that is less than the machine's. */
  readonly memoryLimitBytes: number | undefined;
  /** All that pods hold of it now. */
  podMemoryBytes(): Promise<number>;
}

const PROC = '/proc';

export async function observeSignals(sources: SignalSources): Promise<Observations> {
  const { rootDirectory, imageDirectory } = sources;
  const seen = await Promise.all([
    pair('memory.available', memory(sources)),
    ...disk('nodefs', rootDirectory),
    ...disk('imagefs', imageDirectory),
    pair('pid.available', processIds()),
  ]);
  return new Map(seen.flat());
}

async function pair(
  signal: Signal,
  reading: Promise<Observation>,
): Promise<readonly [Signal, Observation][]> {
  return reading.then(
    (observation) => [[signal, observation]],
    () => [],
  );
}

function disk(name: 'nodefs' | 'imagefs', directory: string) {
  const reading = statfs(directory);
  return [
    pair(
      `${name}.available`,
      reading.then(({ blocks, bavail, bsize }) => ({
        capacity: blocks * bsize,
        available: bavail * bsize,
      })),
    ),
    // Some filesystems make inodes as they need them, and say that they have none.
    pair(
      `${name}.inodesFree`,
      reading.then(({ files, ffree }) => {
        if (files === 0)
          throw new Error(`Cannot count inodes of ${directory}: it has no fixed number`);
        return { capacity: files, available: ffree };
      }),
    ),
  ];
}

async function memory({ memoryLimitBytes, podMemoryBytes }: SignalSources): Promise<Observation> {
  const text = await readFile(`${PROC}/meminfo`, 'utf8');
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  const [capacity, available] = [bytes('MemTotal'), bytes('MemAvailable')];
  if (memoryLimitBytes === undefined || memoryLimitBytes >= capacity)
    return { capacity, available };
  const left = Math.max(0, memoryLimitBytes - (await podMemoryBytes()));
  return { capacity: memoryLimitBytes, available: Math.min(available, left) };
}

async function processIds(): Promise<Observation> {
  const read = (name: string) => readFile(`${PROC}/${name}`, 'utf8');
  const names = ['sys/kernel/pid_max', 'sys/kernel/threads-max'];
  const capacity = Math.min(...(await Promise.all(names.map(read))).map(Number));
  // The second number of the fourth field counts processes and threads.
  const inUse = Number((await read('loadavg')).split(' ')[3]?.split('/')[1]);
  return { capacity, available: Math.max(0, capacity - inUse) };
}

// Cgroup: what the kernel counted for one container, from cgroup v1 or v2, as one shape.
//
// Units: processor time in nanoseconds since the container began, memory in bytes. The working set is what cannot be dropped at once:
// usage without the inactive file cache, as the kubelet uses it for eviction.
// A CgroupReader is made once a container and reads with kept-open files; read() answers undefined once the container is gone.
//
// Same idea upstream: cadvisor, container/libcontainer/handler.go. Left out: hugetlb, per-processor usage, blkio, perf events.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CgroupFile, parseFlatKeyed, parseLimit } from './cgroup-file.ts';

export interface CgroupStats {
  readonly cpuUsageNanoseconds: number;
  readonly cpuUserNanoseconds: number;
  readonly cpuSystemNanoseconds: number;
  readonly cpuPeriods: number;
  readonly cpuThrottledPeriods: number;
  readonly cpuThrottledNanoseconds: number;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
  readonly memoryCacheBytes: number;
  readonly memoryLimitBytes?: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly processes: number;
}

export interface CgroupReader extends Disposable {
  read(): CgroupStats | undefined;
}

const MICROSECOND = 1000;
/** The kernel's USER_HZ: cpuacct.stat of cgroup v1 counts in these. */
const NANOSECONDS_PER_TICK = 10_000_000;

/** Where Docker puts the cgroup of a container, with the cgroupfs driver and with systemd. */
const parents = (id: string): readonly string[] => [
  `docker/${id}`,
  `system.slice/docker-${id}.scope`,
];

/** A reader for a container, or undefined when the kernel has no cgroup of it. `root` is /sys/fs/cgroup. */
export function openCgroup(root: string, containerId: string): CgroupReader | undefined {
  for (const parent of parents(containerId)) {
    if (existsSync(join(root, 'memory', parent))) return new CgroupV1(root, parent);
    if (existsSync(join(root, parent, 'cpu.stat'))) return new CgroupV2(join(root, parent));
  }
  return undefined;
}

/** A reader for the whole machine: the root cgroup. */
export function openRootCgroup(root: string): CgroupReader {
  return existsSync(join(root, 'memory')) ? new CgroupV1(root, '') : new CgroupV2(root);
}

type Files<Name extends string> = Readonly<Record<Name, CgroupFile>>;

function closeAll(files: Readonly<Record<string, CgroupFile>>): void {
  for (const file of Object.values(files)) file[Symbol.dispose]();
}

class CgroupV1 implements CgroupReader {
  readonly #files: Files<'usage' | 'split' | 'throttle' | 'memory' | 'stat' | 'limit' | 'pids'>;

  constructor(root: string, parent: string) {
    const file = (controller: string, name: string) =>
      new CgroupFile(join(root, controller, parent, name));
    this.#files = {
      usage: file('cpuacct', 'cpuacct.usage'),
      split: file('cpuacct', 'cpuacct.stat'),
      throttle: file('cpu', 'cpu.stat'),
      memory: file('memory', 'memory.usage_in_bytes'),
      stat: file('memory', 'memory.stat'),
      limit: file('memory', 'memory.limit_in_bytes'),
      pids: file('pids', 'pids.current'),
    };
  }

  read(): CgroupStats | undefined {
    const usage = this.#files.usage.read();
    const memory = this.#files.memory.read();
    const stat = this.#files.stat.read();
    if (usage === undefined || memory === undefined || stat === undefined) return undefined;
    const split = parseFlatKeyed(this.#files.split.read() ?? '');
    const throttle = parseFlatKeyed(this.#files.throttle.read() ?? '');
    const counted = parseFlatKeyed(stat);
    const memoryUsageBytes = Number(memory);
    const limit = parseLimit(this.#files.limit.read() ?? 'max');
    return {
      cpuUsageNanoseconds: Number(usage),
      cpuUserNanoseconds: (split.get('user') ?? 0) * NANOSECONDS_PER_TICK,
      cpuSystemNanoseconds: (split.get('system') ?? 0) * NANOSECONDS_PER_TICK,
      cpuPeriods: throttle.get('nr_periods') ?? 0,
      cpuThrottledPeriods: throttle.get('nr_throttled') ?? 0,
      cpuThrottledNanoseconds: throttle.get('throttled_time') ?? 0,
      memoryUsageBytes,
      memoryWorkingSetBytes: workingSet(memoryUsageBytes, counted.get('total_inactive_file')),
      memoryRssBytes: counted.get('total_rss') ?? 0,
      memoryCacheBytes: counted.get('total_cache') ?? 0,
      ...(limit !== undefined && { memoryLimitBytes: limit }),
      pageFaults: counted.get('total_pgfault') ?? 0,
      majorPageFaults: counted.get('total_pgmajfault') ?? 0,
      processes: Number(this.#files.pids.read() ?? 0),
    };
  }

  [Symbol.dispose](): void {
    closeAll(this.#files);
  }
}

class CgroupV2 implements CgroupReader {
  readonly #files: Files<'cpu' | 'memory' | 'stat' | 'limit' | 'pids'>;

  constructor(folder: string) {
    const file = (name: string) => new CgroupFile(join(folder, name));
    this.#files = {
      cpu: file('cpu.stat'),
      memory: file('memory.current'),
      stat: file('memory.stat'),
      limit: file('memory.max'),
      pids: file('pids.current'),
    };
  }

  read(): CgroupStats | undefined {
    const cpuText = this.#files.cpu.read();
    const stat = this.#files.stat.read();
    if (cpuText === undefined || stat === undefined) return undefined;
    const cpu = parseFlatKeyed(cpuText);
    const counted = parseFlatKeyed(stat);
    // The root cgroup of v2 has no memory.current: what processes and the page cache hold comes closest.
    const held = (counted.get('anon') ?? 0) + (counted.get('file') ?? 0);
    const memoryUsageBytes = Number(this.#files.memory.read() ?? held);
    const limit = parseLimit(this.#files.limit.read() ?? 'max');
    return {
      cpuUsageNanoseconds: (cpu.get('usage_usec') ?? 0) * MICROSECOND,
      cpuUserNanoseconds: (cpu.get('user_usec') ?? 0) * MICROSECOND,
      cpuSystemNanoseconds: (cpu.get('system_usec') ?? 0) * MICROSECOND,
      cpuPeriods: cpu.get('nr_periods') ?? 0,
      cpuThrottledPeriods: cpu.get('nr_throttled') ?? 0,
      cpuThrottledNanoseconds: (cpu.get('throttled_usec') ?? 0) * MICROSECOND,
      memoryUsageBytes,
      memoryWorkingSetBytes: workingSet(memoryUsageBytes, counted.get('inactive_file')),
      memoryRssBytes: counted.get('anon') ?? 0,
      memoryCacheBytes: counted.get('file') ?? 0,
      ...(limit !== undefined && { memoryLimitBytes: limit }),
      pageFaults: counted.get('pgfault') ?? 0,
      majorPageFaults: counted.get('pgmajfault') ?? 0,
      processes: Number(this.#files.pids.read() ?? 0),
    };
  }

  [Symbol.dispose](): void {
    closeAll(this.#files);
  }
}

function workingSet(usageBytes: number, inactiveFileBytes = 0): number {
  return Math.max(0, usageBytes - inactiveFileBytes);
}

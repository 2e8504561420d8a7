// Sampler: reads every container's counters, and keeps for each the last sample and the rate between the last two.
//
// Counters only grow; a rate is the difference of two samples over the time between them. Samples closer together than
// `minimumIntervalMs` are answered from memory, so that many readers cost no more than one.
// One pass reads all containers; a container whose cgroup is gone drops out by itself.
//
// Same idea upstream: cadvisor, manager/container.go (housekeeping). Left out: a history of samples, load averages.
import { type CgroupReader, type CgroupStats, openCgroup, openRootCgroup } from './cgroup.ts';
import type { ContainerInfo, ContainerList } from './container-list.ts';
import { type InterfaceStats, readNetwork } from './network.ts';

export interface Sample {
  readonly container: ContainerInfo;
  readonly atMs: number;
  readonly stats: CgroupStats;
  /** Nanoseconds of processor time used per second, once there are two samples. */
  readonly cpuNanoCores?: number;
  readonly network: readonly InterfaceStats[];
  readonly writableBytes?: number;
}

export interface MachineSample {
  readonly atMs: number;
  readonly stats: CgroupStats | undefined;
  readonly cpuNanoCores?: number;
}

export interface SamplerOptions {
  readonly containers: ContainerList;
  readonly cgroupRoot: string;
  readonly procRoot: string;
  readonly now?: () => number;
  readonly minimumIntervalMs?: number;
}

interface Tracked {
  readonly reader: CgroupReader;
  sample?: Sample;
}

export class Sampler implements Disposable {
  readonly #options: Required<SamplerOptions>;
  readonly #tracked = new Map<string, Tracked>();
  readonly #root: CgroupReader;
  #machine: MachineSample | undefined;

  constructor(options: SamplerOptions) {
    this.#options = { now: Date.now, minimumIntervalMs: 1000, ...options };
    this.#root = openRootCgroup(options.cgroupRoot);
  }

  /** A sample of every running container that has a cgroup. */
  sample(): readonly Sample[] {
    const running = this.#options.containers.list();
    const ids = new Set(running.map(({ id }) => id));
    for (const id of this.#tracked.keys()) if (!ids.has(id)) this.#drop(id);
    return running.flatMap((container) => this.#sampleOne(container) ?? []);
  }

  sampleMachine(): MachineSample {
    const atMs = this.#options.now();
    const previous = this.#machine;
    if (previous && atMs - previous.atMs < this.#options.minimumIntervalMs) return previous;
    const stats = this.#root.read();
    const rate =
      stats && previous?.stats ? cpuRate(previous.stats, previous.atMs, stats, atMs) : undefined;
    this.#machine = { atMs, stats, ...(rate !== undefined && { cpuNanoCores: rate }) };
    return this.#machine;
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#tracked.keys()]) this.#drop(id);
    this.#root[Symbol.dispose]();
  }

  #sampleOne(container: ContainerInfo): Sample | undefined {
    const tracked = this.#track(container);
    if (tracked === undefined) return undefined;
    const atMs = this.#options.now();
    const previous = tracked.sample;
    if (previous && atMs - previous.atMs < this.#options.minimumIntervalMs) return previous;
    const stats = tracked.reader.read();
    if (stats === undefined) {
      this.#drop(container.id);
      return undefined;
    }
    const rate = previous && cpuRate(previous.stats, previous.atMs, stats, atMs);
    const writableBytes = this.#options.containers.sizeOf(container.id);
    tracked.sample = {
      container,
      atMs,
      stats,
      ...(rate !== undefined && { cpuNanoCores: rate }),
      network: readNetwork(this.#options.procRoot, container.pid),
      ...(writableBytes !== undefined && { writableBytes }),
    };
    return tracked.sample;
  }

  #track(container: ContainerInfo): Tracked | undefined {
    const known = this.#tracked.get(container.id);
    if (known !== undefined) return known;
    const reader = openCgroup(this.#options.cgroupRoot, container.id);
    if (reader === undefined) return undefined;
    const tracked = { reader };
    this.#tracked.set(container.id, tracked);
    return tracked;
  }

  #drop(id: string): void {
    this.#tracked.get(id)?.reader[Symbol.dispose]();
    this.#tracked.delete(id);
  }
}

/** Nanoseconds of processor time per second of wall time. */
export function cpuRate(
  before: Pick<CgroupStats, 'cpuUsageNanoseconds'>,
  beforeMs: number,
  after: Pick<CgroupStats, 'cpuUsageNanoseconds'>,
  afterMs: number,
): number | undefined {
  const seconds = (afterMs - beforeMs) / 1000;
  if (seconds <= 0) return undefined;
  return Math.round(Math.max(0, after.cpuUsageNanoseconds - before.cpuUsageNanoseconds) / seconds);
}

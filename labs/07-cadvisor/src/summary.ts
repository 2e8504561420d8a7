// Summary: samples → the body of the kubelet's /stats/summary. Pure.
//
// Shape and names are upstream's (kubernetes, staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go), so that metrics-server and
// other readers of the real thing can read ours. What pods' volumes take, the kubelet adds, which knows them.
// Left out: swap, process accounting of the node's system daemons.
import type { FilesystemStats } from './machine.ts';
import type { InterfaceStats } from './network.ts';
import { type PodIdentity, podIdentity } from './pod-labels.ts';
import type { MachineSample, Sample } from './sampler.ts';

export interface SummaryInput {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly samples: readonly Sample[];
  readonly machine: MachineSample;
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number };
  readonly network: readonly InterfaceStats[];
  readonly filesystem: FilesystemStats;
  /** Of the engine's images; absent where it cannot be seen. */
  readonly imageFilesystem?: FilesystemStats | undefined;
  readonly processIds: { readonly max: number; readonly inUse: number };
  /** Of a container's output on the disk. */
  logBytesOf(container: Sample['container']): number | undefined;
}

type Counters = Readonly<Record<string, number | string>>;

export interface ContainerSummary {
  readonly name: string;
  readonly startTime: string;
  readonly cpu: Counters;
  readonly memory: Counters;
  readonly rootfs?: Counters;
  readonly logs?: Counters;
}

export interface PodSummary {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerSummary[];
  readonly cpu: Counters;
  readonly memory: Counters;
  readonly network?: object;
  readonly process_stats: Counters;
}

export interface NodeSummary {
  readonly nodeName: string;
  readonly startTime: string;
  readonly cpu: Counters;
  readonly memory: Counters;
  readonly network: object;
  readonly fs: Counters;
  readonly runtime?: { readonly imageFs: Counters };
  readonly rlimit: Counters;
}

export interface StatsSummary {
  readonly node: NodeSummary;
  readonly pods: readonly PodSummary[];
}

export function summarize(input: SummaryInput): StatsSummary {
  return { node: nodeSummary(input), pods: podSummaries(input) };
}

function nodeSummary(input: SummaryInput): NodeSummary {
  const time = isoTime(input.machine.atMs);
  const { stats } = input.machine;
  return {
    nodeName: input.nodeName,
    startTime: isoTime(input.startedAtMs),
    cpu: {
      time,
      usageNanoCores: input.machine.cpuNanoCores ?? 0,
      usageCoreNanoSeconds: stats?.cpuUsageNanoseconds ?? 0,
    },
    memory: {
      time,
      availableBytes: input.memory.availableBytes,
      usageBytes: input.memory.totalBytes - input.memory.availableBytes,
      workingSetBytes: input.memory.totalBytes - input.memory.availableBytes,
      rssBytes: stats?.memoryRssBytes ?? 0,
      pageFaults: stats?.pageFaults ?? 0,
      majorPageFaults: stats?.majorPageFaults ?? 0,
    },
    network: networkSummary(time, input.network),
    fs: { time, ...filesystemSummary(input.filesystem) },
    ...(input.imageFilesystem && {
      runtime: { imageFs: { time, ...filesystemSummary(input.imageFilesystem) } },
    }),
    rlimit: { time, maxpid: input.processIds.max, curproc: input.processIds.inUse },
  };
}

function podSummaries(input: SummaryInput): readonly PodSummary[] {
  const pods = new Map<string, { identity: PodIdentity; samples: Sample[] }>();
  for (const sample of input.samples) {
    const identity = podIdentity(sample.container.labels);
    if (identity === undefined) continue;
    const pod = pods.get(identity.uid) ?? { identity, samples: [] };
    pod.samples.push(sample);
    pods.set(identity.uid, pod);
  }
  return [...pods.values()].map((pod) => podSummary(pod.identity, pod.samples, input));
}

function podSummary(
  identity: PodIdentity,
  samples: readonly Sample[],
  input: SummaryInput,
): PodSummary {
  const isSandbox = (sample: Sample) => podIdentity(sample.container.labels)?.isSandbox === true;
  const sandbox = samples.find(isSandbox);
  const time = isoTime(Math.max(...samples.map(({ atMs }) => atMs)));
  const sum = (of: (sample: Sample) => number) =>
    samples.reduce((total, sample) => total + of(sample), 0);
  return {
    podRef: { name: identity.name, namespace: identity.namespace, uid: identity.uid },
    startTime: isoTime(Math.min(...samples.map(({ container }) => container.startedAtMs))),
    containers: samples
      .filter((sample) => !isSandbox(sample))
      .map((sample) => containerSummary(sample, input)),
    cpu: {
      time,
      usageNanoCores: sum((sample) => sample.cpuNanoCores ?? 0),
      usageCoreNanoSeconds: sum((sample) => sample.stats.cpuUsageNanoseconds),
    },
    memory: {
      time,
      usageBytes: sum((sample) => sample.stats.memoryUsageBytes),
      workingSetBytes: sum((sample) => sample.stats.memoryWorkingSetBytes),
      rssBytes: sum((sample) => sample.stats.memoryRssBytes),
    },
    ...(sandbox && { network: networkSummary(time, sandbox.network) }),
    process_stats: { process_count: sum((sample) => sample.stats.processes) },
  };
}

function containerSummary(sample: Sample, input: SummaryInput): ContainerSummary {
  const { stats } = sample;
  const time = isoTime(sample.atMs);
  const limit = stats.memoryLimitBytes;
  const logBytes = input.logBytesOf(sample.container);
  const disk = (usedBytes: number, { availableBytes, capacityBytes }: FilesystemStats) => {
    return { time, availableBytes, capacityBytes, usedBytes };
  };
  return {
    name: podIdentity(sample.container.labels)?.container ?? sample.container.name,
    startTime: isoTime(sample.container.startedAtMs),
    cpu: {
      time,
      usageNanoCores: sample.cpuNanoCores ?? 0,
      usageCoreNanoSeconds: stats.cpuUsageNanoseconds,
    },
    memory: {
      time,
      ...(limit !== undefined && {
        availableBytes: Math.max(0, limit - stats.memoryWorkingSetBytes),
      }),
      usageBytes: stats.memoryUsageBytes,
      workingSetBytes: stats.memoryWorkingSetBytes,
      rssBytes: stats.memoryRssBytes,
      pageFaults: stats.pageFaults,
      majorPageFaults: stats.majorPageFaults,
    },
    ...(sample.writableBytes !== undefined && {
      rootfs: disk(sample.writableBytes, input.imageFilesystem ?? input.filesystem),
    }),
    ...(logBytes !== undefined && { logs: disk(logBytes, input.filesystem) }),
  };
}

function networkSummary(time: string, interfaces: readonly InterfaceStats[]): object {
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }));
  const main = all.find(({ name }) => name === 'eth0') ?? all[0];
  return { time, ...main, interfaces: all };
}

function filesystemSummary(stats: FilesystemStats): Counters {
  return {
    availableBytes: stats.availableBytes,
    capacityBytes: stats.capacityBytes,
    usedBytes: stats.usedBytes,
    inodes: stats.inodes,
    inodesFree: stats.inodesFree,
    inodesUsed: stats.inodes - stats.inodesFree,
  };
}

const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString();

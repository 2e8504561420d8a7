// StatsProvider: where the kubelet gets figures of the machine and its containers from.
//
// The kubelet measures nothing itself. Whoever starts it may give it a provider (the full cluster gives lab 07's);
// without one the machine's size comes from the operating system, and there are no statistics to serve.
//
// Same idea upstream: kubernetes, pkg/kubelet/server/stats (Provider), on top of cAdvisor.

import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { PodIdentity } from './runtime/runtime.ts';

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Capacity of the filesystem that holds images and volumes. */
  readonly diskBytes: number;
}

/** Figures by upstream's names (usageNanoCores, workingSetBytes, …), with the `time` they were taken at. */
export type Figures = Readonly<Record<string, number | string>>;

export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu: Figures;
  readonly memory: Figures;
  readonly rootfs?: Figures;
  readonly logs?: Figures;
}

export interface PodStats {
  readonly podRef: PodIdentity;
  readonly startTime: string;
  readonly containers: readonly ContainerStats[];
  readonly cpu: Figures;
  readonly memory: Figures;
  readonly network?: object;
  readonly process_stats?: Figures;
  /** Of each volume, with its name; and of all that goes with the pod. The kubelet itself adds these two. */
  readonly volume?: readonly Figures[];
  readonly 'ephemeral-storage'?: Figures;
}

export interface NodeStats {
  readonly nodeName: string;
  readonly startTime: string;
  readonly cpu: Figures;
  readonly memory: Figures;
  readonly network: object;
  readonly fs: Figures;
  readonly runtime?: { readonly imageFs: Figures };
  readonly rlimit?: Figures;
}

/** `Summary` of k8s.io/kubelet/pkg/apis/stats/v1alpha1. */
export interface Summary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}

export interface StatsProvider {
  machine(): MachineInfo | Promise<MachineInfo>;
  /** The body of /stats/summary. */
  summary(): Promise<Summary>;
  /** Prometheus text of /metrics/cadvisor. */
  prometheus(): Promise<string>;
}

/** The provider's word, else what the operating system says. */
export async function machineOf(
  stats: StatsProvider | undefined,
  rootDirectory: string,
): Promise<MachineInfo> {
  if (stats !== undefined) return stats.machine();
  const filesystem = await statfs(rootDirectory);
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: filesystem.blocks * filesystem.bsize,
  };
}

// StatsProvider: where the kubelet gets figures of the machine and its containers from.
//
// The kubelet measures nothing itself. Whoever starts it may give it a provider (the full cluster gives lab 07's);
// without one the machine's size comes from the operating system, and there are no statistics to serve.
//
// Same idea upstream: kubernetes, pkg/kubelet/server/stats (Provider), on top of cAdvisor.

import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Capacity of the filesystem that holds images and volumes. */
  readonly diskBytes: number;
}

export interface StatsProvider {
  machine(): MachineInfo | Promise<MachineInfo>;
  /** The body of /stats/summary: `Summary` of k8s.io/kubelet/pkg/apis/stats/v1alpha1. */
  summary(): Promise<unknown>;
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

// StatsProvider: where the kubelet gets figures of the machine and its containers from.
//
// The kubelet measures nothing itself. Whoever starts it may give it a provider (the full cluster gives lab 07's);
// without one the machine's size comes from the operating system, and there are no statistics to serve.
//
// Same idea upstream: kubernetes, pkg/kubelet/server/stats (Provider), on top of cAdvisor.

import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';

export interface MachineInfo {
  readonly numCores: number;
  readonly memoryCapacityBytes: number;
  /** Of the filesystem that holds images and volumes. */
  readonly filesystemCapacityBytes?: number;
}

export interface StatsProvider {
  machine(): MachineInfo | Promise<MachineInfo>;
  /** The body of /stats/summary: `Summary` of k8s.io/kubelet/pkg/apis/stats/v1alpha1. */
  summary(): Promise<unknown>;
  /** Prometheus text of /metrics/cadvisor. */
  prometheus(): Promise<string>;
}

/** What the operating system says, for a kubelet without a provider. */
export async function machineOf(
  stats: StatsProvider | undefined,
  rootDirectory: string,
): Promise<Required<MachineInfo>> {
  const filesystem = await statfs(rootDirectory);
  const machine = await stats?.machine();
  return {
    numCores: machine?.numCores ?? availableParallelism(),
    memoryCapacityBytes: machine?.memoryCapacityBytes ?? totalmem(),
    filesystemCapacityBytes:
      machine?.filesystemCapacityBytes ?? filesystem.blocks * filesystem.bsize,
  };
}

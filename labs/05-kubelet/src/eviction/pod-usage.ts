// PodUsage: what a pod uses of what a node can run short of, by container and by volume.
//
// From two sources: the statistics of containers, where somebody measures them, and the pod's own volumes on the disk. What nobody
// has measured is absent, and is not zero.
//
// Same shape upstream: PodStats of k8s.io/kubelet/pkg/apis/stats/v1alpha1.

import type { Pod, Volume } from 'kubernetes-types/core/v1';
import type { Figures, PodStats } from '../stats-provider.ts';

export interface ContainerUsage {
  readonly memoryBytes?: number;
  /** Of the writable layer, and of its logs. */
  readonly diskBytes?: number;
}

export interface VolumeUsage {
  readonly name: string;
  readonly usedBytes: number;
  readonly inodes: number;
}

export interface PodUsage {
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly containers: ReadonlyMap<string, ContainerUsage>;
  readonly volumes: ReadonlyMap<string, VolumeUsage>;
}

export function usageOf(stats: PodStats | undefined, volumes: readonly VolumeUsage[]): PodUsage {
  const memoryBytes = figure(stats?.memory, 'workingSetBytes');
  const processes = figure(stats?.process_stats, 'process_count');
  const containers = (stats?.containers ?? []).map((container): [string, ContainerUsage] => {
    const memory = figure(container.memory, 'workingSetBytes');
    const rootfs = figure(container.rootfs, 'usedBytes');
    const logs = figure(container.logs, 'usedBytes') ?? 0;
    return [
      container.name,
      {
        ...(memory === undefined ? {} : { memoryBytes: memory }),
        ...(rootfs === undefined ? {} : { diskBytes: rootfs + logs }),
      },
    ];
  });
  return {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(processes === undefined ? {} : { processes }),
    containers: new Map(containers),
    volumes: new Map(volumes.map((volume) => [volume.name, volume])),
  };
}

/** Local ephemeral storage: writable layers, logs, and volumes that live and die with the pod. */
export function diskBytesOf({ spec }: Pod, { containers, volumes }: PodUsage): number {
  const ofVolumes = (spec?.volumes ?? [])
    .filter(isLocalEphemeral)
    .map(({ name }) => volumes.get(name)?.usedBytes ?? 0);
  const ofContainers = [...containers.values()].map(({ diskBytes = 0 }) => diskBytes);
  return [...ofVolumes, ...ofContainers].reduce((sum, bytes) => sum + bytes, 0);
}

export function inodesOf({ spec }: Pod, { volumes }: PodUsage): number {
  return (spec?.volumes ?? [])
    .filter(isLocalEphemeral)
    .reduce((sum, { name }) => sum + (volumes.get(name)?.inodes ?? 0), 0);
}

function isLocalEphemeral({ emptyDir, configMap, downwardAPI }: Volume): boolean {
  if (emptyDir !== undefined) return emptyDir.medium !== 'Memory';
  return configMap !== undefined || downwardAPI !== undefined;
}

function figure(figures: Figures | undefined, name: string): number | undefined {
  const value = figures?.[name];
  return typeof value === 'number' ? value : undefined;
}

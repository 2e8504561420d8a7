// SummaryVolumes: /stats/summary with what pods' volumes take, and the ephemeral storage of each pod as a whole.
//
// Who measures containers knows nothing of volumes; the kubelet does. Measured when somebody asks, and not for those who want CPU
// and memory only.
//
// Same figures upstream: volume and ephemeral-storage of PodStats in k8s.io/kubelet/pkg/apis/stats/v1alpha1.

import type { Pod } from 'kubernetes-types/core/v1';
import { diskBytesOf, inodesOf, usageOf, type VolumeUsage } from '../eviction/pod-usage.ts';
import type { Figures, PodStats, Summary } from '../stats-provider.ts';

export interface VolumeSource {
  byUid(uid: string): Pod | undefined;
  volumeUsage(pod: Pod): Promise<readonly VolumeUsage[]>;
}

export async function withVolumes(summary: Summary, source: VolumeSource): Promise<Summary> {
  const { availableBytes = 0, capacityBytes = 0, inodes = 0, inodesFree = 0 } = summary.node.fs;
  const disk = { availableBytes, capacityBytes, inodes, inodesFree };
  const pods = summary.pods.map(async (stats): Promise<PodStats> => {
    const pod = source.byUid(stats.podRef.uid);
    return pod === undefined ? stats : withUsage(stats, pod, await source.volumeUsage(pod), disk);
  });
  return { node: summary.node, pods: await Promise.all(pods) };
}

function withUsage(
  stats: PodStats,
  pod: Pod,
  volumes: readonly VolumeUsage[],
  disk: Figures,
): PodStats {
  const { time = stats.startTime } = stats.cpu;
  const usage = usageOf(stats, volumes);
  return {
    ...stats,
    volume: volumes.map(({ name, usedBytes, inodes }) => {
      return { time, ...disk, usedBytes, inodesUsed: inodes, name };
    }),
    'ephemeral-storage': {
      ...{ time, ...disk },
      usedBytes: diskBytesOf(pod, usage),
      inodesUsed: inodesOf(pod, usage),
    },
  };
}

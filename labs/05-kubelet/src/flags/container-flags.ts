// ContainerFlags: what every container of this node may use, and how many of those that ended are kept.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import { parseQuantity } from '@kube-labs/apiserver';
import type { Command } from 'commander';
import type { DeadContainerLimits } from '../image/container-gc.ts';
import type { ContainerLimits } from '../runtime/docker/docker-config.ts';
import { count, time } from './flag-values.ts';

export interface ContainerOptions {
  readonly containerLimits: ContainerLimits;
  readonly deadContainers: DeadContainerLimits;
}

export interface ContainerFlags {
  readonly containerLogMaxSize: number;
  readonly containerLogMaxFiles: number;
  readonly podMaxPids: number;
  readonly maximumDeadContainersPerContainer: number;
  readonly maximumDeadContainers: number;
  readonly minimumContainerTtlDuration: number;
}

export function addContainerFlags(command: Command): void {
  command
    .option(
      '--container-log-max-size <size>',
      'a log goes on in a new file then',
      parseQuantity,
      10 * 1024 * 1024,
    )
    .option('--container-log-max-files <n>', 'how many files of a log are kept', count, 5)
    .option('--pod-max-pids <n>', 'processes of a container; -1 is without limit', Number, -1)
    .option('--maximum-dead-containers-per-container <n>', 'that are kept', Number, 1)
    .option('--maximum-dead-containers <n>', 'that are kept on this node', Number, -1)
    .option('--minimum-container-ttl-duration <time>', 'younger dead ones stay', time, 0);
}

export function containerOptionsOf(flags: ContainerFlags): ContainerOptions {
  const { containerLogMaxSize: logBytesMax, containerLogMaxFiles: logFilesMax } = flags;
  return {
    containerLimits: { logBytesMax, logFilesMax, pidsMax: flags.podMaxPids },
    deadContainers: {
      perContainerMax: flags.maximumDeadContainersPerContainer,
      max: flags.maximumDeadContainers,
      ageMinMs: flags.minimumContainerTtlDuration,
    },
  };
}

// ContainerFlags: what every container of this node may use.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import { parseQuantity } from '@kube-labs/apiserver';
import type { Command } from 'commander';
import type { ContainerLimits } from '../runtime/docker/docker-config.ts';
import { count } from './flag-values.ts';

export interface ContainerOptions {
  readonly containerLimits: ContainerLimits;
}

export interface ContainerFlags {
  readonly containerLogMaxSize: number;
  readonly containerLogMaxFiles: number;
  readonly podMaxPids: number;
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
    .option('--pod-max-pids <n>', 'processes of a container; -1 is without limit', Number, -1);
}

export function containerOptionsOf(flags: ContainerFlags): ContainerOptions {
  const { containerLogMaxSize: logBytesMax, containerLogMaxFiles: logFilesMax } = flags;
  return { containerLimits: { logBytesMax, logFilesMax, pidsMax: flags.podMaxPids } };
}

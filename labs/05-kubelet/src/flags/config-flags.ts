// ConfigFlags: where this node's pods come from besides the API server.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import { type Command, InvalidArgumentError } from 'commander';
import { isCidr } from '../network/cidr.ts';
import { time } from './flag-values.ts';

export interface ConfigOptions {
  /** Folder with a file for each static pod, or one such file; absent for none. */
  readonly podManifestPath: string | undefined;
  readonly fileCheckFrequencyMs: number;
  /** Range of pods' addresses until the node's object has one. */
  readonly podCidr: string | undefined;
}

export interface ConfigFlags {
  readonly podManifestPath?: string;
  readonly fileCheckFrequency: number;
  readonly podCidr?: string;
}

export function addConfigFlags(command: Command): void {
  command
    .option('--pod-manifest-path <path>', 'folder of static pods, or a file with one')
    .option('--file-check-frequency <time>', 'how often it is read, changes apart', time, 20_000)
    .option('--pod-cidr <range>', 'addresses of pods while no API server has given any', range);
}

export function configOptionsOf(flags: ConfigFlags): ConfigOptions {
  const { podManifestPath, fileCheckFrequency, podCidr } = flags;
  return { podManifestPath, fileCheckFrequencyMs: fileCheckFrequency, podCidr };
}

function range(text: string): string {
  if (isCidr(text)) return text;
  throw new InvalidArgumentError(`want a range such as 10.244.1.0/24, got ${text}.`);
}

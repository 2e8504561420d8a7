// PodFlags: what pods get from this node where their pod does not say, and what it may ask of the kernel.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options. Seccomp profiles are in seccomp/ below
// --root-dir, as there.

import { join } from 'node:path';
import type { Command } from 'commander';
import { bool } from './flag-values.ts';

export interface PodOptions {
  readonly seccompDefault: boolean;
  readonly seccompProfileRoot: string;
  readonly allowedUnsafeSysctls: readonly string[];
  /** The node's own resolver, from which pods' are made; nothing is none. */
  readonly resolverFile: string;
}

export interface PodFlags {
  readonly seccompDefault: boolean;
  readonly allowedUnsafeSysctls: string;
  readonly resolvConf: string;
  readonly rootDir: string;
}

export function addPodFlags(command: Command): void {
  command
    .option('--seccomp-default [bool]', "who names no profile has the engine's", bool, false)
    .option('--allowed-unsafe-sysctls <names>', 'beside the safe ones, as name,prefix.*,…', '')
    .option('--resolv-conf <file>', 'resolver of pods that have no other', '/etc/resolv.conf');
}

export function podOptionsOf(flags: PodFlags): PodOptions {
  const { seccompDefault, allowedUnsafeSysctls, resolvConf: resolverFile, rootDir } = flags;
  return {
    seccompDefault,
    seccompProfileRoot: join(rootDir, 'seccomp'),
    allowedUnsafeSysctls: allowedUnsafeSysctls.split(',').filter((name) => name !== ''),
    resolverFile,
  };
}

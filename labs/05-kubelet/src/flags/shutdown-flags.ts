// ShutdownFlags: how long the pods of a node may take to end when the node goes down.
//
// Upstream has the two in its configuration file only: shutdownGracePeriod, shutdownGracePeriodCriticalPods. 0 is off there too.

import type { Command } from 'commander';
import type { ShutdownPeriods } from '../shutdown/shutdown-groups.ts';
import { time } from './flag-values.ts';

export interface ShutdownOptions {
  /** Undefined: a node that goes down does so without its kubelet. */
  readonly shutdown: ShutdownPeriods | undefined;
}

export interface ShutdownFlags {
  readonly shutdownGracePeriod: number;
  readonly shutdownGracePeriodCriticalPods: number;
}

export function addShutdownFlags(command: Command): void {
  command
    .option('--shutdown-grace-period <time>', 'for all pods; SIGPWR begins it; 0 is off', time, 0)
    .option('--shutdown-grace-period-critical-pods <time>', 'the part of critical ones', time, 0);
}

export function shutdownOptionsOf(flags: ShutdownFlags): ShutdownOptions {
  const { shutdownGracePeriod: all, shutdownGracePeriodCriticalPods: critical } = flags;
  if (critical > all) {
    const figures = `of ${critical} ms: it is a part of --shutdown-grace-period, which is ${all} ms`;
    throw new Error(`Cannot use --shutdown-grace-period-critical-pods ${figures}`);
  }
  return { shutdown: all === 0 ? undefined : { gracePeriodMs: all, criticalPodsMs: critical } };
}

// EvictionFlags: when this node is short of something, and how gently its pods go then.
//
// Flags are upstream's: kubernetes, cmd/kubelet/app/options. One default is not: upstream is short of disk when a tenth of it is left,
// but the machine may be somebody's computer, whose disk is often nearly full; here it is 200 MiB.

import { type Command, InvalidArgumentError } from 'commander';
import {
  type Amount,
  parseAmount,
  parseSignals,
  type Signal,
  type Threshold,
  thresholdsOf,
} from '../eviction/thresholds.ts';
import { count, time } from './flag-values.ts';

export interface EvictionFlagOptions {
  readonly evictionThresholds: readonly Threshold[];
  readonly evictionPressureTransitionPeriodMs: number;
  readonly evictionMaxPodGracePeriodSeconds: number;
}

export interface EvictionFlags {
  readonly evictionHard?: ReadonlyMap<Signal, Amount>;
  readonly evictionSoft?: ReadonlyMap<Signal, Amount>;
  readonly evictionSoftGracePeriod?: ReadonlyMap<Signal, number>;
  readonly evictionMinimumReclaim?: ReadonlyMap<Signal, Amount>;
  readonly evictionPressureTransitionPeriod: number;
  readonly evictionMaxPodGracePeriod: number;
}

const HARD_DEFAULT =
  'memory.available<100Mi,nodefs.available<200Mi,imagefs.available<200Mi,nodefs.inodesFree<1%,pid.available<100';
const TRANSITION_PERIOD_MS = 300_000;

export function addEvictionFlags(command: Command): void {
  command
    .option(
      '--eviction-hard <signals>',
      `below it a pod goes at once (default: "${HARD_DEFAULT}")`,
      thresholds,
    )
    .option(
      '--eviction-soft <signals>',
      'below it for its grace period a pod goes in peace, as signal<percentage%, …',
      thresholds,
    )
    .option('--eviction-soft-grace-period <times>', 'signal=time, …', gracePeriods)
    .option(
      '--eviction-minimum-reclaim <amounts>',
      'how much more there must be until it is over, as signal=quantity, …',
      reclaims,
    )
    .option(
      '--eviction-pressure-transition-period <time>',
      'how long a condition of the node stays after it was last seen',
      time,
      TRANSITION_PERIOD_MS,
    )
    .option(
      '--eviction-max-pod-grace-period <seconds>',
      'the longest that a pod may take to go in peace',
      count,
      0,
    );
}

export function evictionOptionsOf(flags: EvictionFlags): EvictionFlagOptions {
  return {
    evictionThresholds: thresholdsOf({
      hard: flags.evictionHard ?? thresholds(HARD_DEFAULT),
      soft: flags.evictionSoft ?? new Map(),
      softGracePeriodMs: flags.evictionSoftGracePeriod ?? new Map(),
      minimumReclaim: flags.evictionMinimumReclaim ?? new Map(),
    }),
    evictionPressureTransitionPeriodMs: flags.evictionPressureTransitionPeriod,
    evictionMaxPodGracePeriodSeconds: flags.evictionMaxPodGracePeriod,
  };
}

const thresholds = (text: string) => asked(() => parseSignals(text, '<', parseAmount));
const reclaims = (text: string) => asked(() => parseSignals(text, '=', parseAmount));
const gracePeriods = (text: string) => asked(() => parseSignals(text, '=', time));

/** What is wrong with a flag is said beside its name. */
function asked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

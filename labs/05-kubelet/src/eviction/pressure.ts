// Pressure: from what was measured, and what was before, to the node's conditions and the thresholds to act upon. Pure.
//
// A condition stays for the transition period after it was last seen, so that it does not flap while pods come and go. A threshold
// is acted upon when it has been met for its whole grace period.
//
// Same idea upstream: synchronize in kubernetes, pkg/kubelet/eviction/eviction_manager.go.

import { type Observations, type Signal, type Threshold, thresholdsMet } from './thresholds.ts';

export const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;
export type PressureType = (typeof PRESSURES)[number];

export interface PressureState {
  /** Those that were met, or not yet made up for, with the time when that began. */
  readonly met: ReadonlyMap<Threshold, number>;
  readonly lastSeenMs: ReadonlyMap<PressureType, number>;
}

export interface PressureStep {
  readonly state: PressureState;
  readonly conditions: readonly PressureType[];
  /** The most urgent first. */
  readonly due: readonly Threshold[];
}

export const NO_PRESSURE: PressureState = { met: new Map(), lastSeenMs: new Map() };

export function nextPressure(
  before: PressureState,
  thresholds: readonly Threshold[],
  now: {
    readonly observations: Observations;
    readonly atMs: number;
    readonly transitionPeriodMs: number;
  },
): PressureStep {
  const { observations, atMs, transitionPeriodMs } = now;
  const unresolved = thresholdsMet([...before.met.keys()], observations, true);
  const met = new Map(
    [...new Set([...thresholdsMet(thresholds, observations, false), ...unresolved])].map(
      (threshold) => [threshold, before.met.get(threshold) ?? atMs],
    ),
  );
  const seen = [...met.keys()].map(({ signal }): [PressureType, number] => [
    pressureOf(signal),
    atMs,
  ]);
  const lastSeenMs = new Map([...before.lastSeenMs, ...seen]);
  const conditions = PRESSURES.filter((type) => {
    const lastMs = lastSeenMs.get(type);
    return lastMs !== undefined && (lastMs === atMs || atMs - lastMs < transitionPeriodMs);
  });
  const due = [...met]
    .filter(([{ gracePeriodMs }, sinceMs]) => atMs - sinceMs >= gracePeriodMs)
    .map(([threshold]) => threshold)
    .sort((a, b) => urgencyOf(a) - urgencyOf(b));
  return { state: { met, lastSeenMs }, conditions, due };
}

function pressureOf(signal: Signal): PressureType {
  if (signal === 'memory.available') return 'MemoryPressure';
  return signal === 'pid.available' ? 'PIDPressure' : 'DiskPressure';
}

/** Memory first: it runs out fastest. A hard one before a soft one of the same. */
function urgencyOf({ signal, gracePeriodMs }: Threshold): number {
  return (signal === 'memory.available' ? 0 : 2) + (gracePeriodMs === 0 ? 0 : 1);
}

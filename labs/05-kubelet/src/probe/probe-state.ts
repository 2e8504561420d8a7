// ProbeState: from single attempts to a verdict, by thresholds. Pure.
//
// A verdict changes only after as many equal attempts in a row as its threshold says. Until the first verdict a
// container is not ready, but alive; not started, if it has a startup probe.
//
// Same idea upstream: kubernetes, pkg/kubelet/prober/worker.go.

import type { Probe } from 'kubernetes-types/core/v1';

export type ProbeKind = 'readiness' | 'liveness' | 'startup';

export interface ProbeState {
  readonly verdict: 'success' | 'failure' | 'unknown';
  readonly last: 'success' | 'failure' | undefined;
  readonly inARow: number;
}

export const INITIAL_PROBE_STATE: ProbeState = { verdict: 'unknown', last: undefined, inARow: 0 };

const SUCCESS_THRESHOLD_DEFAULT = 1;
const FAILURE_THRESHOLD_DEFAULT = 3;

export function nextProbeState(
  state: ProbeState,
  outcome: 'success' | 'failure',
  probe: Probe,
): ProbeState {
  const inARow = state.last === outcome ? state.inARow + 1 : 1;
  const threshold =
    outcome === 'success'
      ? (probe.successThreshold ?? SUCCESS_THRESHOLD_DEFAULT)
      : (probe.failureThreshold ?? FAILURE_THRESHOLD_DEFAULT);
  return { verdict: inARow >= threshold ? outcome : state.verdict, last: outcome, inARow };
}

/** A container is ready when its readiness probe says so, and at once when it has none. */
export function isReady(state: ProbeState | undefined): boolean {
  return state === undefined || state.verdict === 'success';
}

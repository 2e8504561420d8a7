// PodPhase: one word for a whole pod, from the states of its containers and the restart policy. Pure.
//
//   Pending    something has not started yet          Succeeded  all ended well, and nothing starts again
//   Running    at least one runs or will run again    Failed     all ended, one badly, and nothing starts again
//
// Same idea upstream: getPhase in kubernetes, pkg/kubelet/kubelet_pods.go.

import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1';
import { sidecarNamesOf } from './restart-policy.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseView {
  readonly pod: Pod;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** Nothing of the pod will be started any more, whatever its restart policy says. */
  readonly terminal: boolean;
}

export function phaseOf({ pod, initStatuses, statuses, terminal }: PhaseView): PodPhase {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const sidecars = sidecarNamesOf(pod);
  const mainRunning = statuses.filter(runs).length;
  const stopped = statuses.filter(hasStopped).length;
  const succeeded = statuses.filter(({ state }) => state?.terminated?.exitCode === 0).length;
  const initFailed = initStatuses.some(
    ({ name, state }) => !sidecars.has(name) && (state?.terminated?.exitCode ?? 0) !== 0,
  );
  if (initFailed && policy === 'Never') return 'Failed';
  // Whatever still runs keeps the pod from its end; how a sidecar ends counts for nothing.
  const running = [...initStatuses, ...statuses].filter(runs).length;
  if (terminal && running === 0) {
    return succeeded === statuses.length && statuses.length > 0 ? 'Succeeded' : 'Failed';
  }
  // As long as init containers are at work, all of these wait.
  if (mainRunning + stopped < statuses.length) return 'Pending';
  if (running > 0 || policy === 'Always') return 'Running';
  if (stopped === succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

function runs({ state }: ContainerStatus): boolean {
  return state?.running !== undefined;
}

/** A container in back-off waits, but it has been there before: its pod is not pending again. */
function hasStopped({ state, lastState }: ContainerStatus): boolean {
  if (state?.terminated !== undefined) return true;
  return state?.waiting !== undefined && lastState?.terminated !== undefined;
}

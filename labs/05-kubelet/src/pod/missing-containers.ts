// MissingContainers: what is said of containers that never ran, or are lost, when their pod has ended. Pure.
//
// An end that was told is not taken back when the engine has nothing of it any more, also before the pod has ended.
// A pod that has ended has no container that waits: whoever counts exit codes must find one for each that should have run.
// Main containers should have when the pod was initialized, init containers up to the last one that did.
//
// Same idea upstream: TerminatePod in kubernetes, pkg/kubelet/status/status_manager.go.

import type { ContainerState, ContainerStatus } from 'kubernetes-types/core/v1';

interface Statuses {
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
}

const MISSING = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
};

/** How the run before this state ended, as it was told: the engine has nothing of that run any more. */
export function endTold(
  previous: ContainerStatus | undefined,
  { terminated }: ContainerState,
): ContainerState {
  const told = previous?.state?.terminated;
  const isEarlier = told !== undefined && told.containerID !== terminated?.containerID;
  return isEarlier ? { terminated: told } : (previous?.lastState ?? {});
}

export function withoutWaiting({ initStatuses, statuses }: Statuses): Statuses {
  // At least the first of them was to run.
  const begun = Math.max(initStatuses.findLastIndex(hasRun), 0);
  return {
    initStatuses: initStatuses.map((status, index) => (index > begun ? status : ended(status))),
    statuses: wasInitialized({ initStatuses, statuses }) ? statuses.map(ended) : statuses,
  };
}

function wasInitialized({ initStatuses, statuses }: Statuses): boolean {
  return (
    statuses.some(hasRun) || initStatuses.every(({ state }) => state?.terminated?.exitCode === 0)
  );
}

function hasRun({ state, lastState }: ContainerStatus): boolean {
  return state?.waiting === undefined || lastState?.terminated !== undefined;
}

function ended(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated !== undefined) return status;
  return { ...status, state: { terminated: MISSING } };
}

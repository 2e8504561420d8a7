// ContainerStatus: what the API says of one container, from what the runtime has of it. Pure.
//
// A container that ended and will be started again shows as waiting, with the reason, and its end as the last
// state: that is why `kubectl get pods` says CrashLoopBackOff and `describe` still tells the exit code.
//
// Same idea upstream: convertToAPIContainerStatuses in kubernetes, pkg/kubelet/kubelet_pods.go.
// Left out here: allocated resources, volume mount status, container users.

import type { Container, ContainerState, ContainerStatus } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { endTold } from './missing-containers.ts';

/** Why a container does not run although it should. */
export interface WaitingReason {
  readonly reason: string;
  readonly message?: string;
}

export interface ContainerView {
  readonly spec: Container;
  /** All that the runtime has under this name, newest first. */
  readonly records: readonly RuntimeContainer[];
  readonly previous: ContainerStatus | undefined;
  readonly willRestart: boolean;
  /** The pod is being deleted. */
  readonly deleted: boolean;
  readonly waiting: WaitingReason | undefined;
  readonly waitingDefault: string;
  readonly ready: boolean;
  readonly started: boolean;
  messageOf(container: RuntimeContainer): string | undefined;
}

const UNKNOWN_EXIT_CODE = 137;
const UNKNOWN_REASON = 'ContainerStatusUnknown';

export function containerStatusOf(view: ContainerView): ContainerStatus {
  const { spec, records, previous, ready, started } = view;
  const [newest] = records;
  if (newest === undefined) return statusWithoutRecord(view);
  const state = isToBeStartedAgain(view) ? waitingState(view) : stateOf(newest, view);
  // The last end that is not the state itself.
  const candidates = state.terminated === undefined ? records : records.slice(1);
  const ended = candidates.find((record) => record.status.state === 'exited');
  const lastState = ended === undefined ? endTold(previous, state) : stateOf(ended, view);
  return {
    name: spec.name,
    image: newest.image,
    imageID: `docker://${newest.imageId}`,
    containerID: `docker://${newest.id}`,
    restartCount: newest.attempt,
    ready,
    started,
    lastState,
    state,
  };
}

function isToBeStartedAgain(view: ContainerView): boolean {
  const [newest] = view.records;
  return newest?.status.state === 'exited' && view.willRestart && view.waiting !== undefined;
}

function statusWithoutRecord(view: ContainerView): ContainerStatus {
  const { spec, previous } = view;
  // It ran when we last told, and the engine knows nothing of it any more.
  const lost = previous?.state?.running !== undefined;
  // What ended for good stays so, also when the engine has forgotten it: the API server would refuse anything else.
  const isOver = previous?.state?.terminated !== undefined && !view.willRestart;
  const state = isOver ? (previous?.state ?? {}) : waitingState(view);
  return {
    name: spec.name,
    image: spec.image ?? '',
    imageID: previous?.imageID ?? '',
    // It comes again, and that is a restart.
    restartCount: (previous?.restartCount ?? 0) + (lost && !view.deleted ? 1 : 0),
    ready: false,
    started: false,
    lastState: lost ? { terminated: unknownEnd() } : endTold(previous, state),
    state,
    ...(previous?.containerID === undefined ? {} : { containerID: previous.containerID }),
  };
}

function unknownEnd() {
  return {
    exitCode: UNKNOWN_EXIT_CODE,
    reason: UNKNOWN_REASON,
    // The two blanks are upstream's.
    message: `The container could not be located when the pod was deleted.  The container used to be Running`,
  };
}

/** Has the loss of the container been told, and so its next run been counted? */
export function isToldLost({ state, lastState }: ContainerStatus): boolean {
  return state?.waiting !== undefined && lastState?.terminated?.reason === UNKNOWN_REASON;
}

function waitingState(view: ContainerView): ContainerState {
  const { reason, message } = view.waiting ?? { reason: view.waitingDefault };
  return { waiting: message === undefined ? { reason } : { reason, message } };
}

function stateOf(container: RuntimeContainer, view: ContainerView): ContainerState {
  const { status } = container;
  switch (status.state) {
    case 'created':
      return waitingState(view);
    case 'running':
      return { running: { startedAt: timeText(status.startedAtMs) } };
    case 'exited': {
      const message = view.messageOf(container) ?? status.message;
      return {
        terminated: {
          containerID: `docker://${container.id}`,
          exitCode: status.exitCode,
          reason: status.reason,
          startedAt: timeText(status.startedAtMs),
          finishedAt: timeText(status.finishedAtMs),
          ...(message === undefined || message === '' ? {} : { message }),
        },
      };
    }
  }
}

/** The API's times have whole seconds. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

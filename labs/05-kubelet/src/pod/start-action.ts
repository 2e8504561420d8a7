// StartAction: one more run of a container: which run it is, and whether it must wait for it. Pure.
//
// Same idea upstream: doBackOff and calcRestartCountByLogDir in kubernetes, pkg/kubelet/kuberuntime.

import type { Container } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { isToldLost } from './container-status.ts';
import { newestOf, type PodAction, type PodView } from './pod-view.ts';

export function startOrBackOff(view: PodView, spec: Container): PodAction {
  const finishedAtMs = lastEndOf(view, spec);
  const delayMs = finishedAtMs === undefined ? 0 : view.restartDelayMs(spec, finishedAtMs);
  return delayMs > 0 ? { kind: 'back-off', spec, delayMs } : startAction(view, spec);
}

export function startAction(view: PodView, spec: Container): PodAction {
  return {
    kind: 'start-container',
    spec,
    attempt: nextAttempt(view, spec.name, newestOf(view.runtime, spec.name)),
    finishedAtMs: lastEndOf(view, spec),
  };
}

/** Of the last run that has ended: of the one before, when what runs is about to be replaced. */
function lastEndOf({ runtime }: PodView, spec: Container): number | undefined {
  for (const { name, status } of runtime.containers) {
    if (name === spec.name && status.state === 'exited') return status.finishedAtMs;
  }
  return undefined;
}

/** Counts on from what the runtime has, or, when that was lost, from what the API server was told. */
function nextAttempt(view: PodView, name: string, record: RuntimeContainer | undefined): number {
  if (record !== undefined) {
    return record.status.state === 'created' ? record.attempt : record.attempt + 1;
  }
  const { containerStatuses = [], initContainerStatuses = [] } = view.pod.status ?? {};
  const known = [...containerStatuses, ...initContainerStatuses].find((one) => one.name === name);
  if (known?.containerID === undefined) return 0;
  return isToldLost(known) ? known.restartCount : known.restartCount + 1;
}

// StartAction: one more run of a container: which run it is, and whether it must wait for it. Pure.
//
// Same idea upstream: doBackOff and calcRestartCountByLogDir in kubernetes, pkg/kubelet/kuberuntime.

import type { Container } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { isToldLost } from './container-status.ts';
import { newestOf, type PodAction, type PodView } from './pod-view.ts';

export function startOrBackOff(view: PodView, spec: Container): PodAction {
  const record = newestOf(view.runtime, spec.name);
  if (record?.status.state === 'exited') {
    const delayMs = view.restartDelayMs(spec.name, record.status.finishedAtMs);
    if (delayMs > 0) return { kind: 'back-off', spec, delayMs };
  }
  return startAction(view, spec);
}

export function startAction(view: PodView, spec: Container): PodAction {
  const record = newestOf(view.runtime, spec.name);
  return {
    kind: 'start-container',
    spec,
    attempt: nextAttempt(view, spec.name, record),
    finishedAtMs: record?.status.state === 'exited' ? record.status.finishedAtMs : undefined,
  };
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

// ProbedContainers: which containers are probed, with which probes, and what is taken for granted at the beginning. Pure.
//
// Same idea upstream: AddPod in kubernetes, pkg/kubelet/prober/prober_manager.go, and newWorker in worker.go.

import type { Container, ContainerStatus, Pod, Probe } from 'kubernetes-types/core/v1';
import { isSidecar } from '../pod/restart-policy.ts';
import { INITIAL_PROBE_STATE, type ProbeKind, type ProbeState } from './probe-state.ts';

/** Main containers and sidecars: other containers have no probes. */
export function probedOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)];
}

/** A startup probe that has succeeded is not asked again, not by another kubelet either. */
export function probesOf(
  pod: Pod,
  spec: Container,
  containerId: string,
): ReadonlyMap<ProbeKind, Probe> {
  const probes = new Map<ProbeKind, Probe>();
  const hasStarted = toldOf(pod, containerId)?.started === true;
  if (spec.startupProbe !== undefined && !hasStarted) probes.set('startup', spec.startupProbe);
  if (spec.livenessProbe !== undefined) probes.set('liveness', spec.livenessProbe);
  if (spec.readinessProbe !== undefined) probes.set('readiness', spec.readinessProbe);
  return probes;
}

/** A kubelet that starts again must not make ready containers unready until its first probe. */
export function initialState(kind: ProbeKind, pod: Pod, containerId: string): ProbeState {
  const wasReady = kind === 'readiness' && toldOf(pod, containerId)?.ready === true;
  return wasReady ? { ...INITIAL_PROBE_STATE, verdict: 'success' } : INITIAL_PROBE_STATE;
}

/** What the API says of this run. */
function toldOf({ status }: Pod, containerId: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(
    ({ containerID }) => containerID === `docker://${containerId}`,
  );
}

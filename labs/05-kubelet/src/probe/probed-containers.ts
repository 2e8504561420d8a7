// ProbedContainers: which containers are probed, with which probes, and what is taken for granted at the beginning. Pure.
//
// Same idea upstream: AddPod in kubernetes, pkg/kubelet/prober/prober_manager.go, and newWorker in worker.go.

import type { Container, Pod, Probe } from 'kubernetes-types/core/v1';
import { isSidecar } from '../pod/restart-policy.ts';
import { INITIAL_PROBE_STATE, type ProbeKind, type ProbeState } from './probe-state.ts';

/** Main containers and sidecars: other containers have no probes. */
export function probedOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)];
}

export function probesOf(spec: Container): ReadonlyMap<ProbeKind, Probe> {
  const probes = new Map<ProbeKind, Probe>();
  if (spec.startupProbe !== undefined) probes.set('startup', spec.startupProbe);
  if (spec.livenessProbe !== undefined) probes.set('liveness', spec.livenessProbe);
  if (spec.readinessProbe !== undefined) probes.set('readiness', spec.readinessProbe);
  return probes;
}

/** A kubelet that starts again must not make ready containers unready until its first probe. */
export function initialState(kind: ProbeKind, pod: Pod, containerId: string): ProbeState {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const known = [...containerStatuses, ...initContainerStatuses].find(
    ({ containerID }) => containerID === `docker://${containerId}`,
  );
  const wasFine = kind === 'readiness' ? known?.ready : kind === 'startup' && known?.started;
  return wasFine ? { ...INITIAL_PROBE_STATE, verdict: 'success' } : INITIAL_PROBE_STATE;
}

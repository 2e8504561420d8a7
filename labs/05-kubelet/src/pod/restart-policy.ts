// RestartPolicy: whether a container that does not run should, as far as restart policies go. Pure.
//
// A sidecar is an init container that says it restarts always. It has a policy of its own, whatever its pod's is, and
// lives as long as the main containers do.
//
// Same idea upstream: ShouldContainerBeRestarted in kubernetes, pkg/kubelet/container/helpers.go, and
// IsRestartableInitContainer, pkg/kubelet/types/pod_update.go.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';

export function isSidecar(spec: Container): boolean {
  return spec.restartPolicy === 'Always';
}

export function sidecarNamesOf(pod: Pod): ReadonlySet<string> {
  return new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
}

/** Should this main container run (again), as far as the restart policy is concerned? */
export function shouldRestart(
  pod: Pod,
  name: string,
  record: RuntimeContainer | undefined,
): boolean {
  if (record === undefined) {
    // The engine may have forgotten a container of which we have told that it ended.
    const known = pod.status?.containerStatuses?.find((status) => status.name === name);
    const ended = known?.state?.terminated;
    return ended === undefined || mayRunAgain(pod, ended.exitCode);
  }
  if (record.status.state === 'created') return true;
  return record.status.state === 'exited' && mayRunAgain(pod, record.status.exitCode);
}

function mayRunAgain(pod: Pod, exitCode: number): boolean {
  switch (pod.spec?.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

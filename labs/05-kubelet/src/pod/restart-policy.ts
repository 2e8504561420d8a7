// RestartPolicy: whether a container that does not run should, as far as its pod's restart policy goes. Pure.
//
// Same idea upstream: ShouldContainerBeRestarted in kubernetes, pkg/kubelet/container/helpers.go.

import type { Pod } from 'kubernetes-types/core/v1';
import type { RuntimeContainer } from '../runtime/runtime.ts';

/** Should this container run (again), as far as the restart policy is concerned? */
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

// FsGroup: whose the files of a pod's volumes are. Pure.
//
// Same idea upstream: FsUserFrom in kubernetes, pkg/volume/util.

import type { Pod } from 'kubernetes-types/core/v1';

/** The one user that all containers of the pod run as; undefined when they differ, or one does not say. */
export function fsUserOf(pod: Pod): number | undefined {
  const { containers = [], initContainers = [], securityContext } = pod.spec ?? {};
  const users = [...initContainers, ...containers].map(
    (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

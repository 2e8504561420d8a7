// Security: whose user and groups a container runs as, and what it may do. Pure.
//
// The container's own securityContext goes before the pod's.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/security_context.go, and pkg/securitycontext.
// Left out here: SELinux, AppArmor, seccomp profiles.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { ContainerSecurity } from '../runtime/runtime.ts';

export function securityOf(pod: Pod, spec: Container): ContainerSecurity {
  const own = spec.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const uid = own.runAsUser ?? shared.runAsUser;
  const gid = own.runAsGroup ?? shared.runAsGroup;
  const user = uid === undefined ? undefined : gid === undefined ? `${uid}` : `${uid}:${gid}`;
  const groups = [...(shared.supplementalGroups ?? []), shared.fsGroup].filter(
    (group) => group !== undefined,
  );
  return {
    ...(user === undefined ? {} : { user }),
    groups: groups.map(String),
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    privileged: own.privileged ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    capabilitiesAdd: own.capabilities?.add ?? [],
    capabilitiesDrop: own.capabilities?.drop ?? [],
  };
}

/** Of an image's own user nothing is known here, so only an explicit root can be refused. */
export function runAsNonRootProblem(pod: Pod, spec: Container): string | undefined {
  const own = spec.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) !== true) return undefined;
  if ((own.runAsUser ?? shared.runAsUser) !== 0) return undefined;
  const subject = `pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})"`;
  return `container's runAsUser breaks non-root policy (${subject}, container: ${spec.name})`;
}

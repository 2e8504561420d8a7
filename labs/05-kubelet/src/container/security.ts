// Security: whose user and groups a container runs as, and what it may do. Pure.
//
// The container's own securityContext goes before the pod's, and that before the image's user.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/security_context.go, and pkg/securitycontext.
// Left out here: SELinux, user namespaces, an unmasked /proc; what AppArmor makes of a pod where the machine has it.

import type { Container, Pod, PodSecurityContext, SecurityContext } from 'kubernetes-types/core/v1';
import type { ContainerSecurity } from '../runtime/runtime.ts';
import { capabilityProblem } from './capabilities.ts';
import type { SeccompFiles } from './seccomp.ts';

/** What this node can do, and does where a pod does not say. */
export interface NodeSecurity extends SeccompFiles {
  /** That no process of this machine may have. */
  readonly missingCapabilities: readonly string[];
}

/** A machine that keeps nothing back, and no profile where a pod names none. */
export const NODE_SECURITY_DEFAULT: NodeSecurity = {
  missingCapabilities: [],
  seccompDefault: false,
  seccompProfileRoot: '/var/lib/kubelet/seccomp',
};

/** What the container says itself, and what its pod says for it. */
function contextOf(pod: Pod, spec: Container): PodSecurityContext & SecurityContext {
  return { ...pod.spec?.securityContext, ...spec.securityContext };
}

/** Whether it depends on the image's user what the container runs as, and if it may. */
export function dependsOnImageUser(pod: Pod, spec: Container): boolean {
  const { runAsUser, runAsGroup, runAsNonRoot } = contextOf(pod, spec);
  return runAsUser === undefined && (runAsGroup !== undefined || runAsNonRoot === true);
}

/** @param imageUser as the image says it: `user`, `user:group`, or nothing for root. */
export function securityOf(pod: Pod, spec: Container, imageUser = ''): ContainerSecurity {
  const context = contextOf(pod, spec);
  const { runAsUser, runAsGroup: gid, supplementalGroups = [], fsGroup, capabilities } = context;
  const user = runAsUser ?? (gid === undefined ? undefined : nameOf(imageUser) || '0');
  const groups = [...supplementalGroups, fsGroup].filter((group) => group !== undefined);
  return {
    ...(user === undefined ? {} : { user: gid === undefined ? `${user}` : `${user}:${gid}` }),
    groups: groups.map(String),
    readOnlyRootFilesystem: context.readOnlyRootFilesystem ?? false,
    privileged: context.privileged ?? false,
    noNewPrivileges: context.allowPrivilegeEscalation === false,
    capabilitiesAdd: capabilities?.add ?? [],
    capabilitiesDrop: capabilities?.drop ?? [],
  };
}

/** Why the container must not run, in words for its status. */
export function securityProblem(
  pod: Pod,
  spec: Container,
  context: { readonly imageUser: string; readonly missingCapabilities: readonly string[] },
): string | undefined {
  const { privileged = false, capabilities } = spec.securityContext ?? {};
  const wanted = { name: spec.name, privileged, add: capabilities?.add ?? [] };
  return (
    runAsNonRootProblem(pod, spec, context.imageUser) ??
    capabilityProblem(wanted, context.missingCapabilities)
  );
}

function runAsNonRootProblem(pod: Pod, spec: Container, imageUser: string): string | undefined {
  const { runAsNonRoot, runAsUser } = contextOf(pod, spec);
  if (runAsNonRoot !== true) return undefined;
  const { name, namespace, uid } = pod.metadata ?? {};
  const subject = `(pod: "${name}_${namespace}(${uid})", container: ${spec.name})`;
  if (runAsUser === 0) return `container's runAsUser breaks non-root policy ${subject}`;
  if (runAsUser !== undefined) return undefined;
  const user = nameOf(imageUser);
  if (user !== '' && !/^\d+$/.test(user)) {
    return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${subject}`;
  }
  if (Number(user) > 0) return undefined;
  return `container has runAsNonRoot and image will run as root ${subject}`;
}

function nameOf(imageUser: string): string {
  return imageUser.split(':', 1)[0] ?? '';
}

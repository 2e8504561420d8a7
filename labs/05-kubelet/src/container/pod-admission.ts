// PodAdmission: pods that ask of the kernel what this node does not give; asked before anything of them is started. Pure.
//
// A sysctl is let through when it stays inside the pod's own namespaces and can do the node no harm, or when
// --allowed-unsafe-sysctls names it.
//
// Same idea upstream: kubernetes, pkg/kubelet/sysctl/allowlist.go, pkg/security/apparmor/validate.go, and
// canAdmitPod in pkg/kubelet/kubelet.go.

import type { Pod } from 'kubernetes-types/core/v1';
import type { AdmitHandler, AdmitResult } from '../pod/admission.ts';

const SAFE_SYSCTLS = [
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies'],
  ...['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'],
  ...['net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time'],
  ...['net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  ...['net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'],
];

const ADMITTED: AdmitResult = { admitted: true };

/** @param allowed more of them: names, or beginnings that end in `*`. */
export function sysctlAllowlist(allowed: readonly string[]): AdmitHandler {
  const patterns = [...SAFE_SYSCTLS, ...allowed];
  return {
    admit(pod) {
      for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
        const problem = sysctlProblem(pod, name.replaceAll('/', '.'), patterns);
        if (problem === undefined) continue;
        const message = `forbidden sysctl: ${problem}`;
        return { admitted: false, reason: 'SysctlForbidden', message };
      }
      return ADMITTED;
    },
  };
}

function sysctlProblem(pod: Pod, name: string, patterns: readonly string[]): string | undefined {
  const isAllowed = patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
  if (!isAllowed) return `"${name}" not allowlisted`;
  const { hostNetwork, hostIPC } = pod.spec ?? {};
  if (name.startsWith('net.') && hostNetwork === true) {
    return `"${name}" not allowed with host net enabled`;
  }
  if (!name.startsWith('net.') && hostIPC === true) {
    return `"${name}" not allowed with host ipc enabled`;
  }
  return undefined;
}

/** @param appArmor whether the machine has it. */
export function securityFeatures({ appArmor }: { readonly appArmor: boolean }): AdmitHandler {
  return {
    admit(pod) {
      if (supplementalGroupsPolicyOf(pod) === 'Strict') {
        const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
        return { admitted: false, reason: 'SupplementalGroupsPolicyNotSupported', message };
      }
      if (!appArmor && asksForAppArmor(pod)) {
        const message = 'Cannot enforce AppArmor: AppArmor is not enabled on the host';
        return { admitted: false, reason: 'AppArmor', message };
      }
      return ADMITTED;
    },
  };
}

/** The field is younger than the types. */
function supplementalGroupsPolicyOf(pod: Pod): unknown {
  const context: object = pod.spec?.securityContext ?? {};
  return 'supplementalGroupsPolicy' in context ? context.supplementalGroupsPolicy : undefined;
}

function asksForAppArmor(pod: Pod): boolean {
  const { containers = [], initContainers = [], securityContext } = pod.spec ?? {};
  const contexts = [...containers, ...initContainers].map((one) => one.securityContext);
  return [securityContext, ...contexts].some((context) => {
    const type = context?.appArmorProfile?.type;
    return type !== undefined && type !== 'Unconfined';
  });
}

// SandboxConfig: what the runtime must know of a pod's sandbox, from the pod's spec. Pure.
//
// Same idea upstream: generatePodSandboxConfig in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_sandbox.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { kernelHostnameOf } from '../container/hosts.ts';
import { portMappingsOf } from '../network/port-mappings.ts';
import type { PodSandboxConfig } from '../runtime/runtime.ts';
import { identityOf } from './pod-worker.ts';

/** Throws when the pod wants a name that the kernel cannot hold. */
export function sandboxConfigOf(
  pod: Pod,
  attempt: number,
  clusterDomain = 'cluster.local',
): PodSandboxConfig {
  const { hostNetwork, hostIPC = false, securityContext } = pod.spec ?? {};
  const sysctls = securityContext?.sysctls ?? [];
  return {
    pod: identityOf(pod),
    attempt,
    hostname: kernelHostnameOf(pod, clusterDomain),
    network: hostNetwork === true ? 'node' : 'pod',
    hostIpc: hostIPC,
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
    portMappings: portMappingsOf(pod),
    labels: pod.metadata?.labels ?? {},
  };
}

// DockerSandboxConfig: a pod's sandbox as the Docker Engine's create call wants it. Pure.
//
// Its process does nothing but hold the namespaces, and reap what containers of a shared pid namespace leave behind.
//
// The network namespace is made by the engine or, faster, by the sandbox itself. The engine starts a program of its own for
// each namespace that it makes, which takes longer than all the rest of a start. A sandbox of the other kind starts in the
// engine's network, leaves it as its first deed, and gives up all capabilities as its second; nothing of a pod runs in it, and
// nothing joins it before both are done. Sysctls of the network are set by the engine, which then must make the namespace.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_sandbox.go; containerd, too, makes the namespace first.

import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { PodSandboxConfig } from '../runtime.ts';
import type { EngineFacts } from './docker-config.ts';
import { type EngineScope, sandboxLabels, sandboxName } from './docker-labels.ts';

/** Keeps the sandbox alive when the node runs out of memory: losing it loses the pod's network. */
const SANDBOX_OOM_SCORE_ADJUST = -998;
const SANDBOX_CPU_SHARES = 2;

/** A shell that waits also reaps whatever children it is given. As a first process it must want to end when it is told to. */
const SANDBOX_SHELL = 'sh';
const HOLD = [SANDBOX_SHELL, '-c', 'trap "exit 0" TERM; sleep infinity & wait'];
const GIVE_UP_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
const LEAVE_NETWORK = ['unshare', '-n', ...GIVE_UP_CAPABILITIES, '--no-new-privs'];

export interface SandboxEngine extends EngineFacts {
  /** Has `sh` and `sleep`, and for the faster way `unshare` and `setpriv`. */
  readonly sandboxImage: string;
}

/** Who makes the network namespace of a sandbox. */
export type NamespaceMaker = 'engine' | 'sandbox';

export function mayMakeNamespace({ network, sysctls }: PodSandboxConfig): boolean {
  return network === 'pod' && !Object.keys(sysctls).some((name) => name.startsWith('net.'));
}

/** @param processArguments of the sandbox's process, as the kernel has them now. */
export function hasMadeNamespace(processArguments: string): boolean {
  return processArguments.startsWith(`${SANDBOX_SHELL}\0`);
}

export function sandboxCreateOptions(
  config: PodSandboxConfig & { readonly maker: NamespaceMaker },
  scope: EngineScope,
  engine: SandboxEngine,
): ContainerCreateOptions {
  const inHostNetwork = config.network === 'node';
  return {
    name: sandboxName(config.pod, config.attempt),
    Image: engine.sandboxImage,
    Entrypoint: config.maker === 'sandbox' ? [...LEAVE_NETWORK, ...HOLD] : HOLD,
    Cmd: [],
    Labels: sandboxLabels(scope, config),
    // Joining another container's network brings its host name along; Docker refuses a second one.
    ...(inHostNetwork ? {} : { Hostname: config.hostname }),
    HostConfig: {
      ...(config.maker === 'sandbox'
        ? leavesNetwork()
        : staysIn(inHostNetwork ? engine.hostNetworkMode : 'none')),
      IpcMode: config.hostIpc ? 'host' : 'shareable',
      RestartPolicy: { Name: 'no' },
      OomScoreAdj: Math.max(SANDBOX_OOM_SCORE_ADJUST, engine.oomScoreAdjustMin),
      CpuShares: SANDBOX_CPU_SHARES,
      Sysctls: { ...config.sysctls },
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}

function leavesNetwork(): HostConfig {
  // A seccomp filter for a process that only sleeps takes longer to make than all its capabilities to give up.
  return { NetworkMode: 'host', CapAdd: ['SYS_ADMIN'], SecurityOpt: ['seccomp=unconfined'] };
}

function staysIn(network: string): HostConfig {
  return { NetworkMode: network, SecurityOpt: ['no-new-privileges'] };
}

// DockerConfig: a container of the runtime interface, as the Docker Engine's create call wants it.
//
// Rules: no restart policy ever (the kubelet restarts, with its own back-off and count); containers join
// the sandbox's network and IPC namespaces; swap is never added to a memory limit. Pure.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_container.go.
// Left out here: AppArmor profiles (the engine's own stays), devices, cgroup parents (so that the limit on processes is
// each container's, not the pod's).

import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import type { ContainerConfig, ContainerSecurity, Mount } from '../runtime.ts';
import { containerLabels, containerName, type EngineScope } from './docker-labels.ts';

const CPU_PERIOD_MICROSECONDS = 100_000;

/** What every container of this node may use. */
export interface ContainerLimits {
  /** The engine goes on in a new file itself, and reads all of them as one log. */
  readonly logBytesMax: number;
  readonly logFilesMax: number;
  /** Processes and threads; negative is without limit. */
  readonly pidsMax: number;
}

const LIMITS_DEFAULT: ContainerLimits = {
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
  pidsMax: -1,
};

export interface EngineFacts {
  /** What Docker calls the node's own network: `host`, or `container:ID` of the node's container. */
  readonly hostNetworkMode: string;
  /** Where the machine lacks CAP_SYS_RESOURCE, no process may be protected: 0 instead of -1000. */
  readonly oomScoreAdjustMin: number;
  /** Absent: upstream's defaults. */
  readonly limits?: ContainerLimits;
}

export function containerCreateOptions(
  config: ContainerConfig,
  scope: EngineScope,
  engine: EngineFacts,
): ContainerCreateOptions {
  return {
    name: containerName(config.pod, config.name, config.attempt),
    Image: config.image,
    Labels: containerLabels(scope, config),
    Env: [...config.env],
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Tty: config.tty,
    ...(config.command === undefined ? {} : { Entrypoint: [...config.command] }),
    // An entrypoint without arguments must not inherit the arguments of the image's own entrypoint.
    ...(config.args === undefined && config.command === undefined
      ? {}
      : { Cmd: [...(config.args ?? [])] }),
    ...(config.workingDir === undefined ? {} : { WorkingDir: config.workingDir }),
    ...(config.security.user === undefined ? {} : { User: config.security.user }),
    HostConfig: hostConfigOf(config, engine),
  };
}

function pidModeOf({ pidNamespace, sandboxId }: ContainerConfig): { PidMode?: string } {
  if (typeof pidNamespace === 'object') return { PidMode: `container:${pidNamespace.containerId}` };
  if (pidNamespace === 'container') return {};
  return { PidMode: pidNamespace === 'host' ? 'host' : `container:${sandboxId}` };
}

function hostConfigOf(config: ContainerConfig, engine: EngineFacts): HostConfig {
  const sandbox = `container:${config.sandboxId}`;
  const { resources, security } = config;
  const { limits = LIMITS_DEFAULT } = engine;
  return {
    NetworkMode: sandbox,
    IpcMode: sandbox,
    ...pidModeOf(config),
    RestartPolicy: { Name: 'no' },
    Mounts: config.mounts.map(mountSettings),
    Memory: resources.memoryLimitBytes,
    MemorySwap: resources.memoryLimitBytes,
    CpuShares: resources.cpuShares,
    ...(resources.cpuQuota === 0
      ? {}
      : { CpuPeriod: CPU_PERIOD_MICROSECONDS, CpuQuota: resources.cpuQuota }),
    OomScoreAdj: Math.max(resources.oomScoreAdjust, engine.oomScoreAdjustMin),
    GroupAdd: [...security.groups],
    ReadonlyRootfs: security.readOnlyRootFilesystem,
    Privileged: security.privileged,
    CapAdd: [...security.capabilitiesAdd],
    CapDrop: [...security.capabilitiesDrop],
    SecurityOpt: securityOptions(security),
    ...(limits.pidsMax < 0 ? {} : { PidsLimit: limits.pidsMax }),
    LogConfig: { Type: 'json-file', Config: logOptions(limits) },
  };
}

function securityOptions({ noNewPrivileges, seccomp }: ContainerSecurity): string[] {
  return [
    ...(noNewPrivileges ? ['no-new-privileges'] : []),
    ...(seccomp === undefined
      ? []
      : [`seccomp=${seccomp === 'unconfined' ? seccomp : seccomp.profile}`]),
  ];
}

function logOptions({ logBytesMax, logFilesMax }: ContainerLimits): Record<string, string> {
  return { 'max-size': `${logBytesMax}`, 'max-file': `${logFilesMax}` };
}

function mountSettings(mount: Mount): MountSettings {
  return {
    Type: 'bind',
    Source: mount.hostPath,
    Target: mount.containerPath,
    ReadOnly: mount.readOnly,
    BindOptions: { Propagation: mount.propagation },
  };
}

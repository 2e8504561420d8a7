// Runtime: what the kubelet asks of a container engine, in the terms of the Container Runtime Interface.
//
// A pod is a sandbox (it holds the namespaces, and has the pod's network and address) and containers that join it. The
// runtime knows nothing of restart policies, probes or volumes: it starts, stops, lists and reports. All that it
// reports it reads back from the engine, so a kubelet that starts again finds everything here.
//
// Same contract upstream: kubernetes, staging/src/k8s.io/cri-api (RuntimeService, ImageService).
// Left out here: checkpoints, runtime classes, streaming servers of the runtime's own; statistics of containers and of the
// images' disk, which are the kernel's (lab 07 reads cgroups).

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

export interface PodSandbox {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  /** `notready` also when it lost its network: containers may join it no longer. */
  readonly state: 'ready' | 'notready';
  readonly createdAtMs: number;
  /** Process that holds the namespaces, in the engine's pid namespace; 0 when it is not running. */
  readonly pid: number;
  /** Whose network it has: its own, or the node's. */
  readonly network: 'pod' | 'node';
  /** One that is ready has it. */
  readonly ip?: string;
  readonly ips: readonly string[];
}

export type RuntimeContainerState =
  | { readonly state: 'created' }
  | { readonly state: 'running'; readonly startedAtMs: number; readonly pid: number }
  | {
      readonly state: 'exited';
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      readonly exitCode: number;
      /** Completed, Error, OOMKilled or ContainerCannotRun. */
      readonly reason: string;
      readonly message?: string;
    };

export interface RuntimeContainer {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly sandboxId: string;
  readonly name: string;
  /** How often this container of the pod had been started before: restartCount. */
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  readonly hash: string;
  readonly createdAtMs: number;
  readonly status: RuntimeContainerState;
  readonly tty: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** All that the engine has of one pod, newest first. */
export interface RuntimePod {
  readonly identity: PodIdentity;
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly RuntimeContainer[];
}

/** Traffic to a port of the node that goes to a port of the pod. */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Absent: at every address of the node. */
  readonly hostIp?: string;
}

export interface PodSandboxConfig {
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly hostname: string;
  readonly network: PodSandbox['network'];
  readonly hostIpc: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
  /** None in the node's network, where a port is the node's as it is. */
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'rprivate' | 'rslave' | 'rshared';
}

export interface ContainerResources {
  readonly memoryLimitBytes: number;
  readonly cpuShares: number;
  /** Microseconds of CPU in each period of 100 ms; 0 is without limit. */
  readonly cpuQuota: number;
  readonly oomScoreAdjust: number;
}

export interface ContainerSecurity {
  readonly user?: string;
  readonly groups: readonly string[];
  readonly readOnlyRootFilesystem: boolean;
  readonly privileged: boolean;
  readonly noNewPrivileges: boolean;
  readonly capabilitiesAdd: readonly string[];
  readonly capabilitiesDrop: readonly string[];
  /** Which system calls it may make: any, those of a profile (its text), or absent: those that the engine lets everybody make. */
  readonly seccomp?: 'unconfined' | { readonly profile: string };
}

export interface ContainerConfig {
  readonly pod: PodIdentity;
  readonly sandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly hash: string;
  /** Replaces the image's entrypoint; absent keeps it. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly string[];
  readonly mounts: readonly Mount[];
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** Its own, its pod's, the node's, or that of one other container. */
  readonly pidNamespace: 'container' | 'pod' | 'host' | { readonly containerId: string };
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuntimeImage {
  readonly id: string;
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** As the image says it: `user`, `user:group`, numbers or names; absent is root, or was not asked for. */
  readonly user?: string;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
}

export interface PullOptions {
  readonly auth?: RegistryAuth;
  /** @param text about one layer, in the engine's words. */
  onProgress?(text: string): void;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A running command. `socket` takes stdin (end() closes it) and yields nothing: output goes to the two callbacks. */
export interface ExecSession {
  readonly socket: Duplex;
  onOutput(stdout: (chunk: Buffer) => void, stderr: (chunk: Buffer) => void): void;
  resize(size: { width: number; height: number }): Promise<void>;
  /** Resolves with the exit code when the command has ended and all its output was delivered. */
  wait(): Promise<number>;
  /** Ends the command; engines cannot, so its processes get SIGKILL. */
  kill(): Promise<void>;
}

export interface ExecLimits {
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

export type ExecResult =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly output: string }
  | { readonly kind: 'timeout' };

/** Something happened to a container of a pod; `resync`: anything may have happened meanwhile. */
export type RuntimeEvent =
  | { readonly type: 'pod'; readonly pod: PodIdentity; readonly action: string }
  | { readonly type: 'resync' };

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly os: string;
  readonly osImage: string;
  readonly kernelVersion: string;
  readonly architecture: string;
}

export type Condition =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: string; readonly message: string };

export interface RuntimeStatus {
  readonly runtime: Condition;
  readonly network: Condition;
}

export interface RuntimeService {
  version(): Promise<RuntimeVersion>;
  /** Never throws: an engine that does not answer is not ready. */
  status(): Promise<RuntimeStatus>;
  /** Every pod of this node the engine has something of, running or not. */
  listPods(): Promise<readonly RuntimePod[]>;
  podStatus(pod: PodIdentity): Promise<RuntimePod>;
  /** Resolves with one that runs and has its network; else nothing of it is left. */
  runPodSandbox(config: PodSandboxConfig, signal: AbortSignal): Promise<PodSandbox>;
  /** Takes its network back and ends it. Its containers have been stopped before. Again is harmless. */
  stopPodSandbox(id: string): Promise<void>;
  /** Of one that was stopped. No error when it is gone already. */
  removePodSandbox(id: string): Promise<void>;
  createContainer(config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** The stop signal, then SIGKILL after the grace period. Abort: stops waiting, sends nothing more. */
  stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Kills what still runs; no error when it is gone already. */
  removeContainer(id: string): Promise<void>;
  /** Both streams as they were written; ends when the log or the container ends. */
  logs(
    container: RuntimeContainer,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Buffer>;
  exec(id: string, options: ExecOptions): Promise<ExecSession>;
  /** Abort: ends the command and throws. Without a timeout it may take for ever. */
  execSync(id: string, command: readonly string[], limits: ExecLimits): Promise<ExecResult>;
  attach(container: RuntimeContainer, options: Omit<ExecOptions, 'command'>): Promise<ExecSession>;
  /** A connection to what listens on the pod's localhost; both its halves are the caller's. */
  portForward(sandbox: PodSandbox, port: number): Promise<Socket>;
  /** Never ends before the signal; starts with a resync, and again after each reconnection. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

export interface ImageService {
  imageStatus(image: string): Promise<RuntimeImage | undefined>;
  listImages(): Promise<readonly RuntimeImage[]>;
  pullImage(image: string, options: PullOptions, signal: AbortSignal): Promise<RuntimeImage>;
  /** Ids of those that any container of the engine has, also one that is not this node's. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /** Takes the name away, and the image with its last one. Throws when it is in use; no error when it is gone already. */
  removeImage(name: string): Promise<void>;
}

export type Runtime = RuntimeService & ImageService;

/** The sandbox that containers may join, if there is one: the newest, while it is ready. */
export function readySandboxOf(runtime: RuntimePod): PodSandbox | undefined {
  const [newest] = runtime.sandboxes;
  return newest?.state === 'ready' ? newest : undefined;
}

/** What the engine refused or could not do, in its own words. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: 'not-found' | 'conflict' | 'unavailable' | 'failed';

  constructor(code: RuntimeError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }

  static is(error: unknown, code?: RuntimeError['code']): error is RuntimeError {
    return error instanceof RuntimeError && (code === undefined || error.code === code);
  }
}

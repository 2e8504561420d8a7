// DockerRuntime: the runtime interface on a Docker Engine, through dockerode.
//
// What runs is what the engine's labels say; the network of a sandbox is part of it, as far as anybody outside can tell.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim; today cri-dockerd.
// Left out here: the engine's statistics (lab 07 reads cgroups).

import Docker from 'dockerode';
import { CallLimit } from '../call-limit.ts';
import type {
  ContainerConfig,
  ExecLimits,
  ExecOptions,
  LogOptions,
  PodIdentity,
  PodSandbox,
  PodSandboxConfig,
  PullOptions,
  Runtime,
  RuntimeContainer,
  RuntimePod,
  RuntimeStatus,
  RuntimeVersion,
} from '../runtime.ts';
import { callEngine, createByName, ignoreDone } from './docker-call.ts';
import { containerCreateOptions } from './docker-config.ts';
import { watchEngine } from './docker-events.ts';
import { attachTo, execSync, startExec } from './docker-exec.ts';
import { imageStatus, imagesInUse, listImages, pullImage, removeImage } from './docker-images.ts';
import { readLogs } from './docker-logs.ts';
import { DockerPods } from './docker-pods.ts';
import { PodDialer } from './docker-port-forward.ts';
import { DockerSandboxes, type DockerSandboxesOptions } from './docker-sandbox.ts';

/**
 * What makes or removes something is heavy work for the engine, which gets it done no sooner when it has more of it at
 * once. Who only asks never waits for that.
 */
const CHANGES_PARALLEL_MAX = 8;

export interface DockerRuntimeOptions extends DockerSandboxesOptions {
  readonly socketPath?: string;
}

export class DockerRuntime implements Runtime {
  readonly #docker: Docker;
  readonly #options: DockerRuntimeOptions;
  readonly #sandboxes: DockerSandboxes;
  readonly #pods: DockerPods;
  readonly #dialer = new PodDialer();
  readonly #limit = new CallLimit(CHANGES_PARALLEL_MAX);

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.#docker = new Docker(
      options.socketPath === undefined ? {} : { socketPath: options.socketPath },
    );
    this.#sandboxes = new DockerSandboxes(this.#docker, options, this.#limit);
    this.#pods = new DockerPods(this.#docker, options, this.#sandboxes);
  }

  async version(): Promise<RuntimeVersion> {
    const [version, info] = await callEngine(() =>
      Promise.all([this.#docker.version(), this.#docker.info()]),
    );
    return {
      name: 'docker',
      version: version.Version,
      apiVersion: version.ApiVersion,
      os: version.Os,
      osImage: info.OperatingSystem,
      kernelVersion: version.KernelVersion,
      architecture: version.Arch,
    };
  }

  async status(): Promise<RuntimeStatus> {
    const network = this.#options.network.status();
    try {
      await callEngine(() => this.#docker.ping());
      return { runtime: { ready: true }, network };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { runtime: { ready: false, reason: 'DockerDaemonNotReady', message }, network };
    }
  }

  /** Looks at the wires, too: a node that restarted has lost them all. */
  async listPods(): Promise<readonly RuntimePod[]> {
    const { network } = this.#options;
    if (network.status().ready) await network.refresh();
    return this.#pods.list();
  }

  readonly podStatus = (pod: PodIdentity) => this.#pods.status(pod);
  readonly runPodSandbox = (config: PodSandboxConfig, signal: AbortSignal) =>
    this.#sandboxes.run(config, signal);
  readonly stopPodSandbox = (id: string) => this.#sandboxes.stop(id);
  readonly removePodSandbox = (id: string) => this.#sandboxes.remove(id);

  async createContainer(config: ContainerConfig): Promise<string> {
    const options = containerCreateOptions(config, this.#options, this.#options.engine);
    const create = () => createByName(this.#docker, options);
    return (await this.#limit.run(() => callEngine(create))).id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#limit.run(() => callEngine(() => this.#docker.getContainer(id).start()));
  }

  async stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const container = this.#docker.getContainer(id);
    await callEngine(async () => {
      const { State, Config } = await container.inspect();
      if (!State.Running) return;
      const stopSignal = (Config as { StopSignal?: string }).StopSignal ?? 'SIGTERM';
      await container.kill({ signal: stopSignal });
      const grace = AbortSignal.any([signal, AbortSignal.timeout(graceMs)]);
      try {
        await container.wait({ condition: 'not-running', abortSignal: grace });
      } catch (error) {
        if (!grace.aborted) throw error;
        signal.throwIfAborted();
        await container.kill({ signal: 'SIGKILL' });
        await container.wait({ condition: 'not-running', abortSignal: signal });
      }
    }, ignoreDone);
  }

  async removeContainer(id: string): Promise<void> {
    this.#pods.forget(id);
    const container = this.#docker.getContainer(id);
    const remove = () => container.remove({ force: true, v: true });
    await this.#limit.run(() => callEngine(remove, ignoreDone));
  }

  readonly imageStatus = (image: string) => imageStatus(this.#docker, image);
  readonly listImages = () => listImages(this.#docker);
  readonly imagesInUse = () => imagesInUse(this.#docker);
  readonly removeImage = (name: string) => removeImage(this.#docker, name);
  readonly pullImage = (image: string, options: PullOptions, signal: AbortSignal) =>
    pullImage(this.#docker, image, { ...options, signal });

  logs(container: RuntimeContainer, options: LogOptions, signal: AbortSignal) {
    return readLogs(this.#docker, container, { ...options, signal });
  }

  exec(id: string, options: ExecOptions) {
    return callEngine(() => startExec(this.#docker, id, options));
  }

  execSync(id: string, command: readonly string[], limits: ExecLimits) {
    return callEngine(() => execSync(this.#docker, id, { command, ...limits }));
  }

  attach(container: RuntimeContainer, options: Omit<ExecOptions, 'command'>) {
    return callEngine(() => attachTo(this.#docker, container.id, options));
  }

  portForward(sandbox: PodSandbox, port: number) {
    return this.#dialer.connect(sandbox, port);
  }

  events(signal: AbortSignal) {
    return watchEngine(this.#docker, this.#options, signal);
  }
}

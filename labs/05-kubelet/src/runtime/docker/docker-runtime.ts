// DockerRuntime: the runtime interface on a Docker Engine, through dockerode.
//
// It keeps no state that matters: what runs is what the engine's labels say. Only facts that cannot
// change are remembered (an exited container stays as it is until it is removed).
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim; today cri-dockerd.
// Left out here: the engine's statistics (lab 07 reads cgroups), pull secrets.

import Docker from 'dockerode';
import {
  type ContainerConfig,
  type ExecLimits,
  type ExecOptions,
  type LogOptions,
  type PodIdentity,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
  type RuntimePod,
  type RuntimeSandbox,
  type RuntimeVersion,
  type SandboxConfig,
} from '../runtime.ts';
import { callEngine, createByName } from './docker-call.ts';
import { containerCreateOptions, type EngineFacts, sandboxCreateOptions } from './docker-config.ts';
import { watchEngine } from './docker-events.ts';
import { attachTo, execSync, startExec } from './docker-exec.ts';
import { imageStatus, listImages, pullImage } from './docker-images.ts';
import {
  CLUSTER_LABEL,
  containerOf,
  type EngineScope,
  NODE_LABEL,
  POD_UID_LABEL,
  podOfLabels,
  sandboxOf,
  TYPE_LABEL,
} from './docker-labels.ts';
import { readLogs } from './docker-logs.ts';

const INSPECTIONS_PARALLEL_MAX = 8;

export interface DockerRuntimeOptions extends EngineScope {
  readonly engine: EngineFacts;
  readonly socketPath?: string;
}

export class DockerRuntime implements Runtime {
  readonly #docker: Docker;
  readonly #options: DockerRuntimeOptions;
  readonly #exited = new Map<string, RuntimeContainer>();

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.#docker = new Docker(
      options.socketPath === undefined ? {} : { socketPath: options.socketPath },
    );
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

  async listPods(): Promise<readonly RuntimePod[]> {
    const listed = await this.#list([]);
    const uids = new Map(listed.map((one) => [one.Labels[POD_UID_LABEL] ?? '', one.Labels]));
    const pods = await this.#inspectAll(listed);
    this.#forgetAllBut(new Set(listed.map(({ Id }) => Id)));
    return [...uids].map(([uid, labels]) => gather(podOfLabels(labels), pods.get(uid) ?? []));
  }

  async podStatus(pod: PodIdentity): Promise<RuntimePod> {
    const listed = await this.#list([`${POD_UID_LABEL}=${pod.uid}`]);
    return gather(pod, (await this.#inspectAll(listed)).get(pod.uid) ?? []);
  }

  async runSandbox(config: SandboxConfig): Promise<RuntimeSandbox> {
    return callEngine(async () => {
      const options = sandboxCreateOptions(config, this.#options, this.#options.engine);
      const sandbox = await createByName(this.#docker, options);
      await sandbox.start();
      return sandboxOf(await sandbox.inspect());
    });
  }

  async createContainer(config: ContainerConfig): Promise<string> {
    return callEngine(async () => {
      const options = containerCreateOptions(config, this.#options, this.#options.engine);
      return (await createByName(this.#docker, options)).id;
    });
  }

  async startContainer(id: string): Promise<void> {
    await callEngine(() => this.#docker.getContainer(id).start());
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
    this.#exited.delete(id);
    const container = this.#docker.getContainer(id);
    await callEngine(() => container.remove({ force: true, v: true }), ignoreDone);
  }

  readonly imageStatus = (image: string) => imageStatus(this.#docker, image);
  readonly listImages = () => listImages(this.#docker);
  readonly pullImage = (image: string, signal: AbortSignal) =>
    pullImage(this.#docker, image, signal);

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

  events(signal: AbortSignal) {
    return watchEngine(this.#docker, this.#options, signal);
  }

  #list(labels: readonly string[]): Promise<Docker.ContainerInfo[]> {
    const { cluster, node } = this.#options;
    const label = [`${CLUSTER_LABEL}=${cluster}`, `${NODE_LABEL}=${node}`, TYPE_LABEL, ...labels];
    return callEngine(() => this.#docker.listContainers({ all: true, filters: { label } }));
  }

  /** Somebody else may have removed containers. */
  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of this.#exited.keys()) if (!ids.has(id)) this.#exited.delete(id);
  }

  /** By pod uid. A container that goes away between list and inspection is left out. */
  async #inspectAll(listed: readonly Docker.ContainerInfo[]): Promise<Map<string, Inspected[]>> {
    const pods = new Map<string, Inspected[]>();
    const queue = [...listed];
    const work = async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const one = await this.#inspect(next);
        if (one === undefined) continue;
        const uid = one.pod.uid;
        pods.set(uid, [...(pods.get(uid) ?? []), one]);
      }
    };
    await Promise.all(Array.from({ length: INSPECTIONS_PARALLEL_MAX }, work));
    return pods;
  }

  async #inspect(listed: Docker.ContainerInfo): Promise<Inspected | undefined> {
    const known = this.#exited.get(listed.Id);
    if (known !== undefined && listed.State === 'exited') return known;
    try {
      const info = await callEngine(() => this.#docker.getContainer(listed.Id).inspect());
      if (listed.Labels[TYPE_LABEL] === 'podsandbox') return sandboxOf(info);
      const container = containerOf(info);
      if (container.status.state === 'exited') this.#exited.set(container.id, container);
      return container;
    } catch (error) {
      if (RuntimeError.is(error, 'not-found')) return undefined;
      throw error;
    }
  }
}

type Inspected = RuntimeSandbox | RuntimeContainer;

function gather(identity: PodIdentity, inspected: readonly Inspected[]): RuntimePod {
  const newestFirst = [...inspected].sort(
    (a, b) => b.createdAtMs - a.createdAtMs || b.attempt - a.attempt,
  );
  return {
    identity,
    sandboxes: newestFirst.filter((one): one is RuntimeSandbox => !('sandboxId' in one)),
    containers: newestFirst.filter((one): one is RuntimeContainer => 'sandboxId' in one),
  };
}

function ignoreDone(error: RuntimeError): void {
  // "Removal in progress" is a conflict; whoever asked first gets it done.
  if (!RuntimeError.is(error, 'not-found') && !RuntimeError.is(error, 'conflict')) throw error;
}

// FakeRuntime: the runtime interface in memory, for tests of what an engine does rarely: fail, forget, be slow.
//
// Containers run until exit() is called, or until they are stopped. failNext() makes the next call of a method throw;
// fake-faults.ts makes any of them slow or fail. Like the engine, it refuses a second container of one name while the
// first one runs. It is no substitute for the engine in tests of ordinary behaviour: those run on Docker.
//
// Same purpose upstream: k8s.io/cri-api/pkg/apis/testing.
// Left out here: logs, exec and attach.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PodDialer } from '#src/runtime/docker/docker-port-forward.ts';
import {
  type Condition,
  type ContainerConfig,
  type ExecLimits,
  type ExecResult,
  type ExecSession,
  type PodIdentity,
  type PodSandbox,
  type PodSandboxConfig,
  type PullOptions,
  type Runtime,
  type RuntimeContainer,
  type RuntimeContainerState,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeImage,
  type RuntimePod,
  type RuntimeStatus,
  type RuntimeVersion,
} from '#src/runtime/runtime.ts';

type Method =
  | 'podStatus'
  | 'listPods'
  | 'runPodSandbox'
  | 'createContainer'
  | 'startContainer'
  | 'pullImage';

export class FakeRuntime implements Runtime {
  /** Every call that changes something, in order. */
  readonly calls: string[] = [];
  readonly images = new Set<string>();
  network: Condition = { ready: true };
  readonly #dialer = new PodDialer();
  #nextId = 1;
  #nowMs: () => number;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, RuntimeContainer>();
  readonly #faults = new Map<Method, Error[]>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  failNext(method: Method, error: Error = new RuntimeError('failed', `${method} failed`)): void {
    this.#faults.set(method, [...(this.#faults.get(method) ?? []), error]);
  }

  exit(id: string, exitCode: number): void {
    const container = this.#get(id);
    const { status } = container;
    const startedAtMs = status.state === 'running' ? status.startedAtMs : this.#nowMs();
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    const finishedAtMs = this.#nowMs();
    this.#set(id, { state: 'exited', startedAtMs, finishedAtMs, exitCode, reason });
    this.#tell(container.pod, 'die');
  }

  /** As when the engine itself is killed and started again: nothing runs any more, and no event tells of it. */
  restart(): void {
    const finishedAtMs = this.#nowMs();
    const end = { state: 'exited', finishedAtMs, exitCode: 137, reason: 'Error' } as const;
    for (const { id, status } of this.#containers.values()) {
      if (status.state !== 'running') continue;
      this.#set(id, { ...end, startedAtMs: status.startedAtMs });
    }
    for (const id of this.#sandboxes.keys()) this.loseNetwork(id);
    this.tell({ type: 'resync' });
  }

  tell(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async version(): Promise<RuntimeVersion> {
    const version = { name: 'fake', version: '1', apiVersion: '1', os: 'linux' };
    return { ...version, osImage: 'none', kernelVersion: '1', architecture: 'amd64' };
  }

  async listPods(): Promise<readonly RuntimePod[]> {
    this.#maybeFail('listPods');
    const all = [...this.#sandboxes.values(), ...this.#containers.values()];
    const pods = new Map(all.map(({ pod }) => [pod.uid, pod]));
    return Promise.all([...pods.values()].map((pod) => this.podStatus(pod)));
  }

  async podStatus(identity: PodIdentity): Promise<RuntimePod> {
    this.#maybeFail('podStatus');
    const own = <T extends { pod: PodIdentity }>(all: Iterable<T>) =>
      [...all].filter(({ pod }) => pod.uid === identity.uid).reverse();
    const sandboxes = own(this.#sandboxes.values());
    return { identity, sandboxes, containers: own(this.#containers.values()) };
  }

  async status(): Promise<RuntimeStatus> {
    return { runtime: { ready: true }, network: this.network };
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    this.#maybeFail('runPodSandbox');
    this.#makeRoom(this.#sandboxes, config, ({ state }) => state === 'ready');
    const ip = `10.0.0.${this.#nextId + 1}`;
    const sandbox: PodSandbox = {
      id: this.#newId('sandbox'),
      pod: config.pod,
      attempt: config.attempt,
      state: 'ready',
      createdAtMs: this.#nowMs(),
      pid: 1,
      network: config.network,
      ...{ ip, ips: [ip] },
    };
    this.#sandboxes.set(sandbox.id, sandbox);
    this.calls.push(`sandbox ${config.pod.name}`);
    return sandbox;
  }

  async stopPodSandbox(id: string): Promise<void> {
    if (this.#sandboxes.get(id)?.state === 'ready') this.loseNetwork(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    if (this.#sandboxes.delete(id)) this.calls.push('remove sandbox');
  }

  /** As when its wire has gone. */
  loseNetwork(id: string): void {
    const { ip: _, ...sandbox } = this.#sandboxes.get(id) ?? assert.fail(`no sandbox ${id}`);
    this.#sandboxes.set(id, { ...sandbox, state: 'notready', ips: [] });
  }

  async createContainer(config: ContainerConfig): Promise<string> {
    this.#maybeFail('createContainer');
    this.#makeRoom(this.#containers, config, ({ status }) => status.state === 'running');
    const id = this.#newId('container');
    const { pod, sandboxId, name, attempt, image, hash, tty, annotations } = config;
    this.#containers.set(id, {
      ...{ id, pod, sandboxId, name, attempt, image, hash, tty, annotations },
      imageId: `sha256:${image}`,
      createdAtMs: this.#nowMs(),
      status: { state: 'created' },
    });
    this.calls.push(`create ${name} ${attempt}`);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    this.#maybeFail('startContainer');
    const { name, pod } = this.#get(id);
    this.#set(id, { state: 'running', startedAtMs: this.#nowMs(), pid: 1 });
    this.calls.push(`start ${name}`);
    this.#tell(pod, 'start');
  }

  async stopContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container?.status.state !== 'running') return;
    this.calls.push(`stop ${container.name}`);
    this.exit(id, 143);
  }

  async removeContainer(id: string): Promise<void> {
    const gone = this.#containers.get(id);
    if (this.#containers.delete(id)) this.calls.push(`remove ${gone?.name}`);
  }

  async imageStatus(image: string): Promise<RuntimeImage | undefined> {
    if (!this.images.has(image)) return undefined;
    return { id: `sha256:${image}`, names: [image], sizeBytes: 1 };
  }

  async listImages(): Promise<readonly RuntimeImage[]> {
    return [...this.images].map((image) => ({
      id: `sha256:${image}`,
      names: [image],
      sizeBytes: 1,
    }));
  }

  async imagesInUse(): Promise<ReadonlySet<string>> {
    return new Set([...this.#containers.values()].map(({ imageId }) => imageId));
  }

  async removeImage(name: string): Promise<void> {
    if (this.images.delete(name)) this.calls.push(`remove image ${name}`);
  }

  async pullImage(image: string, _options: PullOptions, _: AbortSignal): Promise<RuntimeImage> {
    this.calls.push(`pull ${image}`);
    this.#maybeFail('pullImage');
    this.images.add(image);
    return { id: `sha256:${image}`, names: [image], sizeBytes: 1 };
  }

  async *logs(): AsyncIterable<Buffer> {}

  async exec(): Promise<ExecSession> {
    throw new RuntimeError('failed', 'exec is not faked');
  }

  async execSync(_: string, _command: readonly string[], _limits: ExecLimits): Promise<ExecResult> {
    return { kind: 'exited', exitCode: 0, output: '' };
  }

  /** To what listens on this machine. */
  portForward(sandbox: PodSandbox, port: number): Promise<Socket> {
    return this.#dialer.connect({ ...sandbox, network: 'node' }, port);
  }

  async attach(): Promise<ExecSession> {
    throw new RuntimeError('failed', 'attach is not faked');
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const queue: RuntimeEvent[] = [{ type: 'resync' }];
    let wake = () => {};
    const listener = (event: RuntimeEvent) => {
      queue.push(event);
      wake();
    };
    this.#listeners.add(listener);
    try {
      while (!signal.aborted) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #newId(kind: string): string {
    return `${kind}-${this.#nextId++}`;
  }

  #get(id: string): RuntimeContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new RuntimeError('not-found', `No such container: ${id}`);
    return container;
  }

  #set(id: string, status: RuntimeContainerState): void {
    this.#containers.set(id, { ...this.#get(id), status });
  }

  #tell(pod: PodIdentity, action: string): void {
    this.tell({ type: 'pod', pod, action });
  }

  /** A leftover of the same name goes; one that runs stays, and the new one is refused. */
  #makeRoom<T extends Named>(all: Map<string, T>, fresh: Named, runs: (one: T) => boolean): void {
    for (const [id, one] of all) {
      if (nameOf(one) !== nameOf(fresh)) continue;
      if (runs(one)) throw new RuntimeError('conflict', `${nameOf(fresh)} is already in use`);
      all.delete(id);
    }
  }

  #maybeFail(method: Method): void {
    const [fault, ...rest] = this.#faults.get(method) ?? [];
    this.#faults.set(method, rest);
    if (fault !== undefined) throw fault;
  }
}

interface Named {
  readonly pod: PodIdentity;
  readonly name?: string;
  readonly attempt: number;
}

function nameOf({ pod, name = 'POD', attempt }: Named): string {
  return `k8s_${name}_${pod.name}_${pod.namespace}_${pod.uid}_${attempt}`;
}

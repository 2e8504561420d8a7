// DockerPods: what the engine has of this node's pods, read from its labels.
//
// It keeps no state that matters: what runs is what the engine says. Only facts that cannot
// change are remembered (an exited container stays as it is until it is removed).
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim (ListPodSandbox, ListContainers, their statuses).

import type Docker from 'dockerode';
import {
  type PodIdentity,
  type PodSandbox,
  type RuntimeContainer,
  RuntimeError,
  type RuntimePod,
} from '../runtime.ts';
import { callEngine } from './docker-call.ts';
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
import type { DockerSandboxes } from './docker-sandbox.ts';

const INSPECTIONS_PARALLEL_MAX = 8;

export class DockerPods {
  readonly #docker: Docker;
  readonly #scope: EngineScope;
  readonly #sandboxes: DockerSandboxes;
  readonly #exited = new Map<string, RuntimeContainer>();

  constructor(docker: Docker, scope: EngineScope, sandboxes: DockerSandboxes) {
    this.#docker = docker;
    this.#scope = scope;
    this.#sandboxes = sandboxes;
  }

  async list(): Promise<readonly RuntimePod[]> {
    const listed = await this.#list([]);
    const uids = new Map(listed.map((one) => [one.Labels[POD_UID_LABEL] ?? '', one.Labels]));
    const pods = await this.#inspectAll(listed);
    this.#forgetAllBut(new Set(listed.map(({ Id }) => Id)));
    return [...uids].map(([uid, labels]) => gather(podOfLabels(labels), pods.get(uid) ?? []));
  }

  async status(pod: PodIdentity): Promise<RuntimePod> {
    const listed = await this.#list([`${POD_UID_LABEL}=${pod.uid}`]);
    return gather(pod, (await this.#inspectAll(listed)).get(pod.uid) ?? []);
  }

  forget(containerId: string): void {
    this.#exited.delete(containerId);
  }

  #list(labels: readonly string[]): Promise<Docker.ContainerInfo[]> {
    const { cluster, node } = this.#scope;
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
      if (listed.Labels[TYPE_LABEL] === 'podsandbox') {
        return this.#sandboxes.withNetwork(sandboxOf(info));
      }
      const container = containerOf(info);
      if (container.status.state === 'exited') this.#exited.set(container.id, container);
      return container;
    } catch (error) {
      if (RuntimeError.is(error, 'not-found')) return undefined;
      throw error;
    }
  }
}

type Inspected = PodSandbox | RuntimeContainer;

function gather(identity: PodIdentity, inspected: readonly Inspected[]): RuntimePod {
  const newestFirst = [...inspected].sort(
    (a, b) => b.createdAtMs - a.createdAtMs || b.attempt - a.attempt,
  );
  return {
    identity,
    sandboxes: newestFirst.filter((one): one is PodSandbox => !('sandboxId' in one)),
    containers: newestFirst.filter((one): one is RuntimeContainer => 'sandboxId' in one),
  };
}

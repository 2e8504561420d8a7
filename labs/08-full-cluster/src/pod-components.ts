// PodComponents: the components that are static pods, as the engine knows them.
//
// They are found by the labels that the kubelet puts on a pod's containers, so it is known how they are when no
// API server can be asked.
//
// newestOf() is pure: of a component's containers on a machine, the one of its last attempt is the component;
// earlier ones are what the kubelet keeps to show how they ended.

import { Readable, type Writable } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { type ClusterConfig, machinesOf } from './cluster-config.ts';
import type { ComponentState } from './components.ts';
import { nodeLabel, roleLabel } from './container-spec.ts';
import { isMissing, listContainers } from './docker.ts';
import { controlPlanePrograms } from './programs.ts';

const labels = {
  type: 'io.kubernetes.docker.type',
  namespace: 'io.kubernetes.pod.namespace',
  container: 'io.kubernetes.container.name',
  attempt: 'annotation.io.kubernetes.container.restartCount',
};

export interface PodContainerFact {
  readonly id: string;
  readonly node: string;
  readonly name: string;
  readonly attempt: number;
}

/** Of each component on each machine the container of its last attempt. */
export function newestOf(facts: readonly PodContainerFact[]): PodContainerFact[] {
  const newest = new Map<string, PodContainerFact>();
  for (const fact of facts) {
    const key = `${fact.node}/${fact.name}`;
    const known = newest.get(key);
    if (known === undefined || fact.attempt > known.attempt) newest.set(key, fact);
  }
  return [...newest.values()];
}

/** The newest container of every component that is a static pod, in the order in which they start. */
async function podContainers(docker: Docker, config: ClusterConfig): Promise<PodContainerFact[]> {
  const names = podComponentsOf(config);
  const facts = (await listContainers(docker, config.name)).flatMap(factOf);
  const order = machinesOf(config).map(({ name }) => name);
  return newestOf(facts.filter(({ name }) => names.includes(name))).toSorted(
    (a, b) =>
      order.indexOf(a.node) - order.indexOf(b.node) ||
      names.indexOf(a.name) - names.indexOf(b.name),
  );
}

function factOf({ Id: id, Labels }: ContainerInfo): PodContainerFact[] {
  const isStaticPod =
    Labels[roleLabel] === undefined &&
    Labels[labels.type] === 'container' &&
    Labels[labels.namespace] === 'kube-system';
  if (!isStaticPod) return [];
  const node = Labels[nodeLabel] ?? '';
  const name = Labels[labels.container] ?? '';
  return [{ id, node, name, attempt: Number(Labels[labels.attempt] ?? 0) }];
}

/** The names of the components that are static pods. */
export function podComponentsOf(config: ClusterConfig): string[] {
  return config.controlPlanes
    .slice(0, 1)
    .flatMap((machine) => controlPlanePrograms(config, machine).map(({ name }) => name));
}

export async function podComponentStates(
  docker: Docker,
  config: ClusterConfig,
): Promise<ComponentState[]> {
  const states = (await podContainers(docker, config)).map(async (fact) => {
    try {
      return [await stateOf(docker, config, fact)];
    } catch (error) {
      if (isMissing(error)) return []; // It was removed meanwhile.
      throw error;
    }
  });
  return (await Promise.all(states)).flat();
}

async function stateOf(
  docker: Docker,
  config: ClusterConfig,
  { id, node, name, attempt }: PodContainerFact,
): Promise<ComponentState> {
  const { State } = await docker.getContainer(id).inspect();
  const machine = config.controlPlanes.find((candidate) => candidate.name === node);
  const program = machine && controlPlanePrograms(config, machine).find((one) => one.name === name);
  const health = program?.health;
  return {
    ...{ name, node, restarts: attempt, isPod: true },
    state: State.Running ? 'running' : 'waiting',
    since: State.Running ? State.StartedAt : State.FinishedAt,
    ...(State.Running ? { pid: State.Pid } : { lastExit: `exit code ${State.ExitCode}` }),
    ...(health === undefined ? {} : { health }),
  };
}

export interface PodLogOptions {
  readonly follow?: boolean;
  /** How many lines from the end; absent: all. */
  readonly tail?: number;
}

/** Copies the log of a component's newest container to `output`. Answers false when there is none. */
export async function copyPodLog(
  docker: Docker,
  config: ClusterConfig,
  component: Pick<ComponentState, 'name' | 'node'>,
  { follow = false, tail, output }: PodLogOptions & { output: Writable },
  signal: AbortSignal,
): Promise<boolean> {
  const found = (await podContainers(docker, config)).find(
    ({ name, node }) => name === component.name && node === component.node,
  );
  if (found === undefined) return false;
  const wanted = { stdout: true, stderr: true, ...(tail === undefined ? {} : { tail }) };
  const container = docker.getContainer(found.id);
  const stream = follow
    ? await container.logs({ ...wanted, follow: true, abortSignal: signal })
    : Readable.from([await container.logs({ ...wanted, follow: false })]);
  docker.modem.demuxStream(stream, output, output);
  await new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) stream.once(event, () => resolve());
  });
  return true;
}

// Components: asks the supervisors in a cluster's containers how their programs are, and shows their logs.
//
// guilty() is the decision behind a failed start: a component that keeps dying is to blame before one that
// merely runs. The rest reads files in containers: /run/kube-labs/status.json and /var/log/kube-labs.

import type Docker from 'dockerode';
import { type ClusterConfig, controlPlaneContainer, nodeContainer } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { execIn } from './docker.ts';
import type { ProgramState } from './supervisor.ts';

export interface Place {
  /** `control-plane`, or the node's name. */
  readonly node: string;
  readonly container: string;
}

export interface ComponentState extends ProgramState {
  readonly node: string;
}

/** A program that died so often while the cluster starts will not recover by itself. */
const restartsMax = 5;
const logLinesShown = 12;

export function placesOf(config: ClusterConfig): Place[] {
  return [
    { node: 'control-plane', container: controlPlaneContainer(config.name) },
    ...config.nodes.map(({ name }) => ({
      node: name,
      container: nodeContainer(config.name, name),
    })),
  ];
}

/** Every component of the cluster; those of a container that does not run are left out. */
export async function componentStates(
  docker: Docker,
  config: ClusterConfig,
): Promise<ComponentState[]> {
  const lists = await Promise.all(
    placesOf(config).map(async ({ node, container }) =>
      (await programStates(docker, container)).map((state) => ({ ...state, node })),
    ),
  );
  return lists.flat();
}

async function programStates(docker: Docker, container: string): Promise<ProgramState[]> {
  try {
    const { exitCode, output } = await execIn(docker, container, [
      'cat',
      '/run/kube-labs/status.json',
    ]);
    return exitCode === 0 ? JSON.parse(output) : [];
  } catch {
    return []; // The container is gone, stopped or paused.
  }
}

/** Which of the components that are health-checked answer 200; asked from inside their container. */
export async function healthOf(
  docker: Docker,
  { container }: Place,
  states: readonly ProgramState[],
): Promise<ReadonlyMap<string, boolean>> {
  const asked = states.filter(({ health, state }) => health !== undefined && state === 'running');
  if (asked.length === 0) return new Map();
  const script = 'for url; do curl -sk -m 2 -o /dev/null -w "%{http_code}\\n" "$url" || true; done';
  const urls = asked.map(({ health = '' }) => health);
  const { output } = await execIn(docker, container, ['sh', '-c', script, 'sh', ...urls]);
  const codes = output.trim().split('\n');
  return new Map(asked.map(({ name }, index) => [name, codes[index] === '200']));
}

/** The component to blame: one that keeps dying, else the suspect, else nobody. */
export function guilty(
  states: readonly ComponentState[],
  suspect?: Pick<ComponentState, 'name' | 'node'>,
): Pick<ComponentState, 'name' | 'node' | 'lastExit' | 'restarts'> | undefined {
  const dying = states
    .filter(({ restarts }) => restarts > 0)
    .toSorted((a, b) => b.restarts - a.restarts)[0];
  if (dying !== undefined) return dying;
  return states.find(({ name, node }) => name === suspect?.name && node === suspect.node);
}

/** Throws when a component has died too often to hope. */
export async function checkComponents(docker: Docker, config: ClusterConfig): Promise<void> {
  const states = await componentStates(docker, config);
  const hopeless = states.find(({ restarts }) => restarts >= restartsMax);
  if (hopeless === undefined) return;
  const { name, node, lastExit } = hopeless;
  throw new ClusterError(`${name} on ${node} keeps ending (${lastExit})`);
}

/** The same error with the last log lines of the component to blame. */
export async function withLog(
  error: ClusterError,
  docker: Docker,
  config: ClusterConfig,
  suspect?: Pick<ComponentState, 'name' | 'node'>,
): Promise<ClusterError> {
  const component = guilty(await componentStates(docker, config), suspect);
  if (component === undefined) return error;
  const place = placesOf(config).find(({ node }) => node === component.node);
  if (place === undefined) return error;
  const lines = await lastLogLines(docker, place.container, component.name);
  return new ClusterError(error.message, {
    details: [`The last lines of ${component.name} on ${component.node}:`, ...lines],
    cause: error,
  });
}

async function lastLogLines(docker: Docker, container: string, name: string): Promise<string[]> {
  const path = logPath(name);
  const command = ['tail', '-n', '100', path];
  const { output } = await execIn(docker, container, command);
  const lines = output.split('\n');
  return lines.filter((line) => line.trim() !== '' && !isStack(line)).slice(-logLinesShown);
}

function isStack(line: string): boolean {
  return /^\s+at /.test(line);
}

export function logPath(component: string): string {
  return `/var/log/kube-labs/${component}.log`;
}

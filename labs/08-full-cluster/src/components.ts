// Components: how the programs of a cluster are, whoever runs them, and what they said last.
//
// A machine's own are run by its supervisor, which is asked by files in its container (/run/kube-labs/status.json
// and /var/log/kube-labs); the control plane's are static pods, of which the engine knows (pod-components.ts).
// guilty() is the decision behind a failed start: a component that keeps dying is to blame before one that
// merely runs.

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import {
  type ClusterConfig,
  isReplicated,
  loadBalancer,
  machinesOf,
  nodeContainer,
} from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { execIn } from './docker.ts';
import { copyPodLog, podComponentStates } from './pod-components.ts';
import type { ProgramState } from './supervisor.ts';

export interface Place {
  /** The machine's name: control-plane, node-1, load-balancer. */
  readonly node: string;
  readonly container: string;
}

export interface ComponentState extends ProgramState {
  readonly node: string;
  /** A static pod's. */
  readonly isPod?: boolean;
}

/** A program that died so often while the cluster starts will not recover by itself. */
const restartsMax = 5;
/** The kubelet waits ten seconds and more before it restarts what it restarted already. */
const podRestartsMax = 3;
const logLinesShown = 12;

export function placesOf(config: ClusterConfig): Place[] {
  const names = machinesOf(config).map(({ name }) => name);
  return [...names, ...(isReplicated(config) ? [loadBalancer] : [])].map((node) => ({
    node,
    container: nodeContainer(config.name, node),
  }));
}

/** Every component of the cluster; those of a container that does not run are left out. */
export async function componentStates(
  docker: Docker,
  config: ClusterConfig,
): Promise<ComponentState[]> {
  const supervised = placesOf(config).map(async ({ node, container }) =>
    (await programStates(docker, container)).map((state) => ({ ...state, node })),
  );
  const lists = await Promise.all([podComponentStates(docker, config), ...supervised]);
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
  const command = ['sh', '-c', script, 'sh', ...urls];
  const answer = await execIn(docker, container, command).catch(() => undefined);
  if (answer === undefined) return new Map(); // The machine does not run.
  const codes = answer.output.trim().split('\n');
  return new Map(asked.map(({ name }, index) => [name, codes[index] === '200']));
}

/** The component to blame: one that keeps dying, else the suspect, else nobody. */
export function guilty(
  states: readonly ComponentState[],
  suspect?: Pick<ComponentState, 'name' | 'node'>,
): ComponentState | undefined {
  const dying = states
    .filter(({ restarts }) => restarts > 0)
    .toSorted((a, b) => b.restarts - a.restarts)[0];
  if (dying !== undefined) return dying;
  return states.find(({ name, node }) => name === suspect?.name && node === suspect.node);
}

/** Throws when a component has died too often to hope. */
export async function checkComponents(docker: Docker, config: ClusterConfig): Promise<void> {
  const states = await componentStates(docker, config);
  const hopeless = states.find(
    ({ restarts, isPod = false }) => restarts >= (isPod ? podRestartsMax : restartsMax),
  );
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
  const lines = await lastLogLines(docker, config, component);
  return new ClusterError(error.message, {
    details: [`The last lines of ${component.name} on ${component.node}:`, ...lines],
    cause: error,
  });
}

async function lastLogLines(
  docker: Docker,
  config: ClusterConfig,
  component: ComponentState,
): Promise<string[]> {
  const lines = (await lastLog(docker, config, component)).split('\n');
  return lines.filter((line) => line.trim() !== '' && !isStack(line)).slice(-logLinesShown);
}

async function lastLog(
  docker: Docker,
  config: ClusterConfig,
  { name, node, isPod = false }: ComponentState,
): Promise<string> {
  const tail = 100;
  if (isPod) {
    const output = new PassThrough();
    const never = new AbortController().signal;
    await copyPodLog(docker, config, { name, node }, { tail, output }, never);
    return text(output.end());
  }
  const command = ['tail', '-n', String(tail), logPath(name)];
  return (await execIn(docker, nodeContainer(config.name, node), command)).output;
}

function isStack(line: string): boolean {
  return /^\s+at /.test(line);
}

export function logPath(component: string): string {
  return `/var/log/kube-labs/${component}.log`;
}

// Machines: what happens to a node's container happens to its pods' processes.
//
// A pod's containers are siblings of the node's container, so the engine lets them run on when the node dies.
// A machine that loses power does not: its processes end at once. This loop mirrors power-off, suspend and
// resume of a node, from the engine's events and, at its own start, from what it finds.
//
// mirror() is the whole decision, level-based: it compares the machine as it is with the containers as they
// are. A container that is older than its machine's present life survived a power cycle that nothing
// survives, so it is killed too, whenever that is noticed; a kubelet notices before it looks at its pods.
//
// The loop is itself a static pod of each control plane: all of them do the same, and what they do may be done
// twice. It is not above the law: it ends with its machine, but last, and is never suspended, as nobody might
// be left to wake the others.
//
// Also here: a reboot of the host undoes the shared mount that nodes need (host-dir.ts) where there is no
// systemd; a node that Docker could not start for that reason is started again after it was renewed.
//
// In a real cluster physics does this; there is nothing upstream.

import type { Logger } from '@kube-labs/apiserver';
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { nodeContainer } from './cluster-config.ts';
import { messageOf } from './cluster-error.ts';
import { nodeLabel, roleLabel } from './container-spec.ts';
import { done, isMissing, killContainer, listContainers } from './docker.ts';
import { shareHostDir } from './host-dir.ts';

export interface Machine {
  readonly state: 'running' | 'paused' | 'off';
  /** Milliseconds since 1970; of its present life when it runs. */
  readonly startedAt: number;
}

export interface PodContainer {
  readonly id: string;
  readonly state: 'running' | 'paused' | 'ended';
  readonly startedAt: number;
  /** Does it do what this loop does? */
  readonly isMirror?: boolean;
}

export interface MirrorAction {
  readonly action: 'kill' | 'pause' | 'unpause';
  readonly id: string;
}

/** What must be done so that the containers share the fate of their machine. */
export function mirror(machine: Machine, containers: readonly PodContainer[]): MirrorAction[] {
  return containers.flatMap(({ id, state, startedAt, isMirror = false }): MirrorAction[] => {
    if (state === 'ended') return [];
    if (machine.state === 'off' || startedAt < machine.startedAt) return [{ action: 'kill', id }];
    if (machine.state === 'paused' && state === 'running' && !isMirror) {
      return [{ action: 'pause', id }];
    }
    if (machine.state === 'running' && state === 'paused') return [{ action: 'unpause', id }];
    return [];
  });
}

const stragglersMs = 2_000;
const mainFile = '/machines-main.ts';

export interface MachinesOptions {
  readonly docker: Docker;
  readonly cluster: string;
  readonly log: Logger;
}

/** Mirrors until aborted. Survives a restart of the engine. */
export async function runMachines(options: MachinesOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await follow(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn('The stream of events ended', { error: messageOf(error) });
    }
    await pause(1_000, signal);
  }
}

/** Subscribes first and looks second, so that nothing falls between the two. */
async function follow(options: MachinesOptions, signal: AbortSignal): Promise<void> {
  const { docker, cluster, log } = options;
  const stream = await docker.getEvents({
    abortSignal: signal,
    filters: {
      type: ['container'],
      label: [`kube-labs=${cluster}`, roleLabel, nodeLabel],
      event: ['start', 'die', 'pause', 'unpause', 'destroy'],
    },
  });
  stream.setEncoding?.('utf8');
  await mirrorAll(options);
  let rest = '';
  for await (const chunk of stream) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((text) => text.trim() !== '')) {
      const { Action, Actor } = JSON.parse(line);
      const node = String(Actor.Attributes[nodeLabel]);
      log.info('Machine changed', { node, event: String(Action) });
      await mirrorNode(options, node);
      if (Action === 'die') mirrorLater(options, node, signal);
    }
  }
}

/** The dead kubelet may have asked the engine for a container that was still being started. */
function mirrorLater(options: MachinesOptions, node: string, signal: AbortSignal): void {
  pause(stragglersMs, signal)
    .then(() => mirrorNode(options, node))
    .catch((error: unknown) => options.log.warn('Mirroring failed', { error: messageOf(error) }));
}

async function mirrorAll(options: MachinesOptions): Promise<void> {
  const containers = await listContainers(options.docker, options.cluster);
  const nodes = new Set(containers.flatMap(({ Labels }) => Labels[nodeLabel] ?? []));
  for (const node of nodes) {
    await restartAfterReboot(options, node);
    await mirrorNode(options, node);
  }
}

/** Applies mirror() to one node. Safe at any time, any number of times. */
export async function mirrorNode(options: MachinesOptions, node: string): Promise<void> {
  const { docker, cluster, log } = options;
  const machine = machineOf(await inspect(docker, nodeContainer(cluster, node)));
  const listed = await listContainers(docker, cluster);
  const pods = listed.filter(
    ({ Labels, State }) =>
      Labels[nodeLabel] === node && Labels[roleLabel] === undefined && State !== 'exited',
  );
  const inspected = await Promise.all(pods.map(({ Id }) => inspect(docker, Id)));
  const containers = inspected.flatMap((info) =>
    info === undefined ? [] : [podContainerOf(info)],
  );
  for (const last of [false, true]) {
    const turn = containers.filter(({ isMirror }) => isMirror === last);
    const actions = mirror(machine, turn);
    if (actions.length > 0)
      log.info('Mirroring', { node, machine: machine.state, actions: actions.length });
    await Promise.all(actions.map((action) => apply(docker, action)));
  }
}

async function apply(docker: Docker, { action, id }: MirrorAction): Promise<void> {
  const container = docker.getContainer(id);
  if (action === 'kill') return killContainer(container);
  return done(action === 'pause' ? container.pause() : container.unpause());
}

async function restartAfterReboot(options: MachinesOptions, node: string): Promise<void> {
  const { docker, cluster, log } = options;
  const info = await inspect(docker, nodeContainer(cluster, node));
  if (info === undefined || info.State.Running) return;
  if (!/shared mount/.test(info.State.Error)) return;
  log.info('Starting a node that had lost its shared mount', { node });
  await shareHostDir(docker, cluster);
  await done(docker.getContainer(info.Id).start());
}

async function inspect(docker: Docker, id: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await docker.getContainer(id).inspect();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A machine that is no longer there is off for good. */
function machineOf(info: ContainerInspectInfo | undefined): Machine {
  if (info === undefined || !info.State.Running) return { state: 'off', startedAt: 0 };
  const startedAt = Date.parse(info.State.StartedAt);
  return { state: info.State.Paused ? 'paused' : 'running', startedAt };
}

function podContainerOf({ Id, State, Config }: ContainerInspectInfo): PodContainer {
  const alive = State.Paused ? 'paused' : 'running';
  return {
    id: Id,
    state: State.Running ? alive : 'ended',
    startedAt: Date.parse(State.StartedAt),
    isMirror: [Config.Entrypoint, Config.Cmd].flat().some((word) => word?.endsWith(mainFile)),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

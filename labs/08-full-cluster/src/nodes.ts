// Nodes: what may happen to one machine: it dies, restarts, sleeps, leaves, joins.
//
// These are the verbs behind `node …`; a control plane is a machine, too, but it cannot leave. Death and sleep are real for the node's container; its pods' processes
// follow through mirrorNode(), here and at once, and through `machines` in the control plane whenever it was
// not us (docker kill, a crash, a reboot).
//
// Upstream: nothing; a machine's power button. `remove` is `kubectl delete node` after the machine was
// scrapped, without a drain.

import { rm } from 'node:fs/promises';
import { ApiError, type Client, resources, silentLogger } from '@kube-labs/apiserver';
import type Docker from 'dockerode';
import { parseAddress } from './cidr.ts';
import {
  type ClusterConfig,
  machineDir,
  machinesOf,
  type NodeConfig,
  nextNode,
  nodeContainer,
} from './cluster-config.ts';
import { ClusterError, messageOf } from './cluster-error.ts';
import { loadCluster, writeState } from './cluster-state.ts';
import { nodeLabel, nodeSpec } from './container-spec.ts';
import {
  connectDocker,
  engineSocket,
  explainDockerError,
  isMissing,
  killContainer,
  listContainers,
  removeContainer,
} from './docker.ts';
import { releaseHostDir, shareHostDir } from './host-dir.ts';
import { mirrorNode } from './machines.ts';
import { readAuthority, writeMachine } from './pki.ts';
import { checkName } from './up-options.ts';
import { waitsFor, withClient } from './up-steps.ts';

export const nodeActions = ['kill', 'restart', 'pause', 'unpause'] as const;
export type NodeAction = (typeof nodeActions)[number];

interface Target {
  readonly docker: Docker;
  readonly config: ClusterConfig;
  readonly node: NodeConfig;
}

/** Does `action` to a node's machine; its pods' processes share its fate before this returns. */
export async function actOnNode(cluster: string, name: string, action: NodeAction): Promise<void> {
  const target = await findNode(cluster, name);
  const { docker, config, node } = target;
  const container = docker.getContainer(nodeContainer(config.name, node.name));
  try {
    const { State } = await container.inspect();
    if (action === 'kill') await killContainer(container);
    if (action === 'restart') {
      await shareHostDir(docker, config.name);
      if (State.Paused) await container.unpause();
      await container.restart({ t: 5 });
    }
    if (action === 'pause' && !State.Paused) {
      requireRunning(State.Running, name, action);
      await container.pause();
    }
    if (action === 'unpause' && State.Paused) await container.unpause();
  } catch (error) {
    throw explainDockerError(error) ?? error;
  }
  await mirrorNode(mirrorOptions(target), node.name);
}

function requireRunning(running: boolean, name: string, action: string): void {
  if (running) return;
  throw new ClusterError(
    `${name} does not run, so it cannot ${action}: start it with \`node restart ${name}\``,
  );
}

/** Starts one more node and waits until it is Ready; a node that does not come up leaves nothing behind. */
export async function addNode(
  cluster: string,
  options: { name?: string; say?: (line: string) => void },
  signal: AbortSignal,
): Promise<NodeConfig> {
  if (options.name !== undefined) checkName('node', options.name);
  const config = await loadCluster(cluster);
  if (config.nodes.some(({ name }) => name === options.name)) {
    throw new ClusterError(
      `${options.name} is in the cluster ${cluster} already: choose another name`,
    );
  }
  const docker = await connectDocker();
  const node = nextNode(config, options.name);
  const grown = { ...config, nodes: [...config.nodes, node].toSorted(byAddress) };
  try {
    await writeState({ phase: 'ready', pid: process.pid, config: grown });
    await writeMachine(grown, node, await readAuthority(config));
    await shareHostDir(docker, cluster);
    const spec = nodeSpec(grown, node, { dockerSocket: engineSocket() });
    await (await docker.createContainer(spec)).start();
    signal.throwIfAborted();
    const waits = waitsFor(docker, grown, signal);
    await waits.nodesReady([node.name], options.say ?? (() => {}));
    return node;
  } catch (error) {
    await forgetNode({ docker, config: grown, node });
    if (signal.aborted) throw new ClusterError(`Interrupted: nothing of ${node.name} is left`);
    throw explainDockerError(error) ?? error;
  }
}

/** Scraps a machine and takes its node out of the API. Drains nothing. */
export async function removeNode(cluster: string, name: string): Promise<void> {
  const config = await loadCluster(cluster);
  const node = machineOf(config, name);
  if (!config.nodes.includes(node)) {
    throw new ClusterError(
      `${name} is the control plane, or a part of it, and cannot be removed: \`down\` removes the whole cluster`,
    );
  }
  await forgetNode({ docker: await connectDocker(), config, node });
}

async function forgetNode({ docker, config, node }: Target): Promise<void> {
  await removeContainer(docker.getContainer(nodeContainer(config.name, node.name)));
  const pods = (await listContainers(docker, config.name)).filter(
    ({ Labels }) => Labels[nodeLabel] === node.name,
  );
  await Promise.all(pods.map(({ Id }) => removeContainer(docker.getContainer(Id))));
  await releaseHostDir(docker, config.name, node.name);
  await rm(machineDir(config.name, node.name), { recursive: true, force: true });
  const nodes = config.nodes.filter(({ name }) => name !== node.name);
  await writeState({ phase: 'ready', pid: process.pid, config: { ...config, nodes } });
  await forgetInApi(config, node.name);
}

async function forgetInApi(config: ClusterConfig, name: string): Promise<void> {
  try {
    await withClient(config, (client) => deleteNodeAndPods(client, name));
  } catch (error) {
    throw new ClusterError(
      `The machine of ${name} is gone, but the API server did not forget the node (${messageOf(error)}): run \`kubectl delete node ${name}\` when it answers`,
      { cause: error },
    );
  }
}

/** The pods, too: nobody is left who could report their end. Upstream's pod garbage collector does that. */
async function deleteNodeAndPods(client: Client, name: string): Promise<void> {
  await orGone(client.delete(resources.nodes, { name }));
  const { items } = await client.list(resources.pods, { fieldSelector: `spec.nodeName=${name}` });
  for (const { metadata } of items) {
    const ref = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
    await orGone(client.delete(resources.pods, ref, { gracePeriodSeconds: 0 }));
  }
}

async function orGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

function byAddress(a: NodeConfig, b: NodeConfig): number {
  return (parseAddress(a.address) ?? 0) - (parseAddress(b.address) ?? 0);
}

function machineOf(config: ClusterConfig, name: string): NodeConfig {
  const machines = machinesOf(config);
  const machine = machines.find((candidate) => candidate.name === name);
  if (machine !== undefined) return machine;
  const known = machines.map((candidate) => candidate.name).join(', ');
  throw new ClusterError(`The cluster ${config.name} has no node ${name}: it has ${known}`);
}

async function findNode(cluster: string, name: string): Promise<Target> {
  const config = await loadCluster(cluster);
  const node = machineOf(config, name);
  const docker = await connectDocker();
  try {
    await docker.getContainer(nodeContainer(cluster, name)).inspect();
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ClusterError(
      `The container of ${name} is gone: take the node out with \`node remove ${name}\``,
    );
  }
  return { docker, config, node };
}

function mirrorOptions({ docker, config }: Target) {
  return { docker, cluster: config.name, log: silentLogger };
}

// Status: how the cluster is, from three sources that do not depend on each other.
//
// Docker knows the containers and the static pods, the supervisors know the other components, the API server knows
// nodes and pods. Each
// may be missing (that is when a person asks): what it would have told is then absent, and the rest is shown.
//
// readStatus() gathers, formatStatus() is pure. The JSON of `status --json` is ClusterStatus.

import { type Client, resources } from '@kube-labs/apiserver';
import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { type ClusterConfig, kubeconfigPath, machinesOf, nodeContainer } from './cluster-config.ts';
import { loadCluster } from './cluster-state.ts';
import { componentStates, healthOf, type Place, placesOf } from './components.ts';
import { connectDocker, listContainers } from './docker.ts';
import { withClient } from './up-steps.ts';

export interface ComponentStatus {
  readonly name: string;
  /** The machine's name: control-plane, node-1, load-balancer. */
  readonly node: string;
  readonly state: 'running' | 'waiting' | 'stopped';
  /** Absent when the component has no health page or could not be asked. */
  readonly healthy?: boolean;
  /** As its machine counts; the host's, except for the load balancer. */
  readonly pid?: number;
  readonly restarts: number;
  readonly since: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly container: string;
  /** Docker's word: running, paused, exited, missing. */
  readonly machine: string;
  readonly address: string;
  /** Absent while the API server does not answer. */
  readonly ready?: 'True' | 'False' | 'Unknown';
  readonly podCidr?: string;
}

export interface PodStatus {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly phase: string;
  /** Ready containers of all: 1/1. */
  readonly ready: string;
  readonly restarts: number;
}

export interface ClusterStatus {
  readonly name: string;
  readonly state: 'running' | 'degraded' | 'stopped';
  readonly kubeconfig: string;
  readonly apiServer: string;
  readonly clock: string;
  readonly components: readonly ComponentStatus[];
  readonly nodes: readonly NodeStatus[];
  readonly pods: readonly PodStatus[];
}

export async function readStatus(cluster: string): Promise<ClusterStatus> {
  const config = await loadCluster(cluster);
  const docker = await connectDocker();
  const [containers, components, objects] = await Promise.all([
    listContainers(docker, cluster),
    readComponents(docker, config),
    readObjects(config),
  ]);
  const nodes = machinesOf(config).map(({ name, address }) => {
    const place = { node: name, container: nodeContainer(config.name, name) };
    return nodeStatus({ place, address }, containers, objects?.nodes);
  });
  return {
    name: cluster,
    state: overall(components, nodes),
    kubeconfig: kubeconfigPath(cluster),
    apiServer: `https://127.0.0.1:${config.apiPort}`,
    clock: config.clock,
    components,
    nodes,
    pods: (objects?.pods ?? []).map(podStatus),
  };
}

async function readComponents(docker: Docker, config: ClusterConfig): Promise<ComponentStatus[]> {
  const states = await componentStates(docker, config);
  const perPlace = placesOf(config).map(async (place) => {
    const own = states.filter(({ node }) => node === place.node);
    const health = await healthOf(docker, place, own);
    return own.map(({ name, node, state, pid, restarts, since }): ComponentStatus => {
      const healthy = health.get(name);
      return {
        name,
        node,
        state,
        restarts,
        since,
        ...(healthy === undefined ? {} : { healthy }),
        ...(pid === undefined ? {} : { pid }),
      };
    });
  });
  return (await Promise.all(perPlace)).flat();
}

async function readObjects(
  config: ClusterConfig,
): Promise<{ nodes: readonly Node[]; pods: readonly Pod[] } | undefined> {
  const signal = AbortSignal.timeout(3_000);
  const read = async (client: Client) => {
    const [nodes, pods] = await Promise.all([
      client.list(resources.nodes, {}, signal),
      client.list(resources.pods, {}, signal),
    ]);
    return { nodes: nodes.items, pods: pods.items };
  };
  return withClient(config, read).catch(() => undefined);
}

function nodeStatus(
  { place, address }: { place: Place; address: string },
  containers: readonly ContainerInfo[],
  nodes: readonly Node[] | undefined,
): NodeStatus {
  const container = containers.find(({ Names }) => Names.includes(`/${place.container}`));
  const node = nodes?.find(({ metadata }) => metadata?.name === place.node);
  const condition = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  const podCidr = node?.spec?.podCIDR;
  return {
    name: place.node,
    container: place.container,
    machine: container?.State ?? 'missing',
    address,
    ...(nodes === undefined ? {} : { ready: readiness(condition?.status) }),
    ...(podCidr === undefined ? {} : { podCidr }),
  };
}

function readiness(status: string | undefined): 'True' | 'False' | 'Unknown' {
  return status === 'True' || status === 'False' ? status : 'Unknown';
}

function podStatus({ metadata, spec, status }: Pod): PodStatus {
  const statuses = status?.containerStatuses ?? [];
  const ready = statuses.filter((container) => container.ready).length;
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    node: spec?.nodeName ?? '',
    phase: metadata?.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Terminating',
    ready: `${ready}/${spec?.containers.length ?? 0}`,
    restarts: statuses.reduce((sum, container) => sum + container.restartCount, 0),
  };
}

function overall(
  components: readonly ComponentStatus[],
  nodes: readonly NodeStatus[],
): ClusterStatus['state'] {
  if (components.length === 0) return 'stopped';
  const allWell =
    components.every(({ state, healthy }) => state === 'running' && healthy !== false) &&
    nodes.every(({ ready, machine }) => machine === 'running' && ready === 'True');
  return allWell ? 'running' : 'degraded';
}

export function formatStatus(status: ClusterStatus): string {
  const health = ({ state, healthy }: ComponentStatus) => {
    if (state !== 'running' || healthy === undefined) return state;
    return healthy ? 'running, healthy' : 'running, not healthy';
  };
  return [
    `Cluster ${status.name}: ${status.state}, ${status.apiServer}, clock ${status.clock}`,
    '',
    ...table(
      ['COMPONENT', 'ON', 'STATE', 'PID', 'RESTARTS'],
      status.components.map((component) => [
        component.name,
        component.node,
        health(component),
        String(component.pid ?? ''),
        String(component.restarts),
      ]),
    ),
    '',
    ...table(
      ['NODE', 'MACHINE', 'READY', 'ADDRESS', 'PODS'],
      status.nodes.map((node) => [
        node.name,
        node.machine,
        node.ready ?? '?',
        node.address,
        node.podCidr ?? '',
      ]),
    ),
    '',
    ...table(
      ['NAMESPACE', 'POD', 'READY', 'STATE', 'RESTARTS', 'NODE'],
      status.pods.map((pod) => [
        pod.namespace,
        pod.name,
        pod.ready,
        pod.phase,
        String(pod.restarts),
        pod.node,
      ]),
    ),
  ].join('\n');
}

/** Columns as wide as their widest cell, three spaces apart, as kubectl prints them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

// Snapshot: an unchanging view of all nodes for one scheduling cycle, with what runs on them added up.
//
// Invariants:
//   1. a NodeInfo never changes: a node whose pods or spec changed gets a new one, so two snapshots share all the rest;
//   2. `requested` is the sum of podRequests() of `pods`, and `usedPorts` all their host ports;
//   3. amounts are integers: thousandths for cpu, base units for all else.
// Same idea upstream: kubernetes, pkg/scheduler/framework/types.go (NodeInfo) and backend/cache/snapshot.go.
// Left out: image states, pod affinity lists, volumes; pod-level resources.

import { milliOf, parseQuantity } from '@kube-labs/apiserver';
import type { Container, Node, Pod } from 'kubernetes-types/core/v1';

/** Amounts by resource name: cpu, memory, ephemeral-storage, and whatever a node has besides. */
export type Resources = ReadonlyMap<string, number>;

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly requested: Resources;
  /** As requested, but a container that asks for nothing counts a little, so that scores tell full nodes from empty ones. */
  readonly nonZeroRequested: Resources;
  readonly allocatable: Resources;
  readonly usedPorts: readonly HostPort[];
}

export interface Snapshot {
  /** Grows with every change of a node or of what is on it. */
  readonly generation: number;
  readonly nodes: readonly NodeInfo[];
}

const ANY_ADDRESS = '0.0.0.0';
const NON_ZERO_MILLI_CPU = 100;
const NON_ZERO_MEMORY_BYTES = 200 * 1024 * 1024;

export function nodeInfo(node: Node, pods: readonly Pod[]): NodeInfo {
  return {
    name: node.metadata?.name ?? '',
    node,
    pods,
    requested: sum(pods.map(podRequests)),
    nonZeroRequested: sum(pods.map(nonZeroRequests)),
    allocatable: resourcesOf(node.status?.allocatable ?? node.status?.capacity),
    usedPorts: pods.flatMap(hostPorts),
  };
}

/** What a pod needs at its worst moment: all containers together, or an init container with the sidecars before it. */
export function podRequests(pod: Pod): Resources {
  return remembered(requestsOf, pod, () =>
    addUp(pod, (container) => requestsOfContainer(container)),
  );
}

/** The same, with a little cpu and memory for every container that asks for none: for scores only. */
export function nonZeroRequests(pod: Pod): Resources {
  return remembered(nonZeroRequestsOf, pod, () =>
    addUp(pod, (container) => {
      const requests = new Map(requestsOfContainer(container));
      if (!requests.has('cpu')) requests.set('cpu', NON_ZERO_MILLI_CPU);
      if (!requests.has('memory')) requests.set('memory', NON_ZERO_MEMORY_BYTES);
      return requests;
    }),
  );
}

export function hostPorts(pod: Pod): readonly HostPort[] {
  const ports: HostPort[] = [];
  for (const container of pod.spec?.containers ?? []) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort === undefined || hostPort === 0) continue;
      ports.push({ ip: hostIP || ANY_ADDRESS, protocol: protocol ?? 'TCP', port: hostPort });
    }
  }
  return ports;
}

export function portsConflict(one: HostPort, other: HostPort): boolean {
  if (one.port !== other.port || one.protocol !== other.protocol) return false;
  return one.ip === other.ip || one.ip === ANY_ADDRESS || other.ip === ANY_ADDRESS;
}

export function resourcesOf(list: Readonly<Record<string, string>> | undefined): Resources {
  const resources = new Map<string, number>();
  for (const [name, quantity] of Object.entries(list ?? {})) {
    resources.set(name, name === 'cpu' ? milliOf(quantity) : Math.ceil(parseQuantity(quantity)));
  }
  return resources;
}

/** Pods are shared and never change, so what was worked out for one stays true as long as it lives. */
const requestsOf = new WeakMap<Pod, Resources>();
const nonZeroRequestsOf = new WeakMap<Pod, Resources>();

function remembered(
  memory: WeakMap<Pod, Resources>,
  pod: Pod,
  compute: () => Resources,
): Resources {
  let resources = memory.get(pod);
  if (resources === undefined) {
    resources = compute();
    memory.set(pod, resources);
  }
  return resources;
}

function addUp({ spec }: Pod, requests: (container: Container) => Resources): Resources {
  const sidecars: Resources[] = [];
  const peaks: Resources[] = [];
  for (const container of spec?.initContainers ?? []) {
    const own = requests(container);
    if (container.restartPolicy === 'Always') sidecars.push(own);
    else peaks.push(sum([...sidecars, own]));
  }
  const running = sum([...sidecars, ...(spec?.containers ?? []).map(requests)]);
  return sum([largest([...peaks, running]), resourcesOf(spec?.overhead)]);
}

function requestsOfContainer(container: Container): Resources {
  return resourcesOf(container.resources?.requests);
}

function sum(all: readonly Resources[]): Resources {
  const total = new Map<string, number>();
  for (const resources of all) {
    for (const [name, amount] of resources) total.set(name, (total.get(name) ?? 0) + amount);
  }
  return total;
}

function largest(all: readonly Resources[]): Resources {
  const most = new Map<string, number>();
  for (const resources of all) {
    for (const [name, amount] of resources) most.set(name, Math.max(most.get(name) ?? 0, amount));
  }
  return most;
}

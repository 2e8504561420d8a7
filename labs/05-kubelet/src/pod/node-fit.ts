// NodeFit: is this a node for the pod, and has it room? Pure.
//
// The scheduler has asked the same; but two of them may have filled the same room, labels change, and not every pod comes by a
// scheduler. Of several reasons the first counts: operating system, resources, labels, ports, taints. A resource that the
// node does not know and that only some device brings is nobody's business here.
//
// Same rules and words upstream: kubernetes, pkg/kubelet/lifecycle/predicate.go.
// Left out here: making room for critical pods by ending others (preemption), devices.

import type { Node, Pod } from 'kubernetes-types/core/v1';
import { isStatic } from '../config/static-pod.ts';
import type { AdmitHandler, AdmitResult } from './admission.ts';
import { matchesNode, toleratesNoExecute } from './node-selection.ts';
import { type Amounts, amountsOf, podRequests } from './pod-requests.ts';
import { isSidecar } from './restart-policy.ts';

export interface FitOptions {
  /** As the API has it; or, while there is none, as it would register. */
  node(): Node;
  readonly allocatable: Readonly<Record<string, string>>;
}

const ADMITTED: AdmitResult = { admitted: true };
const OS_LABEL = 'kubernetes.io/os';
const COMMON_RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

export function nodeFit(options: FitOptions): AdmitHandler {
  return {
    admit(pod, others) {
      const node = options.node();
      const problem =
        wrongSystem(pod) ??
        shortage(pod, others, amountsOf(options.allocatable)) ??
        mismatch(pod, node, others);
      return problem === undefined ? ADMITTED : { admitted: false, ...problem };
    },
  };
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

function wrongSystem({ metadata, spec }: Pod): Problem | undefined {
  const label = metadata?.labels?.[OS_LABEL];
  if (label !== undefined && label !== 'linux') {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if (spec?.os === undefined || spec.os.name === 'linux') return undefined;
  const message = "Failed to admit pod as the OS field doesn't match node OS";
  return { reason: 'PodOSNotSupported', message };
}

function shortage(pod: Pod, others: readonly Pod[], allocatable: Amounts): Problem | undefined {
  const capacityOf = (name: string) => allocatable.get(name) ?? 0;
  if (others.length + 1 > capacityOf('pods')) {
    return outOf('pods', { requested: 1, used: others.length, capacity: capacityOf('pods') });
  }
  const requests = podRequests(pod);
  const named = [...requests.keys()].filter((name) => !COMMON_RESOURCES.includes(name)).sort();
  for (const name of [...COMMON_RESOURCES, ...named]) {
    const requested = requests.get(name) ?? 0;
    if (requested === 0 || (isExtended(name) && !allocatable.has(name))) continue;
    const used = others.reduce((sum, other) => sum + (podRequests(other).get(name) ?? 0), 0);
    const capacity = capacityOf(name);
    if (requested > capacity - used) return outOf(name, { requested, used, capacity });
  }
  return undefined;
}

function outOf(
  name: string,
  amounts: { readonly requested: number; readonly used: number; readonly capacity: number },
): Problem {
  const { requested, used, capacity } = amounts;
  const figures = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  const message = `Node didn't have enough resource: ${name}, ${figures}`;
  return { reason: `OutOf${name}`, message };
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/');
}

function mismatch(pod: Pod, node: Node, others: readonly Pod[]): Problem | undefined {
  if (!matchesNode(pod, node)) {
    return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  }
  const taken = others.flatMap(hostPortsOf);
  if (hostPortsOf(pod).some((port) => taken.some((other) => collide(port, other)))) {
    return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  }
  // What the node itself wants, its taints do not keep away.
  if (!isStatic(pod) && !toleratesNoExecute(pod, node.spec?.taints ?? [])) {
    return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return undefined;
}

function failed(reason: string, description: string): Problem {
  return { reason, message: `Predicate ${reason} failed: ${description}` };
}

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY = '0.0.0.0';

function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  const { containers = [], initContainers = [] } = spec ?? {};
  return [...containers, ...initContainers.filter(isSidecar)]
    .flatMap(({ ports = [] }) => ports)
    .map(({ hostIP = '', protocol = 'TCP', hostPort: port = 0 }) => {
      return { ip: hostIP === '' ? ANY : hostIP, protocol, port };
    })
    .filter(({ port }) => port > 0);
}

function collide(one: HostPort, other: HostPort): boolean {
  const sharesAddress = one.ip === other.ip || one.ip === ANY || other.ip === ANY;
  return sharesAddress && one.port === other.port && one.protocol === other.protocol;
}

// NodeHealth: what the silence or the words of a kubelet mean for its node.
//
//   planConditions()   the conditions to write when the kubelet has been silent for too long
//   planTaints()       the taints that a node should have, from its conditions and its cordon
//   disruptionOf()     how bad things are altogether: when all nodes are gone, the fault is more likely ours
//
// A heartbeat is any change of the node's lease or of the time in its Ready condition. When it came is measured by the
// clock of whoever watches: the kubelet's own clock may be wrong.
//
// Upstream: kubernetes, pkg/controller/nodelifecycle/node_lifecycle_controller.go. Left out: zones (all nodes are one), shutdown taints.

import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, NodeCondition, Taint } from 'kubernetes-types/core/v1';
import { sameData, timestamp } from './meta.ts';
import {
  DISK_PRESSURE,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  taintsOf,
  UNREACHABLE,
  UNSCHEDULABLE,
} from './taints.ts';

const NEVER = ['NodeStatusNeverUpdated', 'Kubelet never posted node status.'] as const;
const STOPPED = ['NodeStatusUnknown', 'Kubelet stopped posting node status.'] as const;
/** What the kubelet is the only one to know. */
const KUBELET_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

const TAINT_OF_CONDITION: Readonly<Record<string, string>> = {
  MemoryPressure: MEMORY_PRESSURE,
  DiskPressure: DISK_PRESSURE,
  PIDPressure: PID_PRESSURE,
  NetworkUnavailable: NETWORK_UNAVAILABLE,
};

/** Every taint here is ours to add and to take away; others are left alone. */
const OWN_TAINTS: ReadonlySet<string> = new Set([
  NOT_READY,
  UNREACHABLE,
  UNSCHEDULABLE,
  ...Object.values(TAINT_OF_CONDITION),
]);

/** Changes with every sign of life. */
export function heartbeatOf(node: Node, lease: Lease | undefined): string {
  const ready = conditionOf(node, 'Ready');
  return `${lease?.spec?.renewTime ?? ''}/${ready?.lastHeartbeatTime ?? ''}/${ready?.status ?? ''}`;
}

/** undefined: the kubelet has not spoken yet. */
export function readyStatus(node: Node): string | undefined {
  return conditionOf(node, 'Ready')?.status;
}

export function conditionOf(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** The conditions of a node that has been silent for too long; undefined when they say so already. */
export function planConditions(node: Node, nowMs: number): readonly NodeCondition[] | undefined {
  const now = timestamp(nowMs);
  const before = node.status?.conditions ?? [];
  const others = before.filter(({ type }) => !KUBELET_CONDITIONS.some((own) => own === type));
  const unknown = KUBELET_CONDITIONS.map((type): NodeCondition => {
    const known = conditionOf(node, type);
    if (known?.status === 'Unknown') return known;
    const [reason, message] = known === undefined ? NEVER : STOPPED;
    const condition = { type, status: 'Unknown', reason, message, lastTransitionTime: now };
    const lastHeartbeatTime = known?.lastHeartbeatTime ?? node.metadata?.creationTimestamp;
    return { ...condition, ...(lastHeartbeatTime === undefined ? {} : { lastHeartbeatTime }) };
  });
  const changed = unknown.some((condition) => condition !== conditionOf(node, condition.type));
  return changed ? [...others, ...unknown] : undefined;
}

/** What to do about NoExecute: add it, leave it as it is, take it away. */
export type Execution = 'evict' | 'hold' | 'cancel';

/** All taints of the node as they should be; undefined when they are. */
export function planTaints(
  node: Node,
  execution: Execution,
  nowMs: number,
): readonly Taint[] | undefined {
  const before = node.spec?.taints ?? [];
  const ready = readyStatus(node);
  const key = ready === 'Unknown' ? UNREACHABLE : NOT_READY;
  const wanted: Taint[] = Object.entries(TAINT_OF_CONDITION)
    .filter(([type]) => conditionOf(node, type)?.status === 'True')
    .map(([, taint]) => ({ key: taint, effect: 'NoSchedule' }));
  if (node.spec?.unschedulable === true) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  if (ready !== undefined && ready !== 'True') {
    wanted.push({ key, effect: 'NoSchedule' });
    const execute = execution === 'evict' || (execution === 'hold' && isBeingEmptied(node));
    if (execute) wanted.push({ key, effect: 'NoExecute' });
  }
  const foreign = before.filter(({ key: name }) => !OWN_TAINTS.has(name));
  const own = wanted.map((taint) => {
    const known = before.find((each) => each.key === taint.key && each.effect === taint.effect);
    return known ?? { ...taint, timeAdded: timestamp(nowMs) };
  });
  const after = [...foreign, ...own];
  return sameTaints(before, after) ? undefined : after;
}

/** Whether it has a NoExecute taint of ours. */
export function isBeingEmptied(node: Node): boolean {
  return taintsOf(node, 'NoExecute').some(({ key }) => OWN_TAINTS.has(key));
}

function sameTaints(before: readonly Taint[], after: readonly Taint[]): boolean {
  const ids = (taints: readonly Taint[]) =>
    taints.map(({ key, effect }) => `${key}:${effect}`).sort();
  return sameData(ids(before), ids(after));
}

export type Disruption = 'normal' | 'partial' | 'full';

export function disruptionOf(nodes: readonly Node[], unhealthyThreshold: number): Disruption {
  const notReady = nodes.filter((node) => readyStatus(node) !== 'True').length;
  if (notReady > 0 && notReady === nodes.length) return 'full';
  return notReady > 2 && notReady / nodes.length >= unhealthyThreshold ? 'partial' : 'normal';
}

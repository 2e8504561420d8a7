// nodeEvents: what about a node changed, as far as a pod that did not fit may care.
//
// Heartbeats touch a node all the time and mean nothing here; without this distinction each of them would try every waiting
// pod again. Same idea upstream: nodeSchedulingPropertiesChange in kubernetes, pkg/scheduler/framework/events.go.

import type { Node } from 'kubernetes-types/core/v1';
import type { ClusterEvent } from './framework.ts';

export function nodeEvents(previous: Node, node: Node): readonly ClusterEvent[] {
  const differs = (part: (node: Node) => unknown): boolean =>
    JSON.stringify(part(previous)) !== JSON.stringify(part(node));
  const events: ClusterEvent[] = [];
  if (differs(({ spec }) => spec?.unschedulable ?? false))
    events.push('NodeSpecUnschedulableChange');
  if (differs(({ status }) => status?.allocatable)) events.push('NodeAllocatableChange');
  if (differs(({ metadata }) => metadata?.labels)) events.push('NodeLabelChange');
  if (differs(({ spec }) => spec?.taints)) events.push('NodeTaintChange');
  return events;
}

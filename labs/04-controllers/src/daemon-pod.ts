// DaemonPod: what a daemon set's Pod for one node looks like, and which nodes it may run on.
//
// A daemon Pod names its node by a required node affinity on the field metadata.name, and the scheduler binds it like any other:
// ports, resources and cordons are judged in one place. It tolerates what would chase it from a sick node, as it is
// there to serve the node and not the other way round.
//
// Upstream: kubernetes, pkg/controller/daemon/util/daemonset_util.go; component-helpers, scheduling/corev1/nodeaffinity.

import { matchesLabels, matchesRequirements, resources } from '@kube-labs/apiserver';
import type { DaemonSet } from 'kubernetes-types/apps/v1';
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Toleration,
} from 'kubernetes-types/core/v1';
import { meta } from './meta.ts';
import { podFromTemplate } from './pod-template.ts';
import {
  DISK_PRESSURE,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  taintsOf,
  tolerates,
  UNREACHABLE,
  UNSCHEDULABLE,
} from './taints.ts';

/** Label of a daemon Pod: the hash of the template that it was made from. */
export const REVISION_HASH = 'controller-revision-hash';

export function daemonPodFor(set: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(set, resources.daemonSets, set.spec?.template);
  const spec = pod.spec ?? { containers: [] };
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata?.labels, [REVISION_HASH]: hash } },
    spec: { ...spec, affinity: boundTo(nodeName, spec), tolerations: withDaemonTolerations(spec) },
  };
}

/** In every term, as terms are alternatives. */
function boundTo(nodeName: string, { affinity }: PodSpec): NonNullable<PodSpec['affinity']> {
  const field = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  const { nodeAffinity } = affinity ?? {};
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = terms.map((term) => ({ ...term, matchFields: [field] }));
  return {
    ...affinity,
    nodeAffinity: {
      ...nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    },
  };
}

function withDaemonTolerations({ tolerations = [], hostNetwork }: PodSpec): Toleration[] {
  const exists = (key: string, effect: string) => ({ key, operator: 'Exists', effect });
  return [
    ...tolerations,
    exists(NOT_READY, 'NoExecute'),
    exists(UNREACHABLE, 'NoExecute'),
    exists(DISK_PRESSURE, 'NoSchedule'),
    exists(MEMORY_PRESSURE, 'NoSchedule'),
    exists(PID_PRESSURE, 'NoSchedule'),
    exists(UNSCHEDULABLE, 'NoSchedule'),
    ...(hostNetwork === true ? [exists(NETWORK_UNAVAILABLE, 'NoSchedule')] : []),
  ];
}

/** The node that a daemon Pod is on or is meant for. */
export function targetNodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName !== undefined && spec.nodeName !== '') return spec.nodeName;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = (required?.nodeSelectorTerms ?? []).flatMap(({ matchFields = [] }) => matchFields);
  return fields.find(({ key }) => key === 'metadata.name')?.values?.[0];
}

/** Whether a Pod should be started on the node, and whether one that is there already may stay. */
export function fitOf(
  set: DaemonSet,
  node: Node,
): { readonly shouldRun: boolean; readonly mayStay: boolean } {
  const spec = set.spec?.template?.spec ?? { containers: [] };
  const { name } = meta(node);
  if (spec.nodeName && spec.nodeName !== name) return { shouldRun: false, mayStay: false };
  if (!matchesNode(spec, node)) return { shouldRun: false, mayStay: false };
  const tolerations = withDaemonTolerations(spec);
  const tolerated = (effect: string) =>
    taintsOf(node, effect).every((taint) => tolerates(tolerations, taint));
  const mayStay = tolerated('NoExecute');
  return { shouldRun: mayStay && tolerated('NoSchedule'), mayStay };
}

function matchesNode({ nodeSelector, affinity }: PodSpec, node: Node): boolean {
  if (nodeSelector !== undefined && !matchesLabels(nodeSelector, meta(node).labels)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
  );
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node) {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const { name, labels } = meta(node);
  return (
    matchesRequirements(matchExpressions.map(requirement), labels) &&
    matchesRequirements(matchFields.map(requirement), { 'metadata.name': name })
  );
}

function requirement({ key, operator, values = [] }: NodeSelectorRequirement) {
  return {
    key,
    operator: operator as 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt',
    values,
  };
}

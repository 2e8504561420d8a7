// NodeSelection: does a pod want this node, and does the node want it? Pure.
//
// Labels: a pod names those that its node must have (nodeSelector), or alternatives (required node affinity); preferences are the
// scheduler's. Taints: a node keeps pods away that do not tolerate it; here only NoExecute counts, as the others are
// about scheduling.
//
// Same rules upstream: k8s.io/component-helpers/scheduling/corev1 (nodeaffinity, FindMatchingUntoleratedTaint).

import { type LabelRequirement, matchesLabels, matchesRequirement } from '@kube-labs/apiserver';
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  Taint,
  Toleration,
} from 'kubernetes-types/core/v1';

export function matchesNode({ spec }: Pod, node: Node): boolean {
  const { nodeSelector, affinity } = spec ?? {};
  if (nodeSelector !== undefined && !matchesLabels(nodeSelector, node.metadata?.labels)) {
    return false;
  }
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
  );
}

/** Everything in a term must hold; an empty one matches no node. */
export function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: Node,
): boolean {
  const fields = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    matchExpressions.length + matchFields.length > 0 &&
    matchExpressions.every((one) =>
      matchesRequirement(requirementOf(one), node.metadata?.labels),
    ) &&
    matchFields.every((one) => matchesRequirement(requirementOf(one), fields))
  );
}

function requirementOf({ key, operator, values = [] }: NodeSelectorRequirement): LabelRequirement {
  return { key, operator: operator as LabelRequirement['operator'], values };
}

export function toleratesNoExecute({ spec }: Pod, taints: readonly Taint[]): boolean {
  const tolerations = spec?.tolerations ?? [];
  return taints
    .filter(({ effect }) => effect === 'NoExecute')
    .every((taint) => tolerations.some((one) => tolerates(one, taint)));
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key === '' ? operator !== 'Exists' : key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}

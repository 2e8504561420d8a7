// NodeAffinity: pods say by labels which nodes they need and which they would like.
//
// Filter  rejects a node that lacks a label of spec.nodeSelector, or matches none of the required terms.
// Score   adds the weights of the preferred terms that the node matches.
//
// Terms are alternatives; within one term everything must hold; an empty term matches no node.
// Same rule upstream: kubernetes, pkg/scheduler/framework/plugins/nodeaffinity.
// Left out: affinity added by the scheduler's own configuration.

import { type LabelRequirement, matchesLabels, matchesRequirement } from '@kube-labs/apiserver';
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
} from 'kubernetes-types/core/v1';
import { FITS, normalizeToMax, type Plugin, rejects } from '../framework.ts';

const REASON = "node(s) didn't match Pod's node affinity/selector";

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  helpedBy: ['NodeAdd', 'NodeLabelChange'],
  filter: (pod, { node }) => (matchesRequired(pod, node) ? FITS : rejects(REASON)),
  score(pod, { node }) {
    const preferred =
      pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.reduce(
      (sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0),
      0,
    );
  },
  normalizeScore: (scores) => normalizeToMax(scores),
};

function matchesRequired({ spec }: Pod, node: Node): boolean {
  if (
    spec?.nodeSelector !== undefined &&
    !matchesLabels(spec.nodeSelector, node.metadata?.labels)
  ) {
    return false;
  }
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node) {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata?.labels;
  const fields = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    matchExpressions.every((each) => matchesRequirement(requirement(each), labels)) &&
    matchFields.every((each) => matchesRequirement(requirement(each), fields))
  );
}

function requirement({ key, operator, values = [] }: NodeSelectorRequirement): LabelRequirement {
  return { key, operator: operator as LabelRequirement['operator'], values };
}

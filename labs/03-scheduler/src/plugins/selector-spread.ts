// SelectorSpread: pods that belong together go to different nodes, so that one node's death does not take them all.
//
// PreFilter  finds the selectors that mean the pod: of the services in its namespace, and of its owner (replication
//            controller or replica set).
// Score      counts the pods on the node that all these selectors mean: the fewer, the better.
//
// Same rule upstream: SelectorSpreadPriority in Kubernetes 1.1; today the default constraints of PodTopologySpread.
// Left out: zones; spec.topologySpreadConstraints.

import {
  type LabelRequirement,
  type Labels,
  matchesRequirements,
  requirementsOf,
} from '@kube-labs/apiserver';
import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod, ReplicationController, Service } from 'kubernetes-types/core/v1';
import { normalizeToMax, type Plugin } from '../framework.ts';

/** The local copies that the plugin looks at. */
export interface SpreadListers {
  services(namespace: string): readonly Service[];
  replicationController(key: string): ReplicationController | undefined;
  replicaSet(key: string): ReplicaSet | undefined;
}

type Selectors = readonly LabelRequirement[];

export function selectorSpread(listers: SpreadListers): Plugin<Selectors> {
  return {
    name: 'SelectorSpread',
    preFilter: (pod) => ({ kind: 'ready', state: selectorsFor(pod, listers) }),
    score(pod, { pods }, selectors) {
      if (selectors.length === 0) return 0;
      const namespace = pod.metadata?.namespace;
      const isSibling = ({ metadata }: Pod): boolean =>
        metadata?.namespace === namespace &&
        metadata?.deletionTimestamp === undefined &&
        matchesRequirements(selectors, metadata?.labels);
      return pods.filter(isSibling).length;
    },
    normalizeScore: (scores) => normalizeToMax(scores, true),
  };
}

/** All of them together, as upstream's DefaultSelector; none when nothing selects the pod. */
function selectorsFor({ metadata }: Pod, listers: SpreadListers): Selectors {
  const namespace = metadata?.namespace ?? '';
  const requirements: LabelRequirement[] = [];
  for (const { spec } of listers.services(namespace)) {
    const selector = fromMap(spec?.selector);
    if (selector.length > 0 && matchesRequirements(selector, metadata?.labels)) {
      requirements.push(...selector);
    }
  }
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  const key = `${namespace}/${owner?.name}`;
  if (owner?.kind === 'ReplicationController') {
    requirements.push(...fromMap(listers.replicationController(key)?.spec?.selector));
  } else if (owner?.kind === 'ReplicaSet') {
    const selector = listers.replicaSet(key)?.spec?.selector;
    if (selector !== undefined) requirements.push(...requirementsOf(selector));
  }
  return requirements;
}

function fromMap(matchLabels: Labels | undefined): Selectors {
  return matchLabels === undefined ? [] : requirementsOf({ matchLabels: { ...matchLabels } });
}

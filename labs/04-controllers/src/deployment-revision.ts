// DeploymentRevision: which replica set is the current one, what a new one looks like, and which old ones may go.
//
// The new set is the one whose template equals the Deployment's, not the one whose hash does: hashes only make names.
// A roll-back therefore needs nothing of its own: put an old template back and its old set is the new one again, with
// the next revision number.
//
// Upstream: kubernetes, pkg/controller/deployment/sync.go and util/deployment_util.go.

import { resources } from '@kube-labs/apiserver';
import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1';
import { controllerRefTo } from './controller-ref.ts';
import {
  bounds,
  byAge,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  newSetReplicas,
  type ReplicaSets,
  wanted,
} from './deployment-scaling.ts';
import { canonicalJson, isBeingDeleted, meta } from './meta.ts';
import { hashOfTemplate } from './pod-template.ts';

export const POD_TEMPLATE_HASH = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const REVISION_HISTORY_BYTES_MAX = 2000;

/** Annotations that belong to the Deployment alone, or that the controller itself keeps on a set. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

/** Of several sets with the Deployment's template the oldest is the new one, so that everybody picks the same. */
export function splitSets(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSets {
  const template = withoutHash(deployment.spec?.template);
  const newSet = [...sets].sort(byAge).find((set) => withoutHash(set.spec?.template) === template);
  const oldSets = sets.filter((set) => set !== newSet);
  return newSet === undefined ? { oldSets } : { newSet, oldSets };
}

/** The template as text, without the label that the controller adds. */
export function withoutHash(template: PodTemplateSpec | undefined): string {
  const { [POD_TEMPLATE_HASH]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return canonicalJson({ ...template, metadata: { ...template?.metadata, labels } });
}

export function revisionOf(object: Deployment | ReplicaSet): number {
  return Number.parseInt(object.metadata?.annotations?.[REVISION] ?? '0', 10) || 0;
}

export function nextRevision(oldSets: readonly ReplicaSet[]): number {
  return Math.max(0, ...oldSets.map(revisionOf)) + 1;
}

/** The replica set to create for the Deployment's present template. */
export function newReplicaSet(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
): ReplicaSet & { metadata: { name: string } } {
  const { name, namespace } = meta(deployment);
  const { template, selector, minReadySeconds = 0 } = deployment.spec ?? {};
  const hash = hashOfTemplate(template, deployment.status?.collisionCount);
  const labels = { ...template?.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  return {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      ownerReferences: [controllerRefTo(deployment, resources.deployments)],
      annotations: annotationsFor(deployment, { [REVISION]: String(nextRevision(oldSets)) }),
    },
    spec: {
      replicas: newSetReplicas(deployment, oldSets),
      minReadySeconds,
      selector: {
        ...selector,
        matchLabels: { ...selector?.matchLabels, [POD_TEMPLATE_HASH]: hash },
      },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
}

/** The set as it should be now that it is the current one, or undefined when it is so already. */
export function refreshedNewSet(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const before = newSet.metadata?.annotations ?? {};
  const annotations = { ...before, ...copiedAnnotations(deployment) };
  const revision = nextRevision(oldSets);
  if (revisionOf(newSet) < revision) {
    annotations[REVISION] = String(revision);
    const history = historyWith(before[REVISION_HISTORY], before[REVISION]);
    if (history !== '') annotations[REVISION_HISTORY] = history;
  }
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const same =
    canonicalJson(annotations) === canonicalJson(before) &&
    (newSet.spec?.minReadySeconds ?? 0) === minReadySeconds;
  if (same || newSet.spec === undefined) return undefined;
  return {
    ...newSet,
    metadata: { ...newSet.metadata, annotations },
    spec: { ...newSet.spec, minReadySeconds },
  };
}

/** The set with a new size and the annotations from which planScale() later sees that the Deployment was resized. */
export function resized(deployment: Deployment, set: ReplicaSet, replicas: number): ReplicaSet {
  const annotations = { ...set.metadata?.annotations, ...sizeAnnotations(deployment) };
  if (set.spec === undefined) return set;
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } };
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const desired = wanted(deployment);
  return {
    [DESIRED_REPLICAS]: String(desired),
    [MAX_REPLICAS]: String(desired + bounds(deployment).surge),
  };
}

/** Old sets beyond revisionHistoryLimit, the oldest revisions first. A set that still has Pods is never among them. */
export function planCleanup(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
): readonly ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = oldSets.filter((set) => !isBeingDeleted(set));
  const oldestFirst = [...alive].sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b));
  return oldestFirst.slice(0, Math.max(0, alive.length - limit)).filter((set) => {
    const settled = (set.metadata?.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
    return settled && wanted(set) === 0 && (set.status?.replicas ?? 0) === 0;
  });
}

function annotationsFor(
  deployment: Deployment,
  own: Record<string, string>,
): Record<string, string> {
  return { ...copiedAnnotations(deployment), ...sizeAnnotations(deployment), ...own };
}

function copiedAnnotations(deployment: Deployment): Record<string, string> {
  const entries = Object.entries(deployment.metadata?.annotations ?? {});
  return Object.fromEntries(entries.filter(([name]) => !NOT_COPIED.has(name)));
}

/** Comma-separated former revisions; the oldest drop out when the text grows too long. */
function historyWith(history: string | undefined, revision: string | undefined): string {
  const former = [...(history ?? '').split(','), revision ?? ''].filter((part) => part !== '');
  while (former.join(',').length > REVISION_HISTORY_BYTES_MAX) former.shift();
  return former.join(',');
}

// NamespaceConditions: what a namespace that is going says about how far it is, in upstream's words.
//
// Five conditions, all of them always there, each False when all is well: whoever wonders why a namespace does not go
// away reads the ones that are True. The instant of a condition changes with its status only.
//
// Upstream: kubernetes, pkg/controller/namespace/deletion/status_condition_utils.go.

import type { KubernetesObject, ResourceType } from '@kube-labs/apiserver';
import type { Namespace, NamespaceCondition } from 'kubernetes-types/core/v1';
import { timestamp } from './meta.ts';

/** What is left of one resource. */
export interface Remaining {
  readonly type: ResourceType<KubernetesObject>;
  readonly objects: readonly KubernetesObject[];
}

/** What came of one attempt to empty a namespace. */
export interface Findings {
  readonly remaining: readonly Remaining[];
  /** Why objects could not be listed or deleted, one sentence a resource. */
  readonly contentErrors: readonly string[];
  /** Groups of which nothing could be learned, and therefore nothing deleted. */
  readonly discovery?: { readonly count: number; readonly message: string } | undefined;
}

type Verdict = readonly [isTrue: boolean, reason: string, message: string];

/** The namespace's conditions as they must be; those of others stay. */
export function conditionsOf(
  namespace: Namespace,
  findings: Findings,
  nowMs: number,
): readonly NamespaceCondition[] {
  const conditions = [...(namespace.status?.conditions ?? [])];
  for (const [type, [isTrue, reason, message]] of verdictsOn(findings)) {
    const index = conditions.findIndex((condition) => condition.type === type);
    const before = conditions[index];
    const status = isTrue ? 'True' : 'False';
    const since = before?.status === status ? before.lastTransitionTime : timestamp(nowMs);
    const lastTransitionTime = since === undefined ? {} : { lastTransitionTime: since };
    const condition: NamespaceCondition = { type, status, reason, message, ...lastTransitionTime };
    conditions.splice(index < 0 ? conditions.length : index, index < 0 ? 0 : 1, condition);
  }
  return conditions;
}

function verdictsOn({ discovery, contentErrors, remaining }: Findings): [string, Verdict][] {
  return [
    ['NamespaceDeletionDiscoveryFailure', discoveryVerdict(discovery)],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      [false, 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    ],
    ['NamespaceDeletionContentFailure', contentVerdict(contentErrors)],
    ['NamespaceContentRemaining', remainingVerdict(remaining)],
    ['NamespaceFinalizersRemaining', finalizersVerdict(remaining)],
  ];
}

function discoveryVerdict(discovery: Findings['discovery']): Verdict {
  if (discovery === undefined) {
    return [false, 'ResourcesDiscovered', 'All resources successfully discovered'];
  }
  const { count, message } = discovery;
  const text = `Discovery failed for some groups, ${count} failing: ${message}`;
  return [true, 'DiscoveryFailed', text];
}

function contentVerdict(errors: readonly string[]): Verdict {
  if (errors.length === 0) {
    const text = 'All content successfully deleted, may be waiting on finalization';
    return [false, 'ContentDeleted', text];
  }
  const list = [...errors].sort().join(', ');
  const text = `Failed to delete all resource types, ${errors.length} remaining: ${list}`;
  return [true, 'ContentDeletionFailed', text];
}

function remainingVerdict(remaining: readonly Remaining[]): Verdict {
  if (remaining.length === 0) {
    return [false, 'ContentRemoved', 'All content successfully removed'];
  }
  const counts = remaining.map(
    ({ type: { resource, group }, objects }) =>
      `${resource}.${group} has ${objects.length} resource instances`,
  );
  const text = `Some resources are remaining: ${counts.sort().join(', ')}`;
  return [true, 'SomeResourcesRemain', text];
}

function finalizersVerdict(remaining: readonly Remaining[]): Verdict {
  const counts = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const name of object.metadata?.finalizers ?? []) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  if (counts.size === 0) {
    return [false, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'];
  }
  const held = [...counts].map(([name, count]) => `${name} in ${count} resource instances`).sort();
  const text = `Some content in the namespace has finalizers remaining: ${held.join(', ')}`;
  return [true, 'SomeFinalizersRemain', text];
}

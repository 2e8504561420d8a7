// reconcile: what must change so that a default role or binding has at least what it should have.
//
// An administrator may have added rules and subjects: they stay. What is missing is added, label and annotation included. A role with
// the annotation rbac.authorization.kubernetes.io/autoupdate=false is left alone. A binding names its role for good, so one
// that names another role is made anew.
//
// Pure: who reads and writes is bootstrap-roles.ts. Run at every start, so an upgrade brings new rules to an old cluster.
// Same rule upstream: component-helpers, auth/rbac/reconciliation.

import type {
  AggregationRule,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from 'kubernetes-types/rbac/v1';
import { sameValue } from '../strategy/equality.ts';
import { AUTOUPDATE } from './rbac-data/policy.ts';
import { uncoveredRules } from './rule-cover.ts';

export type AnyRole = ClusterRole | Role;
export type AnyBinding = ClusterRoleBinding | RoleBinding;

export type RolePlan<T> =
  | { readonly kind: 'none' }
  /** It would need a change, but it is not ours to change. */
  | { readonly kind: 'protected' }
  | { readonly kind: 'create' | 'update'; readonly object: T };

export type BindingPlan<T> = RolePlan<T> | { readonly kind: 'recreate'; readonly object: T };

export function planRole<T extends AnyRole>(existing: T | undefined, expected: T): RolePlan<T> {
  if (existing === undefined) return { kind: 'create', object: expected };
  const aggregation = aggregationOf(expected);
  // The rules of an aggregated role are made by the aggregation, not by us.
  const missing =
    aggregation === undefined ? uncoveredRules(existing.rules ?? [], expected.rules ?? []) : [];
  const selectors = missingSelectors(aggregationOf(existing), aggregation);
  const object: T = { ...existing, metadata: mergedMetadata(existing, expected) };
  if (missing.length > 0) object.rules = [...(existing.rules ?? []), ...missing];
  if (selectors !== undefined) Object.assign(object, { aggregationRule: selectors });
  return planOf(existing, object);
}

export function planBinding<T extends AnyBinding>(
  existing: T | undefined,
  expected: T,
): BindingPlan<T> {
  if (existing === undefined) return { kind: 'create', object: expected };
  const missing = (expected.subjects ?? []).filter(
    (subject) => !(existing.subjects ?? []).some((other) => sameSubject(subject, other)),
  );
  const subjects = [...(existing.subjects ?? []), ...missing];
  const metadata = mergedMetadata(existing, expected);
  if (!sameValue(existing.roleRef, expected.roleRef)) {
    if (isProtected(existing)) return { kind: 'protected' };
    const { labels, annotations, name, namespace } = metadata;
    const kept = { name, labels, annotations, ...(namespace === undefined ? {} : { namespace }) };
    return { kind: 'recreate', object: { ...expected, metadata: kept, subjects } };
  }
  const object: T = { ...existing, metadata };
  if (missing.length > 0) object.subjects = subjects;
  return planOf(existing, object);
}

function planOf<T extends AnyRole | AnyBinding>(existing: T, object: T): RolePlan<T> {
  if (sameValue(existing, object)) return { kind: 'none' };
  return isProtected(existing) ? { kind: 'protected' } : { kind: 'update', object };
}

function isProtected({ metadata }: AnyRole | AnyBinding): boolean {
  return metadata?.annotations?.[AUTOUPDATE] === 'false';
}

/** What stands there already has the last word. */
function mergedMetadata(existing: AnyRole | AnyBinding, expected: AnyRole | AnyBinding) {
  const [now = {}, wanted = {}] = [existing.metadata, expected.metadata];
  return {
    ...now,
    labels: { ...wanted.labels, ...now.labels },
    annotations: { ...wanted.annotations, ...now.annotations },
  };
}

function aggregationOf(role: AnyRole): AggregationRule | undefined {
  return 'aggregationRule' in role ? role.aggregationRule : undefined;
}

/** The aggregation rule with what is missing in it; undefined when nothing is. */
function missingSelectors(
  existing: AggregationRule | undefined,
  expected: AggregationRule | undefined,
): AggregationRule | undefined {
  const held = existing?.clusterRoleSelectors ?? [];
  const missing = (expected?.clusterRoleSelectors ?? []).filter(
    (selector) => !held.some((other) => sameValue(selector, other)),
  );
  return missing.length === 0 ? undefined : { clusterRoleSelectors: [...held, ...missing] };
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
}

/** The rules of all roles that an aggregated role selects, each once, in the order of the selectors and names. */
export function aggregatedRules(
  role: ClusterRole,
  others: readonly ClusterRole[],
  selects: (selector: object, labels: Readonly<Record<string, string>> | undefined) => boolean,
): PolicyRule[] {
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    for (const other of others) {
      if (other.metadata?.name === role.metadata?.name) continue;
      if (!selects(selector, other.metadata?.labels)) continue;
      for (const rule of other.rules ?? []) {
        if (!rules.some((known) => sameValue(known, rule))) rules.push(rule);
      }
    }
  }
  return rules;
}

/** The roles as they are once all aggregation is done, so that nobody meets an empty one at the first start. */
export function withAggregatedRules(
  roles: readonly ClusterRole[],
  selects: Parameters<typeof aggregatedRules>[2],
): readonly ClusterRole[] {
  const next = roles.map((role) =>
    role.aggregationRule === undefined
      ? role
      : { ...role, rules: aggregatedRules(role, roles, selects) },
  );
  // Roles are parts of each other at most as deep as there are roles; rules only become more.
  return sameValue(next, roles) ? roles : withAggregatedRules(next, selects);
}

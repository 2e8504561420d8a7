// escalation: nobody can give away rights that they do not have.
//
// Whoever writes a role must hold every right in it, in that namespace; or have the verb `escalate` on the role. Whoever binds a role
// must hold every right of the role; or have the verb `bind` on it. An aggregation rule can gather anything, so it takes
// every right there is. The group system:masters is asked nothing. An update of what only the garbage collector changes (owners,
// finalizers) is not asked either; one of a label is, since a label may make a role part of an aggregated one.
//
// The check is made by the server itself and not by an authorizer, since it looks at the object. Without it, the right to
// create role bindings would be the right to everything.
//
// Same rule upstream: pkg/registry/rbac/{escalation_check.go,clusterrole/policybased,rolebinding/policybased} and validation/rule.go.

import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
} from 'kubernetes-types/rbac/v1';
import { forbidden, notFound } from '../api-error.ts';
import { sameValue } from '../strategy/equality.ts';
import type { Authorizer, ResourceAttributes, Subject } from './authorizer.ts';
import { RBAC_GROUP, type RbacIndex, type RbacObject } from './rbac-index.ts';
import { compactRules, describeRule, quoteList, uncoveredRules } from './rule-cover.ts';
import { isAllowed, isMaster } from './union.ts';

export interface EscalationDeps {
  readonly index: RbacIndex;
  /** Asked about the verbs `escalate` and `bind`. */
  readonly authorizer: Authorizer;
}

/** A write as the check sees it. */
export interface RbacWrite<T> {
  readonly user: Subject;
  readonly object: T;
  readonly old?: T | undefined;
}

const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

const AGGREGATION = 'must have cluster-admin privileges to use the aggregationRule';

/** Throws Forbidden when the user may not write this role. */
export function checkRole(deps: EscalationDeps, write: RbacWrite<Role>): void {
  const { user, object, old } = write;
  const namespace = object.metadata?.namespace ?? '';
  const resource = 'roles';
  if (mayEscalate(deps, user, { resource, namespace, object, old })) return;
  if (old !== undefined && differsInLinksOnly(object, old)) return;
  confirmHeld(deps, { user, namespace, rules: object.rules ?? [], resource, name: nameOf(object) });
}

/** Throws Forbidden when the user may not write this cluster role. */
export function checkClusterRole(deps: EscalationDeps, write: RbacWrite<ClusterRole>): void {
  const { user, object, old } = write;
  const at = { resource: 'clusterroles', namespace: '' };
  if (mayEscalate(deps, user, { ...at, object, old })) return;
  if (old !== undefined && differsInLinksOnly(object, old)) return;
  const name = nameOf(object);
  confirmHeld(deps, { ...at, user, rules: object.rules ?? [], name });
  if (!hasAggregation(object) && !hasAggregation(old)) return;
  if (missingRules(deps, user, '', FULL_AUTHORITY).length > 0) {
    throw forbidden({ group: RBAC_GROUP, resource: at.resource }, name, AGGREGATION);
  }
}

/** Throws Forbidden when the user may not bind this role, NotFound when there is no such role to compare with. */
export function checkBinding(
  deps: EscalationDeps,
  write: RbacWrite<RoleBinding | ClusterRoleBinding>,
): void {
  const { user, object, old } = write;
  if (isMaster(user)) return;
  if (old !== undefined && differsInLinksOnly(object, old)) return;
  const { roleRef, metadata } = object;
  const namespace = metadata?.namespace ?? '';
  const roleResource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  const bind = question(user, { verb: 'bind', resource: roleResource, namespace });
  if (isAllowed(deps.authorizer, { ...bind, name: roleRef.name })) return;
  const rules = deps.index.rulesOf(roleRef, namespace);
  if (rules === undefined)
    throw notFound({ group: RBAC_GROUP, resource: roleResource }, roleRef.name);
  const resource = object.kind === 'ClusterRoleBinding' ? 'clusterrolebindings' : 'rolebindings';
  confirmHeld(deps, { user, namespace, rules, resource, name: nameOf(object) });
}

function mayEscalate(
  { authorizer }: EscalationDeps,
  user: Subject,
  role: { resource: string; namespace: string; object: Role | ClusterRole; old: unknown },
): boolean {
  if (isMaster(user)) return true;
  const escalate = question(user, { verb: 'escalate', ...role });
  // A create names no object, as upstream: its path has no name.
  const name = role.old === undefined ? '' : nameOf(role.object);
  return isAllowed(authorizer, { ...escalate, name });
}

function question(
  user: Subject,
  { verb, resource, namespace }: { verb: string; resource: string; namespace: string },
): ResourceAttributes {
  const version = '*';
  const subresource = '';
  const rest = { group: RBAC_GROUP, version, resource, subresource, namespace, name: '' };
  return { kind: 'resource', user, verb, ...rest };
}

interface Grant {
  readonly user: Subject;
  readonly namespace: string;
  readonly rules: readonly PolicyRule[];
  readonly resource: string;
  readonly name: string;
}

function confirmHeld(deps: EscalationDeps, grant: Grant): void {
  const { user, namespace, rules, resource, name } = grant;
  const missing = missingRules(deps, user, namespace, rules);
  if (missing.length === 0) return;
  const { errors } = deps.index.rulesFor(user, namespace);
  const list = [...new Set(compactRules(missing).map(describeRule))].sort().join('\n');
  const unresolved = errors.length === 0 ? '' : `; resolution errors: [${errors.join(', ')}]`;
  const who = `user ${JSON.stringify(user.name)} (groups=${quoteList(user.groups)})`;
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${list}${unresolved}`;
  throw forbidden({ group: RBAC_GROUP, resource }, name, why);
}

function missingRules(
  { index }: EscalationDeps,
  user: Subject,
  namespace: string,
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  return uncoveredRules(index.rulesFor(user, namespace).rules, wanted);
}

function hasAggregation(role: ClusterRole | undefined): boolean {
  return (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

/** Owners and finalizers give nobody a right; everything else may. */
function differsInLinksOnly(object: RbacObject, old: RbacObject): boolean {
  return sameValue(withoutLinks(object), withoutLinks(old));
}

function withoutLinks({ metadata, ...rest }: RbacObject): object {
  const { ownerReferences: _o, finalizers: _f, resourceVersion: _r, ...kept } = metadata ?? {};
  const { managedFields: _m, ...plain } = kept;
  return { ...rest, metadata: plain };
}

function nameOf({ metadata }: RbacObject): string {
  return metadata?.name ?? '';
}

// asked: short ways to write users, questions and roles in the tests of authorization.
import type {
  Subject as BindingSubject,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
} from 'kubernetes-types/rbac/v1';
import type { PathAttributes, ResourceAttributes, Subject } from '#src/authz/authorizer.ts';

export const JANE: Subject = { name: 'jane', groups: ['system:authenticated'] };

/** `verb group/resource/subresource name`; the core group is written as nothing: `get pods`, `get apps/deployments/scale web`. */
export function resource(text: string, rest: Partial<ResourceAttributes> = {}): ResourceAttributes {
  const [verb = '', what = '', name = ''] = text.split(' ');
  const parts = what.split('/');
  const group = isGroup(parts[0]) ? (parts[0] ?? '') : '';
  const [resourceName = '', subresource = ''] = group === '' ? parts : parts.slice(1);
  return {
    kind: 'resource',
    user: JANE,
    verb,
    group,
    version: 'v1',
    resource: resourceName,
    subresource,
    namespace: 'default',
    name,
    ...rest,
  };
}

function isGroup(text = ''): boolean {
  return text === 'apps' || text === 'batch' || text.includes('.');
}

export function path(text: string, user: Subject = JANE): PathAttributes {
  const [verb = '', where = ''] = text.split(' ');
  return { kind: 'path', user, verb, path: where };
}

export function clusterRole(name: string, rules: PolicyRule[]): ClusterRole {
  return { kind: 'ClusterRole', metadata: { name }, rules };
}

export function role(namespace: string, name: string, rules: PolicyRule[]): Role {
  return { kind: 'Role', metadata: { namespace, name }, rules };
}

export function clusterRoleBinding(
  name: string,
  roleName: string,
  subjects: BindingSubject[],
): ClusterRoleBinding {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName };
  return { kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects };
}

/** `at` is NAMESPACE/NAME, `to` is Role/NAME or ClusterRole/NAME. */
export function roleBinding(at: string, to: string, subjects: BindingSubject[]): RoleBinding {
  const [namespace = '', name = ''] = at.split('/');
  const [kind = '', roleName = ''] = to.split('/');
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName };
  return { kind: 'RoleBinding', metadata: { namespace, name }, roleRef, subjects };
}

export const user = (name: string): BindingSubject => ({ kind: 'User', name });
export const group = (name: string): BindingSubject => ({ kind: 'Group', name });

export function account(name: string, namespace?: string): BindingSubject {
  return { kind: 'ServiceAccount', name, ...(namespace === undefined ? {} : { namespace }) };
}

// default-policy: all roles and bindings that a cluster has from the start, in the order in which they are made.

import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import { AGGREGATED_ROLES } from './aggregated-roles.ts';
import { CLUSTER_ROLE_BINDINGS, NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './bindings.ts';
import { CLUSTER_ROLES } from './cluster-roles.ts';
import { CONTROLLER_ROLE_BINDINGS, CONTROLLER_ROLES } from './controller-roles.ts';

export interface DefaultPolicy {
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly RoleBinding[];
}

export const DEFAULT_POLICY: DefaultPolicy = {
  clusterRoles: [...CLUSTER_ROLES, ...AGGREGATED_ROLES, ...CONTROLLER_ROLES],
  clusterRoleBindings: [...CLUSTER_ROLE_BINDINGS, ...CONTROLLER_ROLE_BINDINGS],
  roles: NAMESPACE_ROLES,
  roleBindings: NAMESPACE_ROLE_BINDINGS,
};

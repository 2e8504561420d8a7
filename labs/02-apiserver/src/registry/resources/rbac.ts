// rbac: the resources of the group rbac.authorization.k8s.io: roles, and who has them.
//
// PUT makes what is not there, as upstream; `kubectl auth reconcile` relies on it.
// Same facts upstream: registry/rbac/rest/storage_rbac.go.

import { bindingPrinter, rolePrinter } from '../../printers/rbac.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from '../../strategy/rbac.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

const group = 'rbac.authorization.k8s.io';

export const RBAC_RESOURCES: readonly ResourceDefinition[] = [
  define('ClusterRoleBinding', 'clusterrolebindings', {
    group,
    namespaced: false,
    strategy: clusterRoleBindingStrategy,
    printer: bindingPrinter,
    createOnUpdate: true,
  }),
  define('ClusterRole', 'clusterroles', {
    group,
    namespaced: false,
    strategy: clusterRoleStrategy,
    printer: rolePrinter,
    createOnUpdate: true,
  }),
  define('RoleBinding', 'rolebindings', {
    group,
    strategy: roleBindingStrategy,
    printer: bindingPrinter,
    createOnUpdate: true,
  }),
  define('Role', 'roles', {
    group,
    strategy: roleStrategy,
    printer: rolePrinter,
    createOnUpdate: true,
  }),
];

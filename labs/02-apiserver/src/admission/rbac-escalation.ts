// rbac-escalation: asks of every write of a role or a binding whether its writer may give that away.
//
// Not one of upstream's plugins, and not to be switched off: there the storage of these kinds asks. It stands last among the mutating
// ones, as what is stored must be what was judged, and before validation, as upstream: who may not grant a role does not hear what
// else is wrong with it.
//
// Same place upstream: pkg/registry/rbac/*/policybased/storage.go.

import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import {
  checkBinding,
  checkClusterRole,
  checkRole,
  type EscalationDeps,
} from '../authz/escalation.ts';
import { RBAC_GROUP } from '../authz/rbac-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts';

export function rbacEscalation(deps: EscalationDeps): AdmissionPlugin {
  return {
    name: 'RbacEscalation',
    mutate(request) {
      if (request.definition.group === RBAC_GROUP) check(deps, request);
    },
  };
}

function check(deps: EscalationDeps, request: AdmissionRequest): void {
  const { operation, user, definition } = request;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return;
  const write = <T>() => ({ user, object: request.object as T, old: request.old as T | undefined });
  const { kind } = definition;
  if (kind === 'Role') checkRole(deps, write<Role>());
  else if (kind === 'ClusterRole') checkClusterRole(deps, write<ClusterRole>());
  else checkBinding(deps, write<RoleBinding | ClusterRoleBinding>());
}

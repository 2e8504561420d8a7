// bindings: who has the default cluster roles, and the roles of the system's own namespaces.
//
// Same table upstream: bootstrappolicy/policy.go and namespace_policy.go (1.33).

import type { ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import {
  allow,
  binding,
  COORDINATION,
  clusterBinding,
  group,
  READ,
  recordEvents,
  role,
  serviceAccount,
  user,
} from './policy.ts';

const SYSTEM = 'kube-system';
const PUBLIC = 'kube-public';
const AUTHENTICATED = group('system:authenticated');
const ANONYMOUS = group('system:unauthenticated');
const CONTROLLER_MANAGER = user('system:kube-controller-manager');
const SCHEDULER = user('system:kube-scheduler');

export const CLUSTER_ROLE_BINDINGS: readonly ClusterRoleBinding[] = [
  clusterBinding('cluster-admin', [group('system:masters')]),
  clusterBinding('system:monitoring', [group('system:monitoring')]),
  clusterBinding('system:discovery', [AUTHENTICATED]),
  clusterBinding('system:basic-user', [AUTHENTICATED]),
  clusterBinding('system:public-info-viewer', [AUTHENTICATED, ANONYMOUS]),
  clusterBinding('system:node-proxier', [user('system:kube-proxy')]),
  clusterBinding('system:kube-controller-manager', [CONTROLLER_MANAGER]),
  clusterBinding('system:kube-dns', [serviceAccount(SYSTEM, 'kube-dns')]),
  clusterBinding('system:kube-scheduler', [SCHEDULER]),
  clusterBinding('system:volume-scheduler', [SCHEDULER]),
  // Nodes have their own authorizer; the binding stays, with nobody in it.
  clusterBinding('system:node', []),
  clusterBinding('system:service-account-issuer-discovery', [group('system:serviceaccounts')]),
];

function leaderLocking(): Role['rules'] {
  const verbs = `${READ} create update`;
  return [allow(verbs, COORDINATION, 'leases'), allow(verbs, COORDINATION, 'leasecandidates')];
}

export const NAMESPACE_ROLES: readonly Role[] = [
  role(SYSTEM, 'extension-apiserver-authentication-reader', [
    allow(READ, 'core', 'configmaps', 'extension-apiserver-authentication'),
  ]),
  role(SYSTEM, 'system:controller:bootstrap-signer', [allow(READ, 'core', 'secrets')]),
  role(SYSTEM, 'system:controller:cloud-provider', [allow(`create ${READ}`, 'core', 'configmaps')]),
  role(SYSTEM, 'system:controller:token-cleaner', [
    allow(`${READ} delete`, 'core', 'secrets'),
    recordEvents(),
  ]),
  role(SYSTEM, 'system::leader-locking-kube-controller-manager', leaderLocking() ?? []),
  role(SYSTEM, 'system::leader-locking-kube-scheduler', leaderLocking() ?? []),
  role(PUBLIC, 'system:controller:bootstrap-signer', [
    allow(READ, 'core', 'configmaps'),
    allow('update', 'core', 'configmaps', 'cluster-info'),
    recordEvents(),
  ]),
];

export const NAMESPACE_ROLE_BINDINGS: readonly RoleBinding[] = [
  binding(
    SYSTEM,
    'system::extension-apiserver-authentication-reader',
    [CONTROLLER_MANAGER, SCHEDULER],
    'extension-apiserver-authentication-reader',
  ),
  binding(SYSTEM, 'system::leader-locking-kube-controller-manager', [
    CONTROLLER_MANAGER,
    serviceAccount(SYSTEM, 'kube-controller-manager'),
  ]),
  binding(SYSTEM, 'system::leader-locking-kube-scheduler', [
    SCHEDULER,
    serviceAccount(SYSTEM, 'kube-scheduler'),
  ]),
  binding(SYSTEM, 'system:controller:bootstrap-signer', [
    serviceAccount(SYSTEM, 'bootstrap-signer'),
  ]),
  binding(SYSTEM, 'system:controller:cloud-provider', [serviceAccount(SYSTEM, 'cloud-provider')]),
  binding(SYSTEM, 'system:controller:token-cleaner', [serviceAccount(SYSTEM, 'token-cleaner')]),
  binding(PUBLIC, 'system:controller:bootstrap-signer', [
    serviceAccount(SYSTEM, 'bootstrap-signer'),
  ]),
];

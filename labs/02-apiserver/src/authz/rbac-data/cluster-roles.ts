// cluster-roles: the roles for people and for the parts of the cluster that every cluster has from its first start.
//
// What stands here is data: upstream's table for 1.33 with its default feature gates, rule by rule. Rules for what this
// server does not offer (extensions, leasecandidates) stay, since a role is read and granted by name.
//
// Same table upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.

import type { ClusterRole } from 'kubernetes-types/rbac/v1';
import { NODE_RULES } from './node-rules.ts';
import {
  AUTHENTICATION,
  AUTHORIZATION,
  allow,
  allowPaths,
  CERTIFICATES,
  COORDINATION,
  clusterRole,
  DISCOVERY,
  NETWORKING,
  READ,
  READ_UPDATE,
  READ_WRITE,
  recordEvents,
  STORAGE,
} from './policy.ts';

const REVIEWS = [
  allow('create', AUTHENTICATION, 'tokenreviews'),
  allow('create', AUTHORIZATION, 'subjectaccessreviews'),
];

function leaderElection(name: string, verbs: string) {
  return [allow('create', COORDINATION, 'leases'), allow(verbs, COORDINATION, 'leases', name)];
}

function approver(signer: string): ClusterRole {
  return clusterRole(`system:certificates.k8s.io:${signer}-approver`, [
    allow('approve', CERTIFICATES, 'signers', `kubernetes.io/${signer}`),
  ]);
}

function csrCreator(subresource: string): ClusterRole {
  return clusterRole(`system:certificates.k8s.io:certificatesigningrequests:${subresource}`, [
    allow('create', CERTIFICATES, `certificatesigningrequests/${subresource}`),
  ]);
}

const controllerManager = clusterRole('system:kube-controller-manager', [
  recordEvents(),
  ...leaderElection('kube-controller-manager', 'get update'),
  allow('create', 'core', 'secrets serviceaccounts'),
  allow('delete', 'core', 'secrets'),
  allow('get', 'core', 'namespaces secrets serviceaccounts configmaps'),
  allow('update', 'core', 'secrets serviceaccounts'),
  ...REVIEWS,
  allow('list watch', '*', '*'),
  allow('create', 'core', 'serviceaccounts/token'),
]);

const scheduler = clusterRole('system:kube-scheduler', [
  recordEvents(),
  ...leaderElection('kube-scheduler', READ_UPDATE.replace(' patch', '')),
  allow(READ_WRITE, COORDINATION, 'leasecandidates'),
  allow(READ, 'core', 'nodes'),
  allow(`${READ} delete`, 'core', 'pods'),
  allow('create', 'core', 'pods/binding bindings'),
  allow('patch update', 'core', 'pods/status'),
  allow(READ, 'core', 'services replicationcontrollers'),
  allow(READ, 'apps extensions', 'replicasets'),
  allow(READ, 'apps', 'statefulsets'),
  allow(READ, 'policy', 'poddisruptionbudgets'),
  allow(READ, 'core', 'persistentvolumeclaims persistentvolumes'),
  ...REVIEWS,
  allow(READ, STORAGE, 'csinodes'),
  allow(READ, STORAGE, 'volumeattachments'),
  allow(READ, 'core', 'namespaces'),
  allow(READ, STORAGE, 'csidrivers'),
  allow(READ, STORAGE, 'csistoragecapacities'),
]);

const nodeProxier = clusterRole('system:node-proxier', [
  allow('list watch', 'core', 'services endpoints'),
  allow(READ, 'core', 'nodes'),
  recordEvents(),
  allow('list watch', NETWORKING, 'servicecidrs'),
  allow('list watch', DISCOVERY, 'endpointslices'),
]);

/** All but those that people's roles are made of (aggregated-roles.ts) and those of the controllers. */
export const CLUSTER_ROLES: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [allow('*', '*', '*'), allowPaths('*', '*')]),
  clusterRole('system:discovery', [
    allowPaths(
      'get',
      '/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*',
    ),
  ]),
  clusterRole('system:monitoring', [
    allowPaths(
      'get',
      '/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*',
    ),
  ]),
  clusterRole('system:basic-user', [
    allow('create', AUTHORIZATION, 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', AUTHENTICATION, 'selfsubjectreviews'),
  ]),
  clusterRole('system:public-info-viewer', [
    allowPaths('get', '/livez /readyz /healthz /version /version/'),
  ]),
  clusterRole('system:heapster', [
    allow(READ, 'core', 'events pods nodes namespaces'),
    allow(READ, 'extensions', 'deployments'),
  ]),
  clusterRole('system:node', [...NODE_RULES]),
  clusterRole('system:node-problem-detector', [
    allow('get', 'core', 'nodes'),
    allow('patch', 'core', 'nodes/status'),
    recordEvents(),
  ]),
  clusterRole('system:kubelet-api-admin', [
    allow(READ, 'core', 'nodes'),
    allow('proxy', 'core', 'nodes'),
    allow('*', 'core', 'nodes/proxy nodes/metrics nodes/stats nodes/log'),
    allow('*', 'core', 'nodes/configz nodes/healthz nodes/pods'),
  ]),
  clusterRole('system:node-bootstrapper', [
    allow('create get list watch', CERTIFICATES, 'certificatesigningrequests'),
  ]),
  clusterRole('system:auth-delegator', [...REVIEWS]),
  clusterRole('system:kube-aggregator', [allow(READ, 'core', 'services endpoints')]),
  controllerManager,
  clusterRole('system:kube-dns', [allow('list watch', 'core', 'endpoints services')]),
  clusterRole('system:persistent-volume-provisioner', [
    allow(`${READ} create delete`, 'core', 'persistentvolumes'),
    allow(`${READ} update`, 'core', 'persistentvolumeclaims'),
    allow(READ, STORAGE, 'storageclasses'),
    allow('watch', 'core', 'events'),
    recordEvents(),
  ]),
  csrCreator('nodeclient'),
  csrCreator('selfnodeclient'),
  clusterRole('system:volume-scheduler', [
    allow(READ_UPDATE, 'core', 'persistentvolumes'),
    allow(READ, STORAGE, 'storageclasses'),
    allow(READ_UPDATE, 'core', 'persistentvolumeclaims'),
  ]),
  approver('legacy-unknown'),
  approver('kubelet-serving'),
  approver('kube-apiserver-client'),
  approver('kube-apiserver-client-kubelet'),
  clusterRole('system:service-account-issuer-discovery', [
    allowPaths(
      'get',
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ]),
  nodeProxier,
  scheduler,
];

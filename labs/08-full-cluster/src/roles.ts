// Roles: what our components may do beyond upstream's default roles, and why.
//
// The API server runs with Node and RBAC and makes upstream's roles itself. They fit the scheduler, kube-proxy and most of the kubelet. Two
// things are not as upstream has them, and each gets the role that upstream gives to whoever does that work:
//
//   controllers   run as one user (system:kube-controller-manager) and not as a service account each, so that user is bound to the role of
//                 every controller that lab 04 has; nothing is allowed that upstream's controllers may not
//   kubelet       lays the routes to the other nodes itself, which upstream leaves to a network plugin with rights of its own (flannel's
//                 role reads nodes); the Node authorizer shows a kubelet only its own node
//
// Made by the launcher as soon as the API server answers; until then these two are refused, and try again.
//
// Upstream: --use-service-account-credentials, and the cluster roles that network plugins bring.

import {
  ApiError,
  type Client,
  type KubernetesObject,
  type ResourceType,
} from '@kube-labs/apiserver';
import type { ClusterRole, ClusterRoleBinding, Subject } from 'kubernetes-types/rbac/v1';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1` as const;

/** Upstream's roles of the controllers of lab 04. */
const controllerRoles = [
  'daemon-set-controller',
  'deployment-controller',
  'endpoint-controller',
  'endpointslice-controller',
  'generic-garbage-collector',
  'namespace-controller',
  'node-controller',
  'pod-garbage-collector',
  'replicaset-controller',
  'replication-controller',
  'service-account-controller',
];

const controllerManager: Subject = {
  apiGroup: group,
  kind: 'User',
  name: 'system:kube-controller-manager',
};

const nodes: Subject = { apiGroup: group, kind: 'Group', name: 'system:nodes' };

const nodeNetwork: ClusterRole = {
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name: 'kube-labs:node-network' },
  rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }],
};

/** What is made in every new cluster. */
export function componentRoles(): readonly (ClusterRole | ClusterRoleBinding)[] {
  return [
    nodeNetwork,
    binding('kube-labs:node-network', 'kube-labs:node-network', nodes),
    ...controllerRoles.map((name) =>
      binding(`kube-labs:controller:${name}`, `system:controller:${name}`, controllerManager),
    ),
  ];
}

/** Makes those that are missing, and answers true; what a person changed stays. */
export async function ensureComponentRoles(client: Client, signal: AbortSignal): Promise<true> {
  for (const object of componentRoles()) {
    try {
      await client.create(typeOf(object), object, signal);
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
  }
  return true;
}

function typeOf({ kind }: ClusterRole | ClusterRoleBinding): ResourceType<KubernetesObject> {
  const resource = kind === 'ClusterRole' ? 'clusterroles' : 'clusterrolebindings';
  return { group, version: 'v1', resource, kind: kind ?? '', namespaced: false };
}

function binding(name: string, role: string, subject: Subject): ClusterRoleBinding {
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
    subjects: [subject],
  };
}

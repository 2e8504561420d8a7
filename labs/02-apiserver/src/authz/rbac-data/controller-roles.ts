// controller-roles: one role for each controller, bound to the service account of the same name in kube-system.
//
// The controllers of a real controller manager run as so many service accounts (--use-service-account-credentials), each with no
// more than its own work needs. A cluster role system:controller:NAME and its binding belong together, so both follow from a row.
//
// Same table upstream: bootstrappolicy/controller_policy.go (1.33, default feature gates).

import type { ClusterRole, ClusterRoleBinding, PolicyRule } from 'kubernetes-types/rbac/v1';
import {
  AUTHORIZATION,
  allow,
  CERTIFICATES,
  clusterBinding,
  clusterRole,
  DISCOVERY,
  NETWORKING,
  RBAC,
  READ,
  recordEvents,
  STORAGE,
  serviceAccount,
} from './policy.ts';

const APPS = 'apps extensions';
const ALL = `${READ} create update patch delete`;
const MANAGE = `${READ} create update delete`;
const OWN_PODS = 'list watch create delete patch';

const SIGNERS = [
  'legacy-unknown',
  'kube-apiserver-client',
  'kube-apiserver-client-kubelet',
  'kubelet-serving',
]
  .map((name) => `kubernetes.io/${name}`)
  .join(' ');

const RULES: Readonly<Record<string, PolicyRule[]>> = {
  'attachdetach-controller': [
    allow('list watch', 'core', 'persistentvolumes persistentvolumeclaims'),
    allow(READ, 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow('list watch', 'core', 'pods'),
    recordEvents(),
    allow('get create delete list watch', STORAGE, 'volumeattachments'),
    allow(READ, STORAGE, 'csidrivers'),
    allow(READ, STORAGE, 'csinodes'),
  ],
  'clusterrole-aggregation-controller': [
    allow(`escalate ${READ} update patch`, RBAC, 'clusterroles'),
  ],
  'cronjob-controller': [
    allow(`${READ} update`, 'batch', 'cronjobs'),
    allow(ALL, 'batch', 'jobs'),
    allow('update', 'batch', 'cronjobs/status'),
    allow('update', 'batch', 'cronjobs/finalizers'),
    allow('list watch delete', 'core', 'pods'),
    recordEvents(),
  ],
  'daemon-set-controller': [
    allow(READ, APPS, 'daemonsets'),
    allow('update', APPS, 'daemonsets/status'),
    allow('update', APPS, 'daemonsets/finalizers'),
    allow('list watch', 'core', 'nodes'),
    allow(OWN_PODS, 'core', 'pods'),
    allow('create', 'core', 'pods/binding'),
    allow(ALL, 'apps', 'controllerrevisions'),
    recordEvents(),
  ],
  'deployment-controller': [
    allow(`${READ} update`, APPS, 'deployments'),
    allow('update', APPS, 'deployments/status'),
    allow('update', APPS, 'deployments/finalizers'),
    allow(ALL, APPS, 'replicasets'),
    allow(`${READ} update`, 'core', 'pods'),
    recordEvents(),
  ],
  'disruption-controller': [
    allow(READ, APPS, 'deployments'),
    allow(READ, APPS, 'replicasets'),
    allow(READ, 'core', 'replicationcontrollers'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'policy', 'poddisruptionbudgets/status'),
    allow('patch update', 'core', 'pods/status'),
    allow('get', '*', '*/scale'),
    recordEvents(),
  ],
  'endpoint-controller': [
    allow(READ, 'core', 'services pods'),
    allow(MANAGE, 'core', 'endpoints'),
    allow('create', 'core', 'endpoints/restricted'),
    recordEvents(),
  ],
  'endpointslice-controller': [
    allow(READ, 'core', 'services pods nodes'),
    allow('update', 'core', 'services/finalizers'),
    allow(MANAGE, DISCOVERY, 'endpointslices'),
    recordEvents(),
  ],
  'endpointslicemirroring-controller': [
    allow(READ, 'core', 'services endpoints'),
    allow('update', 'core', 'services/finalizers'),
    allow('update', 'core', 'endpoints/finalizers'),
    allow(MANAGE, DISCOVERY, 'endpointslices'),
    recordEvents(),
  ],
  'expand-controller': [
    allow(`${READ} update patch`, 'core', 'persistentvolumes'),
    allow('update patch', 'core', 'persistentvolumeclaims/status'),
    allow(READ, 'core', 'persistentvolumeclaims'),
    recordEvents(),
    allow('get', 'core', 'services'),
  ],
  'ephemeral-volume-controller': [
    allow(READ, 'core', 'pods'),
    allow('update', 'core', 'pods/finalizers'),
    allow(`${READ} create`, 'core', 'persistentvolumeclaims'),
    recordEvents(),
  ],
  'generic-garbage-collector': [allow(`${READ} patch update delete`, '*', '*'), recordEvents()],
  'horizontal-pod-autoscaler': [
    allow(READ, 'autoscaling', 'horizontalpodautoscalers'),
    allow('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    allow('get update', '*', '*/scale'),
    allow('list watch', 'core', 'pods'),
    allow('list watch', 'metrics.k8s.io', 'pods'),
    allow(READ, 'custom.metrics.k8s.io', '*'),
    allow(READ, 'external.metrics.k8s.io', '*'),
    recordEvents(),
  ],
  'job-controller': [
    allow(`${READ} update patch`, 'batch', 'jobs'),
    allow('update', 'batch', 'jobs/status'),
    allow('update', 'batch', 'jobs/finalizers'),
    allow(OWN_PODS, 'core', 'pods'),
    recordEvents(),
  ],
  'namespace-controller': [
    allow(`${READ} delete`, 'core', 'namespaces'),
    allow('update', 'core', 'namespaces/finalize namespaces/status'),
    allow(`${READ} delete deletecollection`, '*', '*'),
  ],
  'node-controller': [
    allow(`${READ} update delete patch`, 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow('patch update', 'core', 'pods/status'),
    allow(`${READ} delete`, 'core', 'pods'),
    recordEvents(),
  ],
  'persistent-volume-binder': [
    allow(`${READ} update create delete`, 'core', 'persistentvolumes'),
    allow('update', 'core', 'persistentvolumes/status'),
    allow(`${READ} update`, 'core', 'persistentvolumeclaims'),
    allow('update', 'core', 'persistentvolumeclaims/status'),
    allow(`${READ} create delete`, 'core', 'pods'),
    allow(READ, STORAGE, 'storageclasses'),
    allow('list watch', 'core', 'nodes'),
    recordEvents(),
    allow('watch', 'core', 'events'),
    allow('get', 'core', 'services'),
  ],
  'pod-garbage-collector': [
    allow('list watch delete', 'core', 'pods'),
    allow(READ, 'core', 'nodes'),
    allow('patch', 'core', 'pods/status'),
  ],
  'replicaset-controller': [
    allow(`${READ} update`, APPS, 'replicasets'),
    allow('update', APPS, 'replicasets/status'),
    allow('update', APPS, 'replicasets/finalizers'),
    allow(OWN_PODS, 'core', 'pods'),
    recordEvents(),
  ],
  'replication-controller': [
    allow(`${READ} update`, 'core', 'replicationcontrollers'),
    allow('update', 'core', 'replicationcontrollers/status'),
    allow('update', 'core', 'replicationcontrollers/finalizers'),
    allow(OWN_PODS, 'core', 'pods'),
    recordEvents(),
  ],
  'resourcequota-controller': [
    allow('list watch', '*', '*'),
    allow('update', 'core', 'resourcequotas/status'),
    recordEvents(),
  ],
  'route-controller': [
    allow('list watch', 'core', 'nodes'),
    allow('patch', 'core', 'nodes/status'),
    recordEvents(),
  ],
  'service-account-controller': [allow('create', 'core', 'serviceaccounts'), recordEvents()],
  'service-controller': [
    allow(READ, 'core', 'services'),
    allow('patch update', 'core', 'services/status'),
    allow('list watch', 'core', 'nodes'),
    recordEvents(),
  ],
  'service-cidrs-controller': [
    allow(`${READ} patch update`, NETWORKING, 'servicecidrs'),
    allow('patch update', NETWORKING, 'servicecidrs/finalizers'),
    allow('patch update', NETWORKING, 'servicecidrs/status'),
    allow(READ, NETWORKING, 'ipaddresses'),
    recordEvents(),
  ],
  'statefulset-controller': [
    allow('list watch', 'core', 'pods'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'apps', 'statefulsets/status'),
    allow('update', 'apps', 'statefulsets/finalizers'),
    allow('get create delete update patch', 'core', 'pods'),
    allow(ALL, 'apps', 'controllerrevisions'),
    allow(`${READ} create`, 'core', 'persistentvolumeclaims'),
    allow('update delete', 'core', 'persistentvolumeclaims'),
    allow('update', 'core', 'pods/finalizers'),
    recordEvents(),
  ],
  'ttl-controller': [allow('update patch list watch', 'core', 'nodes'), recordEvents()],
  'certificate-controller': [
    allow(`${READ} delete`, CERTIFICATES, 'certificatesigningrequests'),
    allow(
      'update',
      CERTIFICATES,
      'certificatesigningrequests/status certificatesigningrequests/approval',
    ),
    allow('approve', CERTIFICATES, 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    allow('sign', CERTIFICATES, 'signers', SIGNERS),
    allow('create', AUTHORIZATION, 'subjectaccessreviews'),
    recordEvents(),
  ],
  'pvc-protection-controller': [
    allow(`${READ} update`, 'core', 'persistentvolumeclaims'),
    allow(READ, 'core', 'pods'),
    recordEvents(),
  ],
  'pv-protection-controller': [
    allow(`${READ} update`, 'core', 'persistentvolumes'),
    recordEvents(),
  ],
  'ttl-after-finished-controller': [allow(`${READ} delete`, 'batch', 'jobs'), recordEvents()],
  'root-ca-cert-publisher': [allow('create update', 'core', 'configmaps'), recordEvents()],
  'validatingadmissionpolicy-status-controller': [
    allow(READ, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    allow('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
    recordEvents(),
  ],
  'legacy-service-account-token-cleaner': [
    allow('get', 'core', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'),
    allow('patch delete', 'core', 'secrets'),
  ],
  'selinux-warning-controller': [
    recordEvents(),
    allow(READ, 'core', 'persistentvolumes'),
    allow(READ, 'core', 'persistentvolumeclaims'),
    allow(READ, 'core', 'pods'),
    allow(READ, STORAGE, 'csidrivers'),
  ],
};

const PREFIX = 'system:controller:';

export const CONTROLLER_ROLES: readonly ClusterRole[] = Object.entries(RULES).map(([name, rules]) =>
  clusterRole(`${PREFIX}${name}`, rules),
);

export const CONTROLLER_ROLE_BINDINGS: readonly ClusterRoleBinding[] = Object.keys(RULES).map(
  (name) => clusterBinding(`${PREFIX}${name}`, [serviceAccount('kube-system', name)]),
);

// aggregated-roles: admin, edit and view, and the roles that they are the sum of.
//
// A person's role is found by label, so an extension that brings its own kinds adds its rules by making one more cluster role
// with the label aggregate-to-view (or edit, admin). view is part of edit, and edit of admin.
//
// Same table upstream: bootstrappolicy/policy.go (1.33).

import type { ClusterRole } from 'kubernetes-types/rbac/v1';
import {
  AUTHORIZATION,
  aggregatedRole,
  allow,
  COORDINATION,
  clusterRole,
  DISCOVERY,
  NETWORKING,
  RBAC,
  READ,
  READ_WRITE,
  WRITE,
} from './policy.ts';

const TO_ADMIN = 'rbac.authorization.k8s.io/aggregate-to-admin';
const TO_EDIT = 'rbac.authorization.k8s.io/aggregate-to-edit';
const TO_VIEW = 'rbac.authorization.k8s.io/aggregate-to-view';

const aggregateToAdmin = clusterRole(
  'system:aggregate-to-admin',
  [
    allow('create', AUTHORIZATION, 'localsubjectaccessreviews'),
    allow(READ_WRITE, RBAC, 'roles rolebindings'),
  ],
  { [TO_ADMIN]: 'true' },
);

const aggregateToEdit = clusterRole(
  'system:aggregate-to-edit',
  [
    // To read these is to act through them, so viewers may not.
    allow(READ, 'core', 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy'),
    allow('impersonate', 'core', 'serviceaccounts'),
    allow(WRITE, 'core', 'pods pods/attach pods/proxy pods/exec pods/portforward'),
    allow('create', 'core', 'pods/eviction'),
    allow(
      WRITE,
      'core',
      'replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims configmaps secrets events',
    ),
    allow('create', 'core', 'serviceaccounts/token'),
    allow(
      WRITE,
      'apps',
      'statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale',
    ),
    allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
    allow(WRITE, 'batch', 'jobs cronjobs'),
    allow(
      WRITE,
      'extensions',
      'daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale replicationcontrollers/scale networkpolicies',
    ),
    allow(WRITE, 'policy', 'poddisruptionbudgets'),
    allow(WRITE, NETWORKING, 'networkpolicies ingresses'),
    allow(READ_WRITE, COORDINATION, 'leases'),
  ],
  { [TO_EDIT]: 'true' },
);

const aggregateToView = clusterRole(
  'system:aggregate-to-view',
  [
    allow(
      READ,
      'core',
      'pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps',
    ),
    allow(
      READ,
      'core',
      'limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status replicationcontrollers/status pods/log',
    ),
    // In a namespace this means: that namespace.
    allow(READ, 'core', 'namespaces'),
    allow(READ, DISCOVERY, 'endpointslices'),
    allow(
      READ,
      'apps',
      'controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale',
    ),
    allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
    allow(READ, 'batch', 'jobs cronjobs cronjobs/status jobs/status'),
    allow(
      READ,
      'extensions',
      'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies',
    ),
    allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
    allow(READ, NETWORKING, 'networkpolicies ingresses ingresses/status'),
  ],
  { [TO_VIEW]: 'true' },
);

export const AGGREGATED_ROLES: readonly ClusterRole[] = [
  aggregatedRole('admin', TO_ADMIN),
  aggregatedRole('edit', TO_EDIT, { [TO_ADMIN]: 'true' }),
  aggregatedRole('view', TO_VIEW, { [TO_EDIT]: 'true' }),
  aggregateToAdmin,
  aggregateToEdit,
  aggregateToView,
];

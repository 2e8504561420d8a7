// apps: the resources of the group apps, v1: what keeps pods running.
//
// Same facts upstream: registry/apps/rest/storage_apps.go.

import { controllerRevisionPrinter, statefulSetPrinter } from '../../printers/apps.ts';
import {
  daemonSetPrinter,
  deploymentPrinter,
  replicaSetPrinter,
} from '../../printers/workloads.ts';
import { controllerRevisionStrategy } from '../../strategy/controller-revision.ts';
import { daemonSetStrategy } from '../../strategy/daemon-set.ts';
import { deploymentStrategy } from '../../strategy/deployment.ts';
import { replicaSetStrategy } from '../../strategy/replica-set.ts';
import { statefulSetStrategy } from '../../strategy/stateful-set.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, SCALE, status, zeroField } from './define.ts';

const apps = { group: 'apps', categories: ['all'] } as const;

export const DAEMON_SETS: ResourceDefinition = define('DaemonSet', 'daemonsets', {
  ...apps,
  shortNames: ['ds'],
  strategy: daemonSetStrategy,
  printer: daemonSetPrinter,
  subresources: [status('DaemonSet')],
});

export const DEPLOYMENTS: ResourceDefinition = define('Deployment', 'deployments', {
  ...apps,
  shortNames: ['deploy'],
  strategy: deploymentStrategy,
  printer: deploymentPrinter,
  subresources: [SCALE, status('Deployment')],
});

export const APPS_RESOURCES: readonly ResourceDefinition[] = [
  define('ControllerRevision', 'controllerrevisions', {
    group: 'apps',
    strategy: controllerRevisionStrategy,
    printer: controllerRevisionPrinter,
  }),
  DAEMON_SETS,
  DEPLOYMENTS,
  define('ReplicaSet', 'replicasets', {
    ...apps,
    shortNames: ['rs'],
    strategy: replicaSetStrategy,
    printer: replicaSetPrinter,
    subresources: [SCALE, status('ReplicaSet')],
    selectableFields: zeroField('status.replicas', '0'),
  }),
  define('StatefulSet', 'statefulsets', {
    ...apps,
    shortNames: ['sts'],
    strategy: statefulSetStrategy,
    printer: statefulSetPrinter,
    subresources: [SCALE, status('StatefulSet')],
  }),
];

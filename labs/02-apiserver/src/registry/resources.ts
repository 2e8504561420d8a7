// resources: every resource that the server offers, one declaration each.
//
// The order is that of discovery. Upstream's names, short names, categories and selectable fields; kubectl resolves what
// a person types (`po`, `deploy`, `all`) through these lines.
//
// Same idea upstream: registry/core/rest/storage_core.go and each resource's strategy.go (…SelectableFields).

import type { ReadonlyApiObject } from './api-object.ts';
import {
  ALL_VERBS,
  type ResourceDefinition,
  type SubresourceDefinition,
  type Verb,
} from './resource-definition.ts';

const STATUS_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

/** Kind, plural name, and what differs from the common case. */
function define(
  kind: string,
  resource: string,
  rest: Partial<ResourceDefinition> = {},
): ResourceDefinition {
  return {
    group: '',
    version: 'v1',
    kind,
    resource,
    singular: kind.toLowerCase(),
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    subresources: [],
    selectableFields: {},
    createOnUpdate: false,
    ...rest,
  };
}

function status(kind: string): SubresourceDefinition {
  return { name: 'status', kind, verbs: STATUS_VERBS };
}

const SCALE: SubresourceDefinition = {
  name: 'scale',
  kind: 'Scale',
  group: 'autoscaling',
  version: 'v1',
  verbs: STATUS_VERBS,
};

/** A selectable field read by its path; what is not there selects as the empty string. */
function field(path: string): (object: ReadonlyApiObject) => string {
  const parts = path.split('.');
  return (object) => {
    let value: unknown = object;
    for (const part of parts) value = (value as Record<string, unknown> | undefined)?.[part];
    return value === undefined || value === null ? '' : String(value);
  };
}

function fields(...paths: string[]): ResourceDefinition['selectableFields'] {
  return Object.fromEntries(paths.map((path) => [path, field(path)]));
}

/** Fields whose absence means zero or false select as upstream's zero values. */
function zeroField(path: string, zero: string): ResourceDefinition['selectableFields'] {
  const read = field(path);
  return { [path]: (object) => read(object) || zero };
}

const pods = define('Pod', 'pods', {
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    status('Pod'),
  ],
  selectableFields: {
    ...fields(
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ),
    ...zeroField('spec.hostNetwork', 'false'),
  },
});

const nodes = define('Node', 'nodes', {
  shortNames: ['no'],
  namespaced: false,
  subresources: [status('Node')],
  selectableFields: zeroField('spec.unschedulable', 'false'),
});

const namespaces = define('Namespace', 'namespaces', {
  shortNames: ['ns'],
  namespaced: false,
  verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
  subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }, status('Namespace')],
  selectableFields: fields('status.phase'),
});

const services = define('Service', 'services', {
  shortNames: ['svc'],
  categories: ['all'],
  subresources: [status('Service')],
  selectableFields: fields('spec.clusterIP', 'spec.type'),
  createOnUpdate: true,
});

const events = define('Event', 'events', {
  shortNames: ['ev'],
  selectableFields: {
    ...fields(
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'type',
    ),
    source: (object) => field('source.component')(object) || field('reportingComponent')(object),
  },
  createOnUpdate: true,
  ttlSeconds: 3600,
});

const replicationControllers = define('ReplicationController', 'replicationcontrollers', {
  shortNames: ['rc'],
  categories: ['all'],
  subresources: [SCALE, status('ReplicationController')],
  selectableFields: zeroField('status.replicas', '0'),
});

const apps = { group: 'apps', categories: ['all'] } as const;

export const RESOURCES: readonly ResourceDefinition[] = [
  define('Binding', 'bindings', { verbs: ['create'] }),
  define('ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  define('Endpoints', 'endpoints', { shortNames: ['ep'], createOnUpdate: true }),
  events,
  namespaces,
  nodes,
  pods,
  replicationControllers,
  define('Secret', 'secrets', { selectableFields: fields('type') }),
  define('ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] }),
  services,
  define('DaemonSet', 'daemonsets', {
    ...apps,
    shortNames: ['ds'],
    subresources: [status('DaemonSet')],
  }),
  define('Deployment', 'deployments', {
    ...apps,
    shortNames: ['deploy'],
    subresources: [SCALE, status('Deployment')],
  }),
  define('ReplicaSet', 'replicasets', {
    ...apps,
    shortNames: ['rs'],
    subresources: [SCALE, status('ReplicaSet')],
    selectableFields: zeroField('status.replicas', '0'),
  }),
  // None can be made in this step. kubectl lists them for every kind that it does not find, to tell people what is missing.
  define('CustomResourceDefinition', 'customresourcedefinitions', {
    group: 'apiextensions.k8s.io',
    namespaced: false,
    shortNames: ['crd', 'crds'],
    verbs: ['get', 'list', 'watch'],
  }),
  define('Lease', 'leases', { group: 'coordination.k8s.io', createOnUpdate: true }),
  define('EndpointSlice', 'endpointslices', { group: 'discovery.k8s.io', createOnUpdate: true }),
];

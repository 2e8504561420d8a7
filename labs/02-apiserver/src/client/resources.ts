// resources: the kinds of object that the clients of this cluster work with, each with the type of its objects.
//
// A ResourceType is a name on the wire (group, version, resource) that carries a TypeScript type along, so that
// client.get(resources.pods, …) gives a Pod. To work with another kind, write another constant.
// Same idea upstream: schema.GroupVersionResource, and the typed clients of k8s.io/client-go/kubernetes.

import type { DaemonSet, Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  Pod,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
} from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** As callers have it at hand: the namespace straight from an object's metadata. */
export type ObjectName = Pick<ObjectRef, 'name'> & { readonly namespace?: string | undefined };

/** Names a resource and carries the type of its objects. */
export interface ResourceType<T extends KubernetesObject> {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly _type?: T;
}

const core = { group: '', version: 'v1', namespaced: true };
const apps = { group: 'apps', version: 'v1', namespaced: true };

export const resources = {
  pods: { ...core, resource: 'pods', kind: 'Pod' } as ResourceType<Pod>,
  nodes: { ...core, resource: 'nodes', kind: 'Node', namespaced: false } as ResourceType<Node>,
  namespaces: {
    ...core,
    resource: 'namespaces',
    kind: 'Namespace',
    namespaced: false,
  } as ResourceType<Namespace>,
  services: { ...core, resource: 'services', kind: 'Service' } as ResourceType<Service>,
  endpoints: { ...core, resource: 'endpoints', kind: 'Endpoints' } as ResourceType<Endpoints>,
  endpointSlices: {
    group: 'discovery.k8s.io',
    version: 'v1',
    resource: 'endpointslices',
    kind: 'EndpointSlice',
    namespaced: true,
  } as ResourceType<EndpointSlice>,
  secrets: { ...core, resource: 'secrets', kind: 'Secret' } as ResourceType<Secret>,
  configMaps: { ...core, resource: 'configmaps', kind: 'ConfigMap' } as ResourceType<ConfigMap>,
  serviceAccounts: {
    ...core,
    resource: 'serviceaccounts',
    kind: 'ServiceAccount',
  } as ResourceType<ServiceAccount>,
  events: { ...core, resource: 'events', kind: 'Event' } as ResourceType<Event>,
  replicationControllers: {
    ...core,
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
  } as ResourceType<ReplicationController>,
  daemonSets: { ...apps, resource: 'daemonsets', kind: 'DaemonSet' } as ResourceType<DaemonSet>,
  replicaSets: { ...apps, resource: 'replicasets', kind: 'ReplicaSet' } as ResourceType<ReplicaSet>,
  deployments: { ...apps, resource: 'deployments', kind: 'Deployment' } as ResourceType<Deployment>,
  leases: {
    group: 'coordination.k8s.io',
    version: 'v1',
    resource: 'leases',
    kind: 'Lease',
    namespaced: true,
  } as ResourceType<Lease>,
};

/** 'v1' or 'apps/v1'. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** 'namespace/name', or 'name' of an object outside namespaces: what caches and queues know an object by. */
export function keyOf(object: KubernetesObject): string {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  if (slash < 0) return { name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

// usage: how much of a namespace's quota one object takes. Pure.
//
//   every object     1 of count/RESOURCE.GROUP, and of the old names of core kinds (configmaps, secrets, …)
//   a pod            1 of pods, and what it requests and may use, until it has come to its end
//   a claim          1, its storage, and both again under the name of its storage class
//   a service        1, and its node ports, and 1 when it has a load balancer
//
// Same rules upstream: pkg/quota/v1/evaluator/core (pods.go, persistent_volume_claims.go, services.go) and generic/evaluator.go.
// Left out: a pod that is being deleted counts until it is gone, where upstream lets it go when its grace period is over: what an object
// takes must follow from the object alone, or giving it back would not match having taken it.

import type { PersistentVolumeClaim, Pod, Service } from 'kubernetes-types/core/v1';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import { combine, count, plus, type Sum, type Sums, sumOf } from '../amounts.ts';
import { podResources } from '../pod-resources.ts';

type Kind = Pick<ResourceDefinition, 'group' | 'resource'>;

/** Kinds that had names of their own before `count/` was there. */
const OLD_NAMES: readonly string[] = [
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
];
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const NATIVE = ['cpu', 'memory', 'ephemeral-storage'];

export function countName({ group, resource }: Kind): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`;
}

/** The resource that a quota's name is about; undefined for names that mean nothing here. */
export function kindOfName(name: string): Kind | undefined {
  if (name.startsWith('count/')) {
    const [resource = '', ...group] = name.slice('count/'.length).split('.');
    return { group: group.join('.'), resource };
  }
  if (OLD_NAMES.includes(name)) return { group: '', resource: name };
  if (name.startsWith('services.')) return { group: '', resource: 'services' };
  const isStorage = name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/');
  return { group: '', resource: isStorage ? 'persistentvolumeclaims' : 'pods' };
}

export function usageOf(kind: Kind, object: ReadonlyApiObject): Sums {
  const own = new Map<string, Sum>([[countName(kind), count(1)]]);
  if (kind.group !== '') return own;
  if (OLD_NAMES.includes(kind.resource)) own.set(kind.resource, count(1));
  switch (kind.resource) {
    case 'pods':
      return new Map([...own, ...podUsage(object as unknown as Pod)]);
    case 'services':
      return new Map([...own, ...serviceUsage(object as unknown as Service)]);
    case 'persistentvolumeclaims':
      return new Map([...own, ...claimUsage(object as unknown as PersistentVolumeClaim)]);
    default:
      return own;
  }
}

function podUsage({ spec, status }: Pod): Sums {
  if (spec === undefined || status?.phase === 'Failed' || status?.phase === 'Succeeded') {
    return new Map();
  }
  const lists = [podResources(spec, 'requests'), podResources(spec, 'limits')] as const;
  return new Map([['pods', count(1)], ...computeNames(...lists)]);
}

/** Under the names that quotas have for them. */
export function computeNames(requests: Sums, limits: Sums): Sums {
  const all = new Map<string, Sum>();
  for (const [name, sum] of requests) {
    if (NATIVE.includes(name) || name.startsWith('hugepages-')) all.set(name, sum);
    all.set(`requests.${name}`, sum);
  }
  for (const name of NATIVE) {
    const limit = limits.get(name);
    if (limit !== undefined) all.set(`limits.${name}`, limit);
  }
  return all;
}

function serviceUsage({ spec }: Service): Sums {
  const ports = spec?.ports ?? [];
  const usage = new Map<string, Sum>();
  const isBalanced = spec?.type === 'LoadBalancer';
  if (isBalanced) usage.set('services.loadbalancers', count(1));
  if (spec?.type === 'NodePort' || isBalanced) {
    const allocates = !isBalanced || spec.allocateLoadBalancerNodePorts !== false;
    const taken = allocates ? ports : ports.filter(({ nodePort = 0 }) => nodePort !== 0);
    usage.set('services.nodeports', count(taken.length));
  }
  return usage;
}

function claimUsage({ metadata, spec }: PersistentVolumeClaim): Sums {
  const storage = spec?.resources?.requests?.storage;
  const asked: [string, Sum][] =
    storage === undefined ? [] : [['requests.storage', sumOf(storage)]];
  const className = metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';
  const own: [string, Sum][] = [['persistentvolumeclaims', count(1)], ...asked];
  if (className === '') return new Map(own);
  const prefix = `${className}.storageclass.storage.k8s.io/`;
  return combine([new Map(own), new Map(own.map(([name, sum]) => [prefix + name, sum]))], plus);
}

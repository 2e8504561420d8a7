// Endpoints: the addresses behind a service in one object, the form of 1.1 that many still read.
//
//   plan()        the Endpoints that a service should have
//   reconcile()   create, update or delete the object of the service's name
//
// Ready and not ready addresses that share a set of ports share a subset. A service without a selector is left alone; the
// object goes when its service goes.
//
// Upstream: kubernetes, pkg/controller/endpoint. Left out: the cut at 1,000 addresses, last-change-trigger-time.

import { ApiError, resources } from '@kube-labs/apiserver';
import type {
  EndpointAddress,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  onAnyChange,
  queueController,
} from './controller.ts';
import { canonicalJson, joinKey, meta, refOf, sameData } from './meta.ts';
import {
  type Backend,
  backendsOf,
  HEADLESS_LABEL,
  isHeadless,
  isSelecting,
  watchBackends,
} from './service-backends.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';

export type EndpointsPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'create' | 'update'; readonly endpoints: Endpoints }
  | { readonly kind: 'delete'; readonly endpoints: Endpoints };

/** `pods` are those of the service's namespace; `current` is the object of the service's name. */
export function plan(
  service: Service | undefined,
  pods: readonly Pod[],
  current: Endpoints | undefined,
): EndpointsPlan {
  if (service === undefined) {
    return current === undefined ? { kind: 'none' } : { kind: 'delete', endpoints: current };
  }
  if (!isSelecting(service)) return { kind: 'none' };
  const { name, namespace, labels: own = {} } = meta(service);
  const labels: Record<string, string> = { ...own, [MANAGED_BY]: MANAGER };
  if (isHeadless(service)) labels[HEADLESS_LABEL] = '';
  const subsets = subsetsOf(service, backendsOf(service, pods));
  if (current === undefined) {
    return { kind: 'create', endpoints: { metadata: { name, namespace, labels }, subsets } };
  }
  const same =
    sameData(current.subsets ?? [], subsets) && sameData(current.metadata?.labels ?? {}, labels);
  if (same) return { kind: 'none' };
  const endpoints = { ...current, metadata: { ...current.metadata, labels }, subsets };
  return { kind: 'update', endpoints };
}

function subsetsOf(service: Service, backends: readonly Backend[]): EndpointSubset[] {
  const portless = (service.spec?.ports ?? []).length === 0;
  const groups = new Map<string, { backend: Backend; all: Backend[] }>();
  for (const backend of backends) {
    if (backend.terminating && !backend.ready) continue;
    if (backend.ports.length === 0 && !portless) continue;
    const id = canonicalJson(backend.ports);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { backend, all: [backend] });
    else group.all.push(backend);
  }
  return [...groups.values()].map(({ backend, all }): EndpointSubset => {
    const addresses = all.filter(({ ready }) => ready).map(addressOf);
    const notReadyAddresses = all.filter(({ ready }) => !ready).map(addressOf);
    const ports = backend.ports.map(({ name, ...port }) => ({
      ...(name === '' ? {} : { name }),
      ...port,
    }));
    return {
      ...(addresses.length === 0 ? {} : { addresses }),
      ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
      ...(ports.length === 0 ? {} : { ports }),
    };
  });
}

function addressOf({ pod, address, hostname }: Backend): EndpointAddress {
  const { name, namespace, uid } = meta(pod);
  const nodeName = pod.spec?.nodeName;
  return {
    ip: address,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

export function endpointsController(context: ControllerContext): Controller {
  const { client, informers, options } = context;
  const services = informers.of(resources.services);
  const pods = informers.of(resources.pods);
  const endpoints = informers.of(resources.endpoints);
  const queue = newQueue(context, 'endpoints-controller');
  watchBackends(services, pods, queue);
  // What we made is looked at again when it changes, and at the start, when its service may be gone.
  onAnyChange(endpoints, (object) => {
    const { name, namespace, labels } = meta(object);
    if (labels?.[MANAGED_BY] === MANAGER) queue.add(joinKey(namespace, name));
  });
  return queueController(context, {
    name: 'endpoints-controller',
    queue,
    informers: [services, pods, endpoints],
    workers: options.concurrentSyncs.endpoint,
    async reconcile(key, signal) {
      const service = services.get(key);
      const candidates = service === undefined ? [] : pods.list(meta(service).namespace);
      const next = plan(service, candidates, endpoints.get(key));
      switch (next.kind) {
        case 'none':
          return;
        case 'create':
          await client.create(resources.endpoints, next.endpoints, signal);
          return;
        case 'update':
          await client.update(resources.endpoints, next.endpoints, signal);
          return;
        case 'delete':
          await client
            .delete(
              resources.endpoints,
              refOf(next.endpoints),
              { uid: meta(next.endpoints).uid },
              signal,
            )
            .catch((error: unknown) => {
              if (!ApiError.is(error, 'NotFound')) throw error;
            });
          return;
        default:
          next satisfies never;
      }
    },
  });
}

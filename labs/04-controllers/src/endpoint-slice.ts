// EndpointSlice: the addresses behind a service in pieces of at most 100, so that one Pod's change sends one piece.
//
//   plan()        which slices to create, update and delete
//   reconcile()   do it in that order: update, create, delete
//
// A backend stays in the slice that it is in; new ones fill slices that have room. All of a slice answer on the same ports.
// Names are made from the service, the ports and a number, and the smallest free number is taken; so with a cache that is behind
// the same name comes out again, is refused, and nothing is ever made twice. A service whose Pods are all gone keeps one
// empty slice. A slice goes with its service, which owns it: see garbage-collector.ts.
//
// Upstream: kubernetes, staging/src/k8s.io/endpointslice/reconciler.go. Left out: zones and hints, IPv6, mirroring of Endpoints.

import { ApiError, resources } from '@kube-labs/apiserver';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  onAnyChange,
  queueController,
} from './controller.ts';
import { controllerRefTo } from './controller-ref.ts';
import { canonicalJson, isBeingDeleted, joinKey, meta, refOf, sameData } from './meta.ts';
import { safeHash } from './pod-template.ts';
import {
  type Backend,
  type BackendPort,
  backendsOf,
  HEADLESS_LABEL,
  isHeadless,
  isSelecting,
  watchBackends,
} from './service-backends.ts';
import { BY_SERVICE } from './shared-informers.ts';

export const ENDPOINTS_PER_SLICE_MAX = 100;
const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';

export interface SlicePlan {
  readonly update: readonly EndpointSlice[];
  readonly create: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** `pods` are those of the service's namespace; `current` are the slices that this controller made for the service. */
export function plan(
  service: Service,
  pods: readonly Pod[],
  current: readonly EndpointSlice[],
): SlicePlan {
  const groups = new Map<string, Backend[]>();
  for (const backend of backendsOf(service, pods)) {
    const id = canonicalJson(backend.ports);
    groups.set(id, [...(groups.get(id) ?? []), backend]);
  }
  const result = { update: [] as EndpointSlice[], create: [] as EndpointSlice[] };
  const kept = new Set<EndpointSlice>();
  if (groups.size === 0) groups.set(canonicalJson([]), []);
  for (const [id, backends] of groups) {
    const ports = backends[0]?.ports ?? [];
    const slices = current.filter((slice) => canonicalJson(portsOf(slice)) === id);
    const names = new Set(current.map((slice) => meta(slice).name));
    for (const { slice, endpoints } of distribute(backends, slices)) {
      if (slice !== undefined) kept.add(slice);
      const wanted = sliceOf(
        service,
        ports,
        endpoints,
        slice ?? { name: freeName(service, id, names) },
      );
      if (slice === undefined) result.create.push(wanted);
      else if (!sameSlice(slice, wanted)) result.update.push(wanted);
    }
  }
  return { ...result, delete: current.filter((slice) => !kept.has(slice)) };
}

interface Share {
  readonly slice?: EndpointSlice;
  readonly endpoints: Endpoint[];
}

/** Every backend into exactly one slice: its old one, else one with room, else a new one. */
function distribute(
  backends: readonly Backend[],
  slices: readonly EndpointSlice[],
): readonly Share[] {
  const byUid = new Map(backends.map((backend) => [meta(backend.pod).uid, backend]));
  const shares: Share[] = slices.map((slice) => {
    const endpoints = (slice.endpoints ?? []).flatMap(({ targetRef }) => {
      const backend = byUid.get(targetRef?.uid ?? '');
      if (backend === undefined) return [];
      byUid.delete(meta(backend.pod).uid);
      return [endpointOf(backend)];
    });
    return { slice, endpoints };
  });
  // Nearly full ones first, so that the others may run empty.
  const roomy = [...shares].sort((a, b) => b.endpoints.length - a.endpoints.length);
  for (const backend of byUid.values()) {
    let share = roomy.find(({ endpoints }) => endpoints.length < ENDPOINTS_PER_SLICE_MAX);
    if (share === undefined) {
      share = { endpoints: [] };
      roomy.push(share);
      shares.push(share);
    }
    share.endpoints.push(endpointOf(backend));
  }
  const filled = shares.filter(({ endpoints }) => endpoints.length > 0);
  if (filled.length > 0 || backends.length > 0) return filled;
  return [shares[0] ?? { endpoints: [] }];
}

function endpointOf({ pod, address, ready, serving, terminating, hostname }: Backend): Endpoint {
  const { name, namespace, uid } = meta(pod);
  const nodeName = pod.spec?.nodeName;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function sliceOf(
  service: Service,
  ports: readonly BackendPort[],
  endpoints: Endpoint[],
  target: EndpointSlice | { readonly name: string },
): EndpointSlice {
  const { name, namespace, labels: own } = meta(service);
  const labels = {
    ...own,
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
    [SERVICE_NAME]: name,
    [MANAGED_BY]: MANAGER,
  };
  const metadata =
    'name' in target
      ? {
          name: target.name,
          namespace,
          ownerReferences: [controllerRefTo(service, resources.services)],
        }
      : target.metadata;
  const contents = { addressType: 'IPv4', endpoints, ports: ports.map((port) => ({ ...port })) };
  return { ...('name' in target ? {} : target), ...contents, metadata: { ...metadata, labels } };
}

function sameSlice(before: EndpointSlice, after: EndpointSlice): boolean {
  const essence = (slice: EndpointSlice) => [slice.endpoints ?? [], meta(slice).labels ?? {}];
  return sameData(essence(before), essence(after));
}

function portsOf({ ports }: EndpointSlice): readonly EndpointPort[] {
  return (ports ?? []).map(({ name = '', protocol = 'TCP', ...rest }) => ({
    name,
    protocol,
    ...rest,
  }));
}

function freeName(service: Service, portsId: string, names: Set<string>): string {
  const { name, uid } = meta(service);
  for (let number = 0; ; number++) {
    const candidate = `${name}-${safeHash(`${uid}/${portsId}/${number}`)}`;
    if (names.has(candidate)) continue;
    names.add(candidate);
    return candidate;
  }
}

export function endpointSliceController(context: ControllerContext): Controller {
  const { client, informers, options } = context;
  const services = informers.of(resources.services);
  const pods = informers.of(resources.pods);
  const slices = informers.of(resources.endpointSlices);
  const queue = newQueue(context, 'endpointslice-controller');
  watchBackends(services, pods, queue);
  onAnyChange(slices, ({ metadata: { labels, namespace } = {} }) => {
    const service = labels?.[SERVICE_NAME];
    if (service !== undefined && labels?.[MANAGED_BY] === MANAGER)
      queue.add(joinKey(namespace, service));
  });
  return queueController(context, {
    name: 'endpointslice-controller',
    queue,
    informers: [services, pods, slices],
    workers: options.concurrentSyncs['service-endpoint'],
    async reconcile(key, signal) {
      const service = services.get(key);
      if (service === undefined || isBeingDeleted(service) || !isSelecting(service)) return;
      const ours = slices
        .byIndex(BY_SERVICE, key)
        .filter((slice) => meta(slice).labels?.[MANAGED_BY] === MANAGER && !isBeingDeleted(slice));
      const next = plan(service, pods.list(meta(service).namespace), ours);
      for (const slice of next.update) await client.update(resources.endpointSlices, slice, signal);
      for (const slice of next.create) await client.create(resources.endpointSlices, slice, signal);
      for (const slice of next.delete) {
        const { uid } = meta(slice);
        await client
          .delete(resources.endpointSlices, refOf(slice), { uid }, signal)
          .catch((error: unknown) => {
            if (!ApiError.is(error, 'NotFound')) throw error;
          });
      }
    },
  });
}

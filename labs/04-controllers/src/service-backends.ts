// ServiceBackends: the Pods behind a service, as both endpoints and endpoint slices want to know them.
//
// Every Pod that the selector matches, has an address and has not finished is a backend; whether traffic may go there is
// said beside it. A named target port is looked up in each Pod, so two Pods of one service may answer on different ports.
//
// Upstream: kubernetes, staging/src/k8s.io/endpointslice/utils.go and pkg/api/v1/pod/util.go (FindPort).

import { type Informer, keyOf, matchesLabels, type WorkQueue } from '@kube-labs/apiserver';
import type { Pod, Service, ServicePort } from 'kubernetes-types/core/v1';
import { onAnyChange } from './controller.ts';
import { isBeingDeleted, meta } from './meta.ts';
import { isPodFinished, isPodReady } from './pod-state.ts';

export const HEADLESS_LABEL = 'service.kubernetes.io/headless';

export interface BackendPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

export interface Backend {
  readonly pod: Pod;
  readonly address: string;
  /** Answers, whether or not it is about to stop. */
  readonly serving: boolean;
  readonly terminating: boolean;
  /** New connections may go there. */
  readonly ready: boolean;
  readonly ports: readonly BackendPort[];
  /** The name in DNS that the Pod asks for, when this service is its subdomain. */
  readonly hostname?: string;
}

/** Sorted by address. `pods` are those of the service's namespace. */
export function backendsOf(service: Service, pods: readonly Pod[]): readonly Backend[] {
  const { selector, publishNotReadyAddresses = false } = service.spec ?? {};
  const backends = pods.flatMap((pod): Backend[] => {
    const address = pod.status?.podIP ?? '';
    if (address === '' || isPodFinished(pod)) return [];
    if (!matchesLabels(selector, pod.metadata?.labels)) return [];
    const serving = isPodReady(pod);
    const terminating = isBeingDeleted(pod);
    const ready = publishNotReadyAddresses || (serving && !terminating);
    const { hostname = '', subdomain } = pod.spec ?? {};
    const named = hostname !== '' && subdomain === meta(service).name;
    const ports = portsOf(service, pod);
    return [{ pod, address, serving, terminating, ready, ports, ...(named ? { hostname } : {}) }];
  });
  return backends.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** The controllers fill in only services that select Pods; others belong to whoever made them. */
export function isSelecting(service: Service): boolean {
  const { selector, type } = service.spec ?? {};
  return type !== 'ExternalName' && Object.keys(selector ?? {}).length > 0;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** A port whose name the Pod does not know is left out. */
function portsOf(service: Service, pod: Pod): readonly BackendPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort): BackendPort[] => {
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    const port = targetPortOf(servicePort, pod);
    if (port === undefined) return [];
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPortOf(servicePort: ServicePort, pod: Pod): number | undefined {
  const { targetPort, protocol = 'TCP' } = servicePort;
  if (typeof targetPort === 'number') return targetPort === 0 ? servicePort.port : targetPort;
  if (targetPort === undefined || targetPort === '') return servicePort.port;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .find((port) => port.name === targetPort && (port.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}

/** Queues the key of every service that a change of a service or of a Pod concerns. */
export function watchBackends(
  services: Informer<Service>,
  pods: Informer<Pod>,
  queue: WorkQueue,
): void {
  onAnyChange(services, (service) => queue.add(keyOf(service)));
  onAnyChange(pods, (pod) => {
    const { namespace, labels } = meta(pod);
    for (const service of services.list(namespace)) {
      const concerned = isSelecting(service) && matchesLabels(service.spec?.selector, labels);
      if (concerned) queue.add(keyOf(service));
    }
  });
}

// InformerSource: the cluster's names from the local copies of Services and EndpointSlices.
//
// Every lookup is one step in an index, and needs no API server: names go on resolving while it is away, with what was
// last known. Same idea upstream: coredns, plugin/kubernetes/controller.go.

import type { Informer } from '@kube-labs/apiserver';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { serviceKeyOf } from '../service-map.ts';
import type { DnsSource } from './cluster-records.ts';

export const serviceIndexers = {
  clusterIP: (service: Service) => [service.spec?.clusterIP ?? ''],
};

export const sliceIndexers = {
  service: (slice: EndpointSlice) => [serviceKeyOf(slice) ?? ''],
  address: (slice: EndpointSlice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses),
};

/** The informers must have the indexers above. */
export class InformerSource implements DnsSource {
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;

  constructor(services: Informer<Service>, slices: Informer<EndpointSlice>) {
    this.#services = services;
    this.#slices = slices;
  }

  get ready(): boolean {
    return this.#services.hasSynced && this.#slices.hasSynced;
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  slices(key: string): readonly EndpointSlice[] {
    return this.#slices.byIndex('service', key);
  }

  hasNamespace(namespace: string): boolean {
    return this.#services.list(namespace).length > 0;
  }

  servicesByIP(ip: string): readonly Service[] {
    return this.#services.byIndex('clusterIP', ip);
  }

  slicesByIP(ip: string): readonly EndpointSlice[] {
    return this.#slices.byIndex('address', ip);
  }
}

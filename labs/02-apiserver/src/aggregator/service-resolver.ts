// service-resolver: where the server behind an APIService listens: an address and a port of its service's endpoints.
//
// Pure decision over what the caches hold. The port is the one that the APIService names, found in the service and then, by its name,
// in the EndpointSlices; among several addresses the caller chooses. A service of type ExternalName is its own address.
//
// What can be wrong is said with the reasons and words of the Available condition.
// Same idea upstream: kube-aggregator, pkg/apiserver/resolvers.go (the endpoint routing of --enable-aggregator-routing) and
// pkg/controllers/status/remote.

import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { ServiceReference } from '../strategy/api-service-types.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Resolution =
  | { readonly kind: 'addresses'; readonly addresses: readonly Address[] }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly message: string };

const DEFAULT_PORT = 443;

export function resolveService(
  { namespace = '', name = '', port: wanted = DEFAULT_PORT }: ServiceReference,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Resolution {
  const what = `service/${name} in ${JSON.stringify(namespace)}`;
  const { type = 'ClusterIP', externalName = '', ports = [] } = service?.spec ?? {};
  if (service === undefined) return unavailable('ServiceNotFound', `${what} is not present`);
  if (type === 'ExternalName') {
    return { kind: 'addresses', addresses: [{ host: externalName, port: wanted }] };
  }
  const found = ports.find(({ port }) => port === wanted);
  if (found === undefined) {
    return unavailable('ServicePortError', `${what} is not listening on port ${wanted}`);
  }
  if (slices.length === 0) {
    return unavailable('EndpointsNotFound', `cannot find endpointslices for ${what}`);
  }
  const addresses = slices.flatMap((slice) => addressesIn(slice, found.name ?? ''));
  if (addresses.length > 0) return { kind: 'addresses', addresses };
  const portName = JSON.stringify(found.name ?? '');
  const message = `endpointslices for ${what} have no addresses with port name ${portName}`;
  return unavailable('MissingEndpoints', message);
}

function addressesIn({ endpoints = [], ports = [] }: EndpointSlice, portName: string): Address[] {
  const port = ports.find(({ name = '' }) => name === portName)?.port;
  if (port === undefined) return [];
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.map((host) => ({ host, port })));
}

function unavailable(reason: string, message: string): Resolution {
  return { kind: 'unavailable', reason, message };
}

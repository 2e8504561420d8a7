// Objects for the tests: Services and EndpointSlices with only what a row of a table wants to say.

import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';

export function service(key: string, spec: ServiceSpec): Service {
  const [namespace = '', name = ''] = key.split('/');
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec };
}

export function slice(
  key: string,
  endpoints: readonly Endpoint[],
  ports: NonNullable<EndpointSlice['ports']> = [{ name: '', port: 8080, protocol: 'TCP' }],
): EndpointSlice {
  const [namespace = '', name = ''] = key.split('/');
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports,
  };
}

export function ready(ip: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready: true, serving: true, terminating: false },
    ...more,
  };
}

export function notReady(ip: string): Endpoint {
  return { addresses: [ip], conditions: { ready: false, serving: false, terminating: false } };
}

export function terminating(ip: string): Endpoint {
  return { addresses: [ip], conditions: { ready: false, serving: true, terminating: true } };
}

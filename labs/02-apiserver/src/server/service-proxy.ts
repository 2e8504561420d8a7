// service-proxy: services/NAME/proxy: HTTP to one of the pods behind a service, through the API server.
//
// NAME is `name`, `name:port` or `scheme:name:port`; the port is one of the service's, by number or by name. One of the ready endpoints is
// taken at random. Only an endpoint that is a pod, with an address that the pod really has, is reached: whoever may write EndpointSlices
// cannot lead the server elsewhere.
//
// Same rules upstream: registry/core/service/storage/storage.go (ResourceLocation), there by Endpoints.

import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { serviceUnavailable } from '../api-error.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { collectionPrefix, objectKey } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { type ProxyTarget, splitSchemeNamePort, targetAt } from './proxy-target.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';

export async function serviceTarget(
  { info, registry }: StoredContext,
  { table }: Pick<HandlerEnv, 'table'>,
): Promise<ProxyTarget> {
  const id = info.name ?? '';
  const { scheme, name, port } = splitSchemeNamePort('service', id);
  const { namespace = '' } = info;
  const service = (await registry.get({ name, namespace })).object as Service;
  const portName = portNameOf(service, port);
  const { storage, definition } = table.registry('discovery.k8s.io', 'endpointslices');
  const prefix = collectionPrefix(definition, namespace);
  const slices = storage.cache
    .list()
    .filter(({ key, object }) => key.startsWith(prefix) && isSliceOf(object, name))
    .map(({ object }) => object as EndpointSlice);
  if (!slices.some(({ endpoints }) => (endpoints ?? []).length > 0)) {
    throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  }
  const found = shuffled(addressesOf(slices, portName)).find(({ endpoint, address }) =>
    isAddressOfPod(endpoint, address, { table, namespace }),
  );
  if (found === undefined) {
    throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
  }
  return targetAt({ scheme }, found.address, String(found.port));
}

/** Endpoints know ports by name; a number is one of the service's own. */
function portNameOf({ metadata, spec }: Service, port: string): string {
  if (!/^\d+$/.test(port)) return port;
  const declared = spec?.ports?.find((one) => one.port === Number(port));
  if (declared !== undefined) return declared.name ?? '';
  const name = JSON.stringify(metadata?.name ?? '');
  throw serviceUnavailable(`no service port ${Number(port)} found for service ${name}`);
}

function isSliceOf({ metadata }: ReadonlyApiObject, service: string): boolean {
  return metadata.labels?.[SERVICE_NAME] === service;
}

interface FoundEndpoint {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly port: number;
}

function addressesOf(slices: readonly EndpointSlice[], portName: string): FoundEndpoint[] {
  return slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name }) => (name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap((endpoint) =>
        endpoint.addresses.map((address) => ({ endpoint, address, port: Number(port) })),
      );
  });
}

function isAddressOfPod(
  { targetRef }: Endpoint,
  address: string,
  { table, namespace }: { readonly table: ResourceTable; readonly namespace: string },
): boolean {
  if (targetRef?.name === undefined || (targetRef.namespace ?? namespace) !== namespace)
    return false;
  const { storage, definition } = table.registry('', 'pods');
  const stored = storage.cache.get(objectKey(definition, { namespace, name: targetRef.name }));
  const status = (stored?.object as Pod | undefined)?.status;
  return status?.podIP === address || (status?.podIPs ?? []).some(({ ip }) => ip === address);
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item);
}

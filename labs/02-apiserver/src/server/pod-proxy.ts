// pod-proxy: pods/NAME/proxy: HTTP to a pod, through the API server.
//
// NAME is `name`, `name:port` or `scheme:name:port`; without a port it is the first one that a container declares.
//
// Same rules upstream: registry/core/pod/strategy.go (ResourceLocation) and rest/subresources.go (ProxyREST).

import type { Pod } from 'kubernetes-types/core/v1';
import { badRequest } from '../api-error.ts';
import type { StoredContext } from './handler.ts';
import { type ProxyTarget, splitSchemeNamePort, targetAt } from './proxy-target.ts';

export async function podTarget({ info, registry }: StoredContext): Promise<ProxyTarget> {
  const { scheme, name, port } = splitSchemeNamePort('pod', info.name ?? '');
  const ref = info.namespace === undefined ? { name } : { name, namespace: info.namespace };
  const { spec, status } = (await registry.get(ref)).object as Pod;
  const declared = spec?.containers.find(({ ports = [] }) => ports.length > 0)?.ports?.[0];
  const address = status?.podIP ?? status?.podIPs?.[0]?.ip ?? '';
  if (address === '') throw badRequest('address not allowed');
  return targetAt({ scheme }, address, port === '' ? String(declared?.containerPort ?? '') : port);
}

// node-proxy: nodes/NAME/proxy: HTTP to a kubelet, or to another port of its node, through the API server.
//
// Without a port, and with the kubelet's, the server proves itself to the kubelet as for logs. Any other port is reached like a pod's.
//
// Same rules upstream: registry/core/node/strategy.go (ResourceLocation) and rest/proxy.go.

import type { HandlerEnv, StoredContext } from './handler.ts';
import { type ProxyTarget, splitSchemeNamePort, targetAt } from './proxy-target.ts';

export async function nodeTarget(
  { info }: StoredContext,
  { kubelets }: Pick<HandlerEnv, 'kubelets'>,
): Promise<ProxyTarget> {
  const { scheme, name, port } = splitSchemeNamePort('node', info.name ?? '');
  const { connections } = kubelets;
  const kubelet = await connections.addressOf(name);
  if (port === '' || port === String(kubelet.port)) {
    return { scheme: 'https', ...kubelet, credentials: connections.credentials };
  }
  return targetAt({ scheme }, kubelet.host, port);
}

// proxy-subresource: the declaration of `proxy` under pods, services and nodes: all methods, any path behind it, upgrades too.
//
// Where a request goes is what differs, so that is what each brings along.
//
// Same idea upstream: registry/core/{pod,service,node}/rest (ProxyREST).

import { connect } from 'node:net';
import type { SubresourceDefinition } from '../registry/resource-definition.ts';
import { admitConnect } from './connect-admission.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import type { Dial, ProxyTarget } from './proxy-target.ts';
import { type ProxyRoute, proxyRequest, proxyUpgrade } from './upgrade-proxy.ts';

export type FindTarget = (context: StoredContext, env: HandlerEnv) => Promise<ProxyTarget>;

const KEEP_ALIVE_MS = 30_000;

const dialDirectly: Dial = ({ host, port }) =>
  connect({ host, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });

/** @param kind of the options, as discovery names them: PodProxyOptions, … */
export function proxySubresource(kind: string, find: FindTarget): SubresourceDefinition {
  const route = async (context: StoredContext, env: HandlerEnv): Promise<ProxyRoute> => {
    await admitConnect(context, env);
    return { target: await find(context, env), dial: env.dial ?? dialDirectly };
  };
  return {
    name: 'proxy',
    kind,
    verbs: ['create', 'delete', 'get', 'patch', 'update'],
    hasRest: true,
    longRunning: true,
    handle: async (context, env) => proxyRequest(context, await route(context, env)),
    connect: async (context, upgrade, env) =>
      proxyUpgrade(context, upgrade, await route(context, env)),
  };
}

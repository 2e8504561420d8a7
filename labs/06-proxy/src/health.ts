// startProxyHealth: tells whether this node's rules follow the cluster.
//
// Healthy means that no change waits longer than the timeout for its way into the kernel. A load balancer in front of the
// node ports asks here before it sends anybody. /livez is the same without the node's own state; /metrics beside them.
// Same idea upstream: pkg/proxy/healthcheck/proxier_health.go, whose JSON this is (lastError is ours; upstream
// serves /metrics on a port of its own, 10249).
// Left out here: health check node ports of services, the node's deletion.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@kube-labs/apiserver';
import type { SyncState } from './proxier.ts';

export interface ProxyHealthOptions {
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  state(): SyncState;
  /** Cluster DNS answers, or there is none to answer. */
  dnsReady(): boolean;
  metrics(): Promise<string>;
}

export interface Health {
  readonly healthy: boolean;
  readonly lastUpdated: number | undefined;
  readonly lastError: string | undefined;
}

/** Never synced is not healthy; waiting is, for a while. */
export function healthOf(state: SyncState, nowMs: number, timeoutMs: number): Health {
  const { lastSyncedAt, pendingSince, lastError } = state;
  const late = pendingSince !== undefined && nowMs - pendingSince >= timeoutMs;
  // Up to date is as of now; with a change waiting, as of the last sync.
  const lastUpdated =
    pendingSince === undefined && lastSyncedAt !== undefined ? nowMs : lastSyncedAt;
  return { healthy: lastSyncedAt !== undefined && !late, lastUpdated, lastError };
}

export async function startProxyHealth(
  options: ProxyHealthOptions,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    answer(path, options, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const where = `${options.address}:${options.port}`;
      reject(new Error(`Cannot listen on --healthz-bind-address ${where}`, { cause: error }));
    });
    server.listen(options.port, options.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  path: string,
  options: ProxyHealthOptions,
  response: ServerResponse,
): Promise<void> {
  if (path === '/metrics') {
    const text = await options.metrics();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(text);
    return;
  }
  if (path !== '/healthz' && path !== '/livez' && path !== '/readyz') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    return;
  }
  const now = options.clock.now();
  const health = healthOf(options.state(), now, options.timeoutMs);
  const good = health.healthy && (path !== '/readyz' || options.dnsReady());
  response.writeHead(good ? 200 : 503, {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
  });
  const body = {
    lastUpdated: new Date(health.lastUpdated ?? 0).toISOString(),
    currentTime: new Date(now).toISOString(),
    nodeEligible: true,
    ...(health.lastError === undefined ? {} : { lastError: health.lastError }),
  };
  response.end(`${JSON.stringify(body)}\n`);
}

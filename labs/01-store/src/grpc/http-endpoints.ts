// What the client's port answers to plain HTTP: /health, /version, /metrics, and /healthz with its kin.
//
// /health is etcd's: can the store be read, and is there no alarm? It is what load balancers and kubeadm ask.
// Upstream: etcd, etcdserver/api/etcdhttp/metrics.go and base.go.
// Left out: the v2 API, the gRPC gateway (JSON under /v3), /debug.
import type { RequestListener, ServerResponse } from 'node:http';
import { healthListener } from '../component/health-server.ts';
import type { KeyValueStore } from '../kv.ts';
import type { Maintenance } from '../maintenance.ts';

export interface HttpEndpointsOptions {
  readonly store: KeyValueStore;
  readonly maintenance: Maintenance;
  readonly metrics: () => Promise<string>;
}

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

export function httpEndpoints(options: HttpEndpointsOptions): RequestListener {
  const { store, metrics } = options;
  const others = healthListener({ checks: { store: () => assertHealthy(options) }, metrics });
  return (request, response) => {
    const [path] = (request.url ?? '/').split('?', 1);
    if (path !== '/health' && path !== '/version') {
      others(request, response);
      return;
    }
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      send(response, { status: 405, type: TEXT_TYPE, body: 'Method Not Allowed\n' });
      return;
    }
    const answer = path === '/health' ? health(options) : version(store);
    answer.then(
      (body) => send(response, body),
      (error: Error) => send(response, { status: 500, type: TEXT_TYPE, body: error.message }),
    );
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function health(options: HttpEndpointsOptions): Promise<Answer> {
  const isHealthy = await assertHealthy(options).then(
    () => true,
    () => false,
  );
  const body = JSON.stringify({ health: String(isHealthy) });
  return { status: isHealthy ? 200 : 503, type: TEXT_TYPE, body };
}

async function version(store: KeyValueStore): Promise<Answer> {
  const { version: etcdserver } = await store.status();
  const etcdcluster = etcdserver.replace(/\.\d+$/, '.0');
  return { status: 200, type: JSON_TYPE, body: JSON.stringify({ etcdserver, etcdcluster }) };
}

async function assertHealthy({ store, maintenance }: HttpEndpointsOptions): Promise<void> {
  const [alarm] = await maintenance.alarms();
  if (alarm !== undefined) throw new Error(`alarm ${alarm}`);
  await store.range({ key: 'health', countOnly: true });
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

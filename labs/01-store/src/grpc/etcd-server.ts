// EtcdServer: a store served as etcd serves its own: all services, on all ports, to whoever may.
//
//   port → HTTP/2 → GrpcServer → guard → services → store
//        → HTTP/1.1 → /health, /version, /metrics, /healthz
// Rules of use: the store and the users belong to the caller, who closes them afterwards. Disposing stops listening, ends watches with
// "server stopped", and lets other calls finish.
// Upstream: etcd, embed/etcd.go and embed/serve.go.
import { createServer, type Server } from 'node:http';
import type { TlsOptions } from 'node:tls';
import { authService } from '../auth/auth-service.ts';
import type { AuthStore } from '../auth/auth-store.ts';
import { credentialsOf, guardKv, guardLease, guardMaintenance } from '../auth/guard.ts';
import type { Logger } from '../component/logger.ts';
import type { Maintenance } from '../maintenance.ts';
import { logCalls } from './call-log.ts';
import { clusterService, type MemberOptions } from './cluster-service.ts';
import { httpEndpoints } from './http-endpoints.ts';
import type { Identity } from './identity.ts';
import { keepAlive } from './keep-alive.ts';
import { kvService } from './kv-service.ts';
import { leaseService } from './lease-service.ts';
import { type Listener, listen } from './listener.ts';
import { maintenanceService } from './maintenance-service.ts';
import { uint64Of } from './messages.ts';
import type { EtcdMetrics } from './metrics.ts';
import { GrpcServer, type Services } from './server.ts';
import { watchService } from './watch-service.ts';
import type { WatchableStore } from './watch-stream.ts';

export interface EtcdServerOptions {
  readonly store: WatchableStore;
  readonly maintenance: Maintenance;
  readonly users: AuthStore;
  readonly identity: Identity;
  readonly metrics: EtcdMetrics;
  /** Hears of each call, absent = nobody does. */
  readonly callLog?: Logger;
  readonly name?: string;
  readonly listenClientUrls: readonly URL[];
  /** Only plain HTTP: /health and /metrics. */
  readonly listenMetricsUrls?: readonly URL[];
  /** What members list as theirs; absent = where they listen. */
  readonly advertiseClientUrls?: readonly string[];
  readonly advertisePeerUrls?: readonly string[];
  /** For https URLs. */
  readonly tls?: TlsOptions;
  readonly requestBytesMax?: number;
  readonly streamsMax?: number;
  readonly quotaBytes?: number;
  readonly keepAliveIntervalMs?: number;
  readonly keepAliveTimeoutMs?: number;
}

export interface EtcdServer extends AsyncDisposable {
  readonly clientUrls: readonly string[];
  readonly metricsUrls: readonly string[];
}

const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;
/** What gRPC may add to a request before it is too long for the transport. */
const OVERHEAD_BYTES = 512 * 1024;
const GRACE_MS = 5000;
const STOPPED = { code: 'UNAVAILABLE', message: 'etcdserver: server stopped' } as const;

export async function startEtcdServer(options: EtcdServerOptions): Promise<EtcdServer> {
  const { listenClientUrls, listenMetricsUrls = [], maintenance, metrics, store, tls } = options;
  const requestBytesMax = options.requestBytesMax ?? REQUEST_BYTES_MAX;
  const messageBytesMax = requestBytesMax + OVERHEAD_BYTES;
  const advertised: string[] = [...(options.advertiseClientUrls ?? [])];
  const services = servicesOf(options, { messageBytesMax, advertised });
  const grpc = new GrpcServer({
    services,
    messageBytesMax,
    observer: options.callLog === undefined ? metrics : logCalls(metrics, options.callLog),
    ...(options.streamsMax === undefined ? {} : { streamsMax: options.streamsMax }),
  });
  const http = createServer(httpEndpoints({ store, maintenance, metrics: () => metrics.text() }));
  const pings = keepAlive(grpc.sessions, options);
  const listeners: Listener[] = [];
  const stop = () => stopAll({ listeners, http, grpc, pings });
  const http1 = (socket: unknown) => void http.emit('connection', socket);
  const withTls = tls === undefined ? {} : { tls };
  try {
    for (const url of listenClientUrls) {
      const http2 = grpc.connection.bind(grpc);
      listeners.push(await listen(url, { ...withTls, http1, http2 }));
    }
    for (const url of listenMetricsUrls) listeners.push(await listen(url, { ...withTls, http1 }));
  } catch (error) {
    await stop();
    throw error;
  }
  const urls = listeners.map(({ url }) => url);
  const clientUrls = urls.slice(0, listenClientUrls.length);
  if (options.advertiseClientUrls === undefined) advertised.push(...clientUrls);
  return {
    clientUrls,
    metricsUrls: urls.slice(listenClientUrls.length),
    [Symbol.asyncDispose]: stop,
  };
}

function servicesOf(
  options: EtcdServerOptions,
  limits: { messageBytesMax: number; advertised: readonly string[] },
): Services {
  const { store, maintenance, users, identity, metrics } = options;
  const { name = 'default', advertisePeerUrls = [] } = options;
  const { raftTerm } = identity;
  const [clusterId, memberId] = [uint64Of(identity.clusterId), uint64Of(identity.memberId)];
  const member: MemberOptions = {
    headerOf: (revision) => ({ clusterId, memberId, revision, raftTerm }),
    identity,
    name,
    advertiseClientUrls: limits.advertised,
    advertisePeerUrls,
  };
  const watch = watchService(store, {
    ...member,
    responseBytesMax: limits.messageBytesMax,
    permit: (call, range) => users.assertMay(users.userOf(credentialsOf(call)), 'read', range),
  });
  metrics.observe(store, { counts: watch.counts, quotaBytes: options.quotaBytes ?? 0 });
  return {
    'etcdserverpb.KV': guardKv(kvService(store, member), users, store),
    'etcdserverpb.Watch': { Watch: watch.Watch },
    'etcdserverpb.Lease': guardLease(leaseService(store, member), users, store),
    'etcdserverpb.Cluster': clusterService(member),
    'etcdserverpb.Maintenance': guardMaintenance(
      maintenanceService(store, maintenance, member),
      users,
    ),
    'etcdserverpb.Auth': authService(store, users, member),
  };
}

async function stopAll(parts: {
  listeners: readonly Listener[];
  http: Server;
  grpc: GrpcServer;
  pings: Disposable;
}): Promise<void> {
  // First nobody new comes in, then those who are in are let go.
  const closed = parts.listeners.map((listener) => listener.close());
  parts.pings[Symbol.dispose]();
  await parts.grpc.close(STOPPED, GRACE_MS);
  parts.http.closeAllConnections();
  await Promise.all(closed);
}

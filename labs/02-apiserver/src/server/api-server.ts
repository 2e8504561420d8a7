// ApiServer: the Kubernetes API over one key-value store.
//
//   TLS → who is it → what is meant → handler → registry → store → watch cache → everybody who watches
//
// Several servers can stand beside each other on one store: nothing that counts is in this process. The server is there as soon as
// its port is open; it is ready (/readyz) when its caches are full and the namespaces of every cluster exist.
//
// Invariants:
//   1. no request, however malformed, ends the process or another request.
//   2. every watch and its timers end with its connection, and all of them when the server stops.
//
// Same idea upstream: apiserver, server/genericapiserver.go and server/config.go (DefaultBuildHandlerChain).
// Left out in this step: authorization (every known user may do everything), HTTP/2, audit, priority and fairness.

import { once, setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type KeyValueStore, type Logger, silentLogger } from '@kube-labs/store';
import { AdmissionChain } from '../admission/admission.ts';
import { defaultTolerationSeconds } from '../admission/default-tolerations.ts';
import { namespaceLifecycle } from '../admission/namespace-lifecycle.ts';
import { serviceAccount } from '../admission/service-account.ts';
import { unauthorized } from '../api-error.ts';
import { type Clock, realClock, sleep } from '../client/clock.ts';
import { buildResourceTable } from '../registry/build-resources.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { authenticate, type TokenEntry } from './authentication.ts';
import { bootstrap } from './bootstrap.ts';
import type { HandlerEnv } from './handler.ts';
import { type KubeletCredentials, KubeletProxy, refuseUpgrade } from './kubelet-proxy.ts';
import { createMetrics, type ServerMetrics } from './metrics.ts';
import { handlePath, PUBLIC_PATHS, unknownPath } from './path-handlers.ts';
import type { RequestContext } from './request-context.ts';
import { parseRequestInfo, type RequestInfo } from './request-info.ts';
import { send, toApiError } from './responses.ts';
import { labelsOf, routeResource, routeUpgrade } from './routes.ts';
import { addressAt, parseIpv4Range, ServiceAllocator } from './service-allocator.ts';

export interface ApiServerOptions {
  readonly store: KeyValueStore;
  readonly bindAddress?: string;
  /** 0 is any free port. */
  readonly securePort?: number;
  readonly tls: { readonly cert: string; readonly key: string };
  /** PEM of the authority whose certificates prove users. */
  readonly clientCa?: string;
  readonly tokens?: readonly TokenEntry[];
  readonly serviceClusterIpRange?: string;
  readonly serviceNodePortRange?: string;
  /** Where the others reach this server. */
  readonly advertiseAddress?: string;
  readonly kubeletClient?: KubeletCredentials;
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Stops the server, also while it still starts. */
  readonly signal?: AbortSignal;
}

const RETRY_DELAY_MS = 1000;
const RECONCILE_INTERVAL_MS = 10_000;
const COMPACTION_INTERVAL_MS = 5 * 60_000;
/** How long requests that are under way may take once the server stops. */
const DRAIN_MS = 3000;
const IDLE_CHECK_MS = 10;

export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #table: ResourceTable;
  readonly #env: HandlerEnv;
  readonly #tokens: ReadonlyMap<string, TokenEntry>;
  readonly #metrics: ServerMetrics = createMetrics();
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  #bootstrapped = false;

  private constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#clock = options.clock ?? realClock;
    this.#tokens = new Map((options.tokens ?? []).map((entry) => [entry.token, entry]));
    this.#table = this.#buildTable();
    const kubelets = new KubeletProxy(options.kubeletClient, this.#table.registry('', 'nodes'));
    const { store } = options;
    this.#env = { table: this.#table, kubelets, store, clock: this.#clock, log: this.#log };
    const { cert, key } = options.tls;
    const ca = options.clientCa;
    const auth = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
    this.#server = createServer({ cert, key, ...auth, requestTimeout: 0, headersTimeout: 20_000 });
    // Caches and watches are many and long, and all end with the server; Node would warn of a leak where there is none.
    setMaxListeners(0, this.#stop.signal);
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on(
      'upgrade',
      (request, socket, head) => void this.#upgrade(request, socket, head),
    );
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    this.#server.keepAliveTimeout = 120_000;
  }

  /** Resolves when the port is open and the server is ready. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const server = new ApiServer(options);
    const stop = () => server.#stop.abort();
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      await server.#listen();
      await server.#run();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const { bindAddress = '127.0.0.1' } = this.#options;
    return `https://${bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress}:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A connection is idle only once its last answer, the end of a watch say, has gone out.
    const idle = setInterval(() => this.#server.closeIdleConnections(), IDLE_CHECK_MS);
    const cut = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
    await Promise.allSettled(this.#running);
  }

  #buildTable(): ResourceTable {
    const { store, serviceClusterIpRange = '10.96.0.0/16' } = this.#options;
    const [first = 30_000, last = 32_767] = (this.#options.serviceNodePortRange ?? '30000-32767')
      .split('-')
      .map(Number);
    const clusterIps = parseIpv4Range(serviceClusterIpRange);
    const allocator = new ServiceAllocator({ store, clusterIps, nodePorts: { first, last } });
    return buildResourceTable({
      store,
      clock: this.#clock,
      log: this.#log,
      admission: (table) => this.#admission(table),
      companionsOf: ({ group, resource }) =>
        group === '' && resource === 'services' ? [allocator] : [],
    });
  }

  #admission(table: ResourceTable): AdmissionChain {
    const {
      defaultNotReadyTolerationSeconds: notReadySeconds = 300,
      defaultUnreachableTolerationSeconds: unreachableSeconds = 300,
    } = this.#options;
    const findNamespace = async (name: string) => {
      const { definition, storage } = table.registry('', 'namespaces');
      const key = objectKey(definition, { name });
      return (storage.cache.get(key) ?? (await storage.get(key)))?.object;
    };
    return new AdmissionChain([
      namespaceLifecycle(findNamespace),
      serviceAccount,
      defaultTolerationSeconds({ notReadySeconds, unreachableSeconds }),
    ]);
  }

  #listen(): Promise<void> {
    const { bindAddress = '127.0.0.1', securePort = 0 } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
        const way = 'choose another port with --secure-port';
        reject(
          new Error(`Cannot listen on ${bindAddress}:${securePort}: ${why}; ${way}`, {
            cause: error,
          }),
        );
      });
      this.#server.listen(securePort, bindAddress, resolve);
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    this.#running.push(this.#table.run(signal), this.#compact(signal));
    await Promise.race([this.#table.ready(), once(signal, 'abort')]);
    await this.#bootstrapUntilDone(signal);
    this.#running.push(this.#keepBootstrapped(signal));
  }

  async #bootstrapUntilDone(signal: AbortSignal): Promise<void> {
    const { advertiseAddress = '127.0.0.1', serviceClusterIpRange = '10.96.0.0/16' } =
      this.#options;
    const serviceIp = addressAt(parseIpv4Range(serviceClusterIpRange), 1);
    const registries = (resource: string) =>
      this.#table.registry(resource === 'endpointslices' ? 'discovery.k8s.io' : '', resource);
    while (!signal.aborted) {
      try {
        await bootstrap({ registries, advertiseAddress, port: this.port, serviceIp });
        this.#bootstrapped = true;
        return;
      } catch (error) {
        this.#log.warn('Cannot make the namespaces of every cluster yet', { error });
        await sleep(RETRY_DELAY_MS, signal);
      }
    }
  }

  async #keepBootstrapped(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(RECONCILE_INTERVAL_MS, signal);
      if (!signal.aborted) await this.#bootstrapUntilDone(signal);
    }
  }

  /** The store keeps history for as long as watches and paged lists may want it, and no longer. */
  async #compact(signal: AbortSignal): Promise<void> {
    let last = 0;
    while (!signal.aborted) {
      await sleep(COMPACTION_INTERVAL_MS, signal);
      if (signal.aborted) return;
      try {
        if (last > 0) await this.#options.store.compact(last);
        last = (await this.#options.store.status()).revision;
      } catch (error) {
        // Another server beside us may have compacted further already.
        this.#log.debug('Cannot compact the store', { revision: last, error });
      }
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    try {
      await this.#handle(request, response);
    } catch (error) {
      await this.#sendError(request, response, error);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = splitUrl(request.url);
    const info = parseRequestInfo(path);
    const user = authenticate(request, this.#tokens);
    const isPublic = info.kind === 'path' && PUBLIC_PATHS.has(`/${path.split('/')[1]}`);
    if (user === undefined && !isPublic) throw unauthorized();
    if (info.kind === 'path' || user === undefined) {
      if (request.method !== 'GET' && request.method !== 'HEAD') throw unknownPath();
      await handlePath(request, response, path, {
        resources: this.#table.definitions(),
        serverAddress: `${this.#options.advertiseAddress ?? '127.0.0.1'}:${this.port}`,
        checks: this.#checks(),
        metrics: () => this.#metrics.text(),
      });
      return;
    }
    const context = this.#context({ request, response, info, query, user });
    const { verb, longRunning, handle } = routeResource(context, this.#env);
    const labels = labelsOf(info, verb);
    const startedMs = performance.now();
    const ended = longRunning ? this.#metrics.longRunning(labels) : undefined;
    let code = 500;
    try {
      await handle();
      code = response.statusCode;
    } catch (error) {
      code = toApiError(error).code;
      throw error;
    } finally {
      ended?.();
      const seconds = longRunning ? 0 : (performance.now() - startedMs) / 1000;
      this.#metrics.observe(labels, seconds, code);
      this.#log.debug('HTTP', { verb, path: request.url, user: user.name, code });
    }
  }

  #context(
    parts: Pick<RequestContext, 'request' | 'response' | 'query' | 'user'> & { info: RequestInfo },
  ): RequestContext {
    const { info } = parts;
    if (info.kind !== 'resource') throw unknownPath();
    const served = this.#table.find(info.group, info.version, info.resource);
    if (served === undefined) throw unknownPath();
    const { registry } = served;
    const { signal } = this.#stop;
    return { ...parts, info, served, registry, signal, now: () => this.#clock.now() };
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const { path, query } = splitUrl(request.url);
      const info = parseRequestInfo(path);
      const user = authenticate(request, this.#tokens);
      if (user === undefined) throw unauthorized();
      // There is no response to an upgrade, and none of the handlers that need one is reached.
      const response = undefined as unknown as ServerResponse;
      const context = this.#context({ request, response, info, query, user });
      const { verb, connect } = routeUpgrade(context, this.#env);
      const ended = this.#metrics.longRunning(labelsOf(context.info, verb));
      await connect({ socket, head }).finally(ended);
    } catch (error) {
      refuseUpgrade(socket, toApiError(error));
    }
  }

  #checks(): Readonly<Record<string, () => void | Promise<void>>> {
    const caches = () => {
      const { signal } = this.#stop;
      if (signal.aborted) throw new Error('the server is stopping');
      const [resource] = this.#table.waitingFor();
      if (resource !== undefined) throw new Error(`no complete list of ${resource} yet`);
    };
    return {
      ping() {},
      etcd: async () => void (await this.#options.store.status()),
      'informer-sync': caches,
      'poststarthook/bootstrap-controller': () => {
        if (!this.#bootstrapped)
          throw new Error('the namespaces of every cluster are not there yet');
      },
    };
  }

  async #sendError(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
  ): Promise<void> {
    const apiError = toApiError(error);
    if (apiError.code >= 500) {
      this.#log.error('Cannot answer a request', {
        method: request.method,
        path: request.url,
        error,
      });
    }
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const retry = apiError.details?.retryAfterSeconds;
    const headers = {
      ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
      ...(apiError.code === 413 ? { connection: 'close' } : {}),
    };
    await send(request, response, { status: apiError.code, body: apiError.toStatus(), headers });
  }
}

function splitUrl(url = '/'): { path: string; query: URLSearchParams } {
  const at = url.indexOf('?');
  if (at < 0) return { path: url, query: new URLSearchParams() };
  return { path: url.slice(0, at), query: new URLSearchParams(url.slice(at + 1)) };
}

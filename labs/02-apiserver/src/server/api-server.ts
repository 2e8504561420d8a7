// ApiServer: the Kubernetes API over one key-value store.
//
//   listener → filters (who, what, may he) → handler → registry → store → watch cache → everybody who watches
//
// Several servers can stand beside each other on one store: nothing that counts is in this process. The server is there as soon as
// its port is open; it is ready (/readyz) when its caches are full and its post-start hooks have done what others wait for.
//
// It ends in this order: no longer ready, nor listed behind the service `kubernetes` → (a delay, for load balancers) → watches and
// upgraded connections end, requests that are under way are answered → hooks and caches end.
//
// Invariants:
//   1. no request, however malformed, ends the process or another request.
//   2. every watch and its timers end with its connection, and all of them when the server stops.
//
// Same idea upstream: apiserver, server/genericapiserver.go and server/config.go.

import { once, setMaxListeners } from 'node:events';
import { type Logger, silentLogger } from '@kube-labs/store';
import { Aggregator } from '../aggregator/aggregator.ts';
import { Authentication, clientAuthorities } from '../auth/build-authenticator.ts';
import { Authorization } from '../authz/build-authorization.ts';
import { type Clock, realClock, sleep } from '../client/clock.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { ApiDocuments } from './api-documents.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { buildTable } from './build-table.ts';
import { defaultHooks } from './default-hooks.ts';
import { Exchange, type ExchangeParts } from './exchange.ts';
import { exchangeHandler, metricLabels, objectsToRead, wantsUpgrade } from './handle-exchange.ts';
import type { HandlerEnv } from './handler.ts';
import { HealthChecks } from './health.ts';
import { KubeletProxy } from './kubelet-proxy.ts';
import { Listener } from './listener.ts';
import { createMetrics } from './metrics.ts';
import type { PathDeps } from './path-handlers.ts';
import { buildFilters, compose, type Handler } from './pipeline.ts';
import { PostStartHooks } from './post-start-hooks.ts';
import type { ServerEnv } from './server-env.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/** How long requests that are under way may take once the server stops. */
const DRAIN_MS = 3000;

export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #table: ResourceTable;
  readonly #env: ServerEnv;
  readonly #authentication: Authentication;
  readonly #health: HealthChecks;
  readonly #hooks: PostStartHooks;
  readonly #handle: Handler;
  readonly #listener: Listener;
  readonly #metrics = createMetrics();
  readonly #documents: ApiDocuments;
  readonly #aggregator: Aggregator;
  /** Ends what clients wait for; and, once that is done, what the server does by itself. */
  readonly #serving = new AbortController();
  readonly #background = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  private constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#clock = options.clock ?? realClock;
    // Caches and watches are many and long, and all end with the server; Node would warn of a leak where there is none.
    setMaxListeners(0, this.#serving.signal, this.#background.signal);
    const authorization = new Authorization(options.authorization);
    const built = buildTable(options, authorization, {
      log: this.#log,
      clock: this.#clock,
      metrics: this.#metrics.admission,
    });
    const { table, admission } = built;
    this.#table = table;
    const { store } = options;
    const shared = { store, log: this.#log, clock: this.#clock, table };
    this.#env = { ...shared, signal: this.#background.signal };
    authorization.follow(this.#env);
    const { authorizer } = authorization;
    this.#authentication = new Authentication(options.authentication ?? {}, {
      env: this.#env,
      authorizer,
      clientCa: options.clientCa,
      tokens: options.tokens,
    });
    this.#aggregator = new Aggregator(options.proxyClient);
    this.#documents = this.#buildDocuments();
    this.#health = new HealthChecks(this.#log);
    this.#hooks = new PostStartHooks([
      ...defaultHooks(options, this.#aggregator),
      ...built.hooks,
      ...authorization.hooks,
      ...this.#authentication.hooks,
      ...(options.postStartHooks ?? []),
    ]);
    this.#addChecks();
    const { kubeletClient, streamingIdleTimeoutMs, clusterDial: dial } = options;
    const nodes = table.registry('', 'nodes');
    const kubelets = new KubeletProxy(kubeletClient, nodes, streamingIdleTimeoutMs);
    this.#handle = this.#buildHandler({ ...shared, kubelets, admission, authorizer, dial });
    this.#listener = new Listener({
      tls: options.tls,
      clientCa: clientAuthorities(options.clientCa, options.authentication),
      disableHttp2: options.disableHttp2Serving,
      wantsUpgrade: (request) => wantsUpgrade(request, this.#env),
      onRequest: (request, response) => this.#accept({ request, response }),
      onUpgrade: (request, socket, head) => this.#accept({ request, upgrade: { socket, head } }),
    });
  }

  /** Resolves when the port is open and the server is ready. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const server = new ApiServer(options);
    options.signal?.addEventListener('abort', () => void server.#stop(), { once: true });
    try {
      await server.#run();
    } catch (error) {
      await server.#stop();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.#listener.port;
  }

  get url(): string {
    const { bindAddress = '127.0.0.1' } = this.#options;
    return `https://${bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress}:${this.port}`;
  }

  /** What is served; resources may be added and removed while the server runs. */
  get table(): ResourceTable {
    return this.#table;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async #run(): Promise<void> {
    const { bindAddress = '127.0.0.1', securePort = 0, signal: wish } = this.#options;
    await this.#listener.listen(bindAddress, securePort);
    if (wish?.aborted) return this.#stop();
    const { signal } = this.#background;
    this.#running = this.#table.run(signal);
    await Promise.race([this.#table.ready(), once(signal, 'abort')]).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    this.#hooks.start({ ...this.#env, port: this.port }, signal);
    await this.#hooks.ready(signal);
  }

  /** Safe to call again; never rejects. */
  #stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  async #shutDown(): Promise<void> {
    const { shutdownDelayMs = 0 } = this.#options;
    await this.#hooks.beforeShutdown();
    if (shutdownDelayMs > 0) await sleep(shutdownDelayMs, this.#serving.signal);
    this.#serving.abort();
    await this.#listener.drain(DRAIN_MS);
    this.#background.abort();
    await Promise.allSettled([this.#running, this.#hooks.ended()]);
    this.#aggregator.dispose();
    await this.#options.audit?.close?.();
  }

  #accept(parts: Omit<ExchangeParts, 'signal'>): void {
    void this.#handle(new Exchange({ ...parts, signal: this.#serving.signal }));
  }

  #buildHandler(env: HandlerEnv): Handler {
    const { audit, flowController } = this.#options;
    const { authorizer } = env;
    const authentication = this.#authentication;
    const { tokenAuthenticator, tokenIssuer } = authentication;
    const filters = buildFilters({
      authenticator: authentication.authenticator,
      isAnonymousAllowed: authentication.isAnonymousAllowed,
      log: this.#log,
      requestTimeoutMs: this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      observer: {
        metrics: this.#metrics,
        log: this.#log,
        labelsOf: (exchange) => metricLabels(exchange, env),
      },
      auditor: audit,
      impersonator: authentication.impersonator,
      flowController,
      objectsToRead: (exchange) => objectsToRead(exchange, env),
      authorizer,
    });
    const handler = exchangeHandler({
      env: { ...env, tokenAuthenticator, tokenIssuer },
      health: this.#health,
      openid: (path) => authentication.document(path, this.#serverAddress()),
      paths: () => this.#paths(),
      aggregator: this.#aggregator,
    });
    return compose(filters, handler);
  }

  #paths(): PathDeps {
    return { documents: this.#documents, metrics: () => this.#metrics.text() };
  }

  #buildDocuments(): ApiDocuments {
    return new ApiDocuments({
      definitions: () => this.#table.definitions(),
      remotes: () => this.#aggregator.versions(),
      serverAddress: () => this.#serverAddress(),
    });
  }

  /** Where others reach this server. */
  #serverAddress(): string {
    return `${this.#options.advertiseAddress ?? '127.0.0.1'}:${this.port}`;
  }

  #addChecks(): void {
    const everywhere = ['healthz', 'livez', 'readyz'] as const;
    this.#health.add({ name: 'ping', check() {} }, everywhere);
    const check = async () => void (await this.#options.store.status());
    this.#health.add({ name: 'etcd', check }, everywhere);
    const synced = () => {
      const [resource] = this.#table.waitingFor();
      if (resource !== undefined) throw new Error(`no complete list of ${resource} yet`);
    };
    this.#health.add({ name: 'informer-sync', check: synced }, ['readyz']);
    this.#hooks.addChecks(this.#health);
    const running = () => {
      if (this.#stopping !== undefined) throw new Error('process is shutting down');
    };
    this.#health.add({ name: 'shutdown', check: running }, ['readyz']);
  }
}

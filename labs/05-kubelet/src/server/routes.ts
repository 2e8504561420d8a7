// Routes: what the kubelet answers to a plain request: logs, pods, figures, its health and configuration.
//
// All of it is to be read: any other method than GET is refused. What wants a WebSocket (exec, attach, portForward) is not answered here.
//
// Same idea upstream: InstallAuthNotRequiredHandlers and InstallAuthRequiredHandlers in kubernetes, pkg/kubelet/server/server.go.
// Left out here: /run, /logs, /checkpoint, /debug.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { messageOf } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import type { VolumeUsage } from '../eviction/pod-usage.ts';
import { resourceMetrics } from '../metrics/resource-metrics.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { StatsProvider } from '../stats-provider.ts';
import { parseLogQuery, streamLogs } from './container-logs.ts';
import { HttpError } from './http-error.ts';
import { findLogContainer, type PodLookup } from './pod-lookup.ts';
import { withVolumes } from './summary-volumes.ts';

export interface RouteOptions extends PodLookup {
  readonly stats: StatsProvider | undefined;
  /** Answers /healthz, and /healthz/NAME of each check. */
  readonly health: RequestListener;
  metrics(): Promise<string>;
  probeMetrics(): Promise<string>;
  configz(): object;
  volumeUsage(pod: Pod): Promise<readonly VolumeUsage[]>;
}

interface Exchange {
  readonly url: URL;
  /** Of the path, after the name of the route. */
  readonly rest: readonly string[];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

type Route = (options: RouteOptions, exchange: Exchange) => void | Promise<void>;

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['healthz', ({ health }, { request, response }) => health(request, response)],
  ['pods', (options, { response }) => json(response, podList(options))],
  ['runningpods', async ({ runtime }, { response }) => json(response, await runningPods(runtime))],
  ['metrics', async (options, { rest, response }) => text(response, await metrics(options, rest))],
  ['stats', async (options, exchange) => json(exchange.response, await stats(options, exchange))],
  ['configz', ({ configz }, { response }) => json(response, configz())],
  ['containerLogs', containerLogs],
]);
const UPGRADES: ReadonlySet<string> = new Set(['exec', 'attach', 'portForward']);

export async function handle(
  options: RouteOptions,
  url: URL,
  { request, response }: Pick<Exchange, 'request' | 'response'>,
): Promise<void> {
  const [, name = '', ...rest] = url.pathname.split('/');
  if (UPGRADES.has(name)) throw new HttpError(400, 'Upgrade request required');
  const route = ROUTES.get(name);
  if (route === undefined) throw new HttpError(404, '404 page not found');
  if (request.method !== 'GET') {
    response.setHeader('Allow', 'GET');
    throw new HttpError(405, 'Method Not Allowed');
  }
  await route(options, { url, rest, request, response });
}

/** The first part of the path, when it is one of ours: what requests are counted by. */
export function routeNameOf({ pathname }: URL): string {
  const [, name = ''] = pathname.split('/');
  return ROUTES.has(name) || UPGRADES.has(name) ? name : 'other';
}

/** Throws what is wrong with it. Never reads a host out of the path, as a URL alone would of one that begins with two slashes. */
export function urlOf(request: IncomingMessage): URL {
  try {
    const url = new URL(`https://kubelet${request.url ?? '/'}`);
    // Names are decoded later, each by itself: a part that is not UTF-8 is found here.
    decodeURIComponent(url.pathname);
    return url;
  } catch (error) {
    throw new HttpError(400, `Cannot read the path of the request: ${messageOf(error)}`);
  }
}

async function containerLogs(options: RouteOptions, exchange: Exchange): Promise<void> {
  const query = parseLogQuery(exchange.url.searchParams, Date.now());
  const container = await findLogContainer(options, exchange.rest, query.previous);
  await streamLogs(options.runtime, container, { query, response: exchange.response });
}

async function metrics(options: RouteOptions, [name = '']: readonly string[]): Promise<string> {
  switch (name) {
    case '':
      return options.metrics();
    case 'cadvisor':
      return statsOf(options).prometheus();
    case 'probes':
      return options.probeMetrics();
    case 'resource':
      return resourceMetrics(await statsOf(options).summary());
    default:
      throw new HttpError(404, '404 page not found');
  }
}

async function stats(options: RouteOptions, { rest, url }: Exchange): Promise<object> {
  if (rest[0] !== 'summary') throw new HttpError(404, '404 page not found');
  const summary = await statsOf(options).summary();
  if (url.searchParams.get('only_cpu_and_memory') !== 'true') {
    const byUid = (uid: string) =>
      options.pods.pods().find(({ metadata }) => metadata?.uid === uid);
    return withVolumes(summary, { byUid, volumeUsage: (pod) => options.volumeUsage(pod) });
  }
  const { node, pods } = summary;
  const { nodeName, startTime, cpu, memory } = node;
  return {
    node: { nodeName, startTime, cpu, memory },
    pods: pods.map((pod) => ({
      ...{ podRef: pod.podRef, startTime: pod.startTime, cpu: pod.cpu, memory: pod.memory },
      containers: pod.containers.map(({ rootfs: _, logs: __, ...container }) => container),
    })),
  };
}

function podList(options: RouteOptions): object {
  const items = options.pods.pods().map((pod) => ({
    ...pod,
    status: options.statusOf(pod.metadata?.uid ?? '') ?? pod.status,
  }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

/** What the engine runs, whether the API knows of it or not. */
async function runningPods(runtime: Runtime): Promise<object> {
  const items = (await runtime.listPods()).flatMap(({ identity, containers }) => {
    const running = containers.filter(({ status }) => status.state === 'running');
    const spec = { containers: running.map(({ name, image }) => ({ name, image })) };
    return running.length === 0 ? [] : [{ metadata: { ...identity }, spec, status: {} }];
  });
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

function statsOf(options: RouteOptions): StatsProvider {
  if (options.stats === undefined) throw new HttpError(404, 'This kubelet has no statistics');
  return options.stats;
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function text(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(body);
}

// Routes: what the kubelet answers to a plain request: logs, pods, figures.
//
// Same idea upstream: InstallAuthNotRequiredHandlers and InstallAuthRequiredHandlers in kubernetes, pkg/kubelet/server/server.go.
// Left out here: /run, /logs, /configz.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Runtime } from '../runtime/runtime.ts';
import type { StatsProvider } from '../stats-provider.ts';
import { parseLogQuery, streamLogs } from './container-logs.ts';
import { HttpError } from './http-error.ts';
import { findLogContainer, type PodLookup } from './pod-lookup.ts';

export interface RouteOptions extends PodLookup {
  readonly stats: StatsProvider | undefined;
  metrics(): Promise<string>;
}

export async function handle(
  options: RouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet');
  const [, route = '', ...rest] = url.pathname.split('/');
  switch (route) {
    case 'healthz':
      return text(response, 'ok');
    case 'pods':
      return json(response, podList(options));
    case 'runningpods':
      return json(response, await runningPods(options.runtime));
    case 'metrics':
      return text(
        response,
        rest[0] === 'cadvisor' ? await statsOf(options).prometheus() : await options.metrics(),
      );
    case 'stats':
      return json(response, await statsOf(options).summary());
    case 'containerLogs': {
      const query = parseLogQuery(url.searchParams, Date.now());
      const container = await findLogContainer(options, rest, query.previous);
      return streamLogs(options.runtime, container, { query, response });
    }
    default:
      throw new HttpError(404, '404 page not found');
  }
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

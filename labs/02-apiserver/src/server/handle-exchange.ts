// handle-exchange: behind the filters: who answers, a resource's handler, a path's, or the one that takes a connection over.
//
// Same idea upstream: apiserver, server/handler.go (the director between gorestful and the path recorder).

import type { ServerResponse } from 'node:http';
import type { Aggregator } from '../aggregator/aggregator.ts';
import type { OpenidDocument } from '../auth/openid.ts';
import type { Exchange } from './exchange.ts';
import type { HandlerEnv } from './handler.ts';
import { type HealthChecks, sendHealth } from './health.ts';
import type { RequestLabels } from './metrics.ts';
import { sendOpenidDocument } from './openid-documents.ts';
import { handlePath, type PathDeps, unknownPath } from './path-handlers.ts';
import type { Handler } from './pipeline.ts';
import type { RequestContext } from './request-context.ts';
import { parseRequestInfo } from './request-info.ts';
import { labelsOf, metricVerbOf, routeResource, routeUpgrade } from './routes.ts';
import { addWarnings } from './warnings.ts';
import { isReadOverWebSocket, webSocketResponse } from './watch-websocket.ts';

export interface HandlerParts {
  readonly env: HandlerEnv;
  readonly health: HealthChecks;
  /** The public documents of service accounts' tokens. */
  readonly openid: (path: string) => OpenidDocument | undefined;
  /** Asked anew for every request: the resources change, and the port is known only once it is open. */
  readonly paths: () => PathDeps;
  /** Group-versions that other servers answer. */
  readonly aggregator: Aggregator;
}

export function exchangeHandler(parts: HandlerParts): Handler {
  const { env } = parts;
  return async (exchange) => {
    const remote = parts.aggregator.handlerOf(exchange);
    if (remote !== undefined) return remote(exchange);
    if (exchange.info.kind === 'path') return answerPath(exchange, parts);
    const context = contextOf(exchange, env);
    const { info, request, upgrade } = exchange;
    if (upgrade === undefined) return routeResource(context, env).handle();
    if (isReadOverWebSocket(info, request.headers.upgrade)) {
      const response = webSocketResponse(exchange, upgrade);
      return routeResource({ ...context, response }, env).handle();
    }
    return routeUpgrade(context, env).connect(upgrade);
  };
}

async function answerPath(
  { request, response, path, query }: Exchange,
  { health, openid, paths }: HandlerParts,
): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead || response === undefined) throw unknownPath();
  const answer = await health.answer(path, query);
  if (answer !== undefined) return sendHealth(request, response, answer);
  const document = openid(path);
  if (document !== undefined) return sendOpenidDocument(request, response, document);
  return handlePath(request, response, path, paths());
}

function contextOf(exchange: Exchange, { table, clock }: HandlerEnv): RequestContext {
  const { request, info, query, user, signal } = exchange;
  if (info.kind !== 'resource') throw unknownPath();
  const served = table.find(info.group, info.version, info.resource);
  if (served === undefined) throw unknownPath();
  // There is no response to an upgrade, and none of the handlers that need one is reached.
  const response = exchange.response ?? (undefined as unknown as ServerResponse);
  const { registry } = served;
  const { verb } = info;
  const { warning } = served.definition;
  if (warning !== undefined && exchange.response !== undefined) addWarnings(response, [warning]);
  return {
    request,
    response,
    info,
    query,
    user,
    served,
    registry,
    verb,
    exchange,
    signal,
    now() {
      return clock.now();
    },
  };
}

/** Of a request what says whether its connection is to be taken over. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers?: { readonly upgrade?: string | undefined };
}

/** True for a watch or a log over WebSocket, and for subresources that take connections over; all others are answered as if they had not asked. */
export function wantsUpgrade(
  { method, url = '/', headers }: UpgradeRequest,
  { table }: Pick<HandlerEnv, 'table'>,
): boolean {
  try {
    const [path = '/', ...search] = url.split('?');
    const info = parseRequestInfo({ method, path, query: new URLSearchParams(search.join('?')) });
    if (info.kind !== 'resource') return false;
    const served = table.find(info.group, info.version, info.resource);
    const found = served?.definition.subresources.find(({ name }) => name === info.subresource);
    if (isReadOverWebSocket(info, headers?.upgrade)) {
      return found !== undefined || served?.definition.verbs.includes('watch') === true;
    }
    return found?.connect !== undefined;
  } catch {
    return false; // A path that cannot be read; the ordinary way says so.
  }
}

/** What a request is called in metrics; undefined for what this server does not serve. */
export function metricLabels(
  { info, upgrade }: Exchange,
  { table }: Pick<HandlerEnv, 'table'>,
): RequestLabels | undefined {
  if (info.kind !== 'resource') return undefined;
  const served = table.find(info.group, info.version, info.resource);
  if (served === undefined) return undefined;
  const { subresource = '' } = info;
  const isKnown =
    subresource === '' || served.definition.subresources.some(({ name }) => name === subresource);
  if (!isKnown) return undefined;
  return labelsOf(info, upgrade === undefined ? metricVerbOf(info.verb) : 'CONNECT');
}

/** What a list goes through: all objects of its resource, or as many as it asks for. */
export function objectsToRead(
  { info, query }: Exchange,
  { table }: Pick<HandlerEnv, 'table'>,
): number {
  if (info.kind !== 'resource' || info.name !== undefined) return 1;
  const count = table.find(info.group, info.version, info.resource)?.registry?.storage.cache.size;
  const limit = Number(query.get('limit') ?? 0);
  return Math.min(count ?? 1, limit > 0 ? limit : Number.POSITIVE_INFINITY);
}

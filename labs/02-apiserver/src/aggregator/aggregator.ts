// Aggregator: group-versions that other servers answer, behind this one.
//
// An APIService with a service says: /apis/GROUP/VERSION is answered there. Requests for it pass all of this server's filters (who
// asks, may he, audit) and then go to an address of the service, with the user's identity in headers; the answer comes back as it is,
// stream and all. While the service cannot be reached its requests are answered with 503, and with nothing else.
//
// What is registered, where it listens and what it offers is kept here by the controller (controller.ts) and read by everybody else.
//
// Same idea upstream: kube-aggregator, pkg/apiserver (apiserver.go, handler_proxy.go).

import type { Agent } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { ApiPriority } from '../server/api-priorities.ts';
import type { RemoteVersion } from '../server/discovery.ts';
import type { Exchange } from '../server/exchange.ts';
import type { APIService, APIServiceSpec } from '../strategy/api-service-types.ts';
import type { RemoteOpenapi } from './remote-discovery.ts';
import { type ProxyCredentials, remoteAgent, sendRemote } from './remote-request.ts';
import type { Address } from './service-resolver.ts';

/** What the controller found out. */
export interface RemoteState {
  readonly addresses: readonly Address[];
  readonly isAvailable: boolean;
  /** As aggregated discovery describes them. */
  readonly resources: readonly object[];
  readonly openapi?: RemoteOpenapi | undefined;
}

interface Remote {
  readonly spec: APIServiceSpec;
  readonly agent: Agent;
  state: RemoteState;
  /** Which address is next: requests go round. */
  turn: number;
}

const UNKNOWN: RemoteState = { addresses: [], isAvailable: false, resources: [] };
/** Of the answer; those belong to the connection between the two servers. */
const HOP_HEADERS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

export class Aggregator {
  readonly #credentials: ProxyCredentials | undefined;
  /** By `GROUP/VERSION`. */
  readonly #remotes = new Map<string, Remote>();
  #versions: readonly RemoteVersion[] = [];

  constructor(credentials?: ProxyCredentials) {
    this.#credentials = credentials;
  }

  /** For discovery; the same array until something changes. */
  versions(): readonly RemoteVersion[] {
    return this.#versions;
  }

  /** The controller saw the APIService; one without a service is this server's own. */
  register({ spec }: APIService): void {
    if (spec?.service === undefined) return;
    const key = keyOf(spec);
    const known = this.#remotes.get(key);
    if (known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec)) return;
    known?.agent.destroy();
    const agent = remoteAgent(spec, this.#credentials);
    this.#remotes.set(key, { spec, agent, state: known?.state ?? UNKNOWN, turn: 0 });
    this.#changed();
  }

  unregister(at: { group?: string; version?: string }): void {
    const known = this.#remotes.get(keyOf(at));
    if (known === undefined) return;
    known.agent.destroy();
    this.#remotes.delete(keyOf(at));
    this.#changed();
  }

  setState(at: { group?: string; version?: string }, state: RemoteState): void {
    const known = this.#remotes.get(keyOf(at));
    if (known === undefined) return;
    const shown = ({ isAvailable, resources }: RemoteState) =>
      JSON.stringify([isAvailable, resources]);
    const isNews =
      shown(known.state) !== shown(state) || known.state.openapi?.text !== state.openapi?.text;
    known.state = state;
    if (isNews) this.#changed();
  }

  agentOf(at: { group?: string; version?: string }): Agent | undefined {
    return this.#remotes.get(keyOf(at))?.agent;
  }

  stateOf(at: { group?: string; version?: string }): RemoteState {
    return this.#remotes.get(keyOf(at))?.state ?? UNKNOWN;
  }

  /** Undefined for what this server answers itself. */
  handlerOf({ path }: Exchange): ((exchange: Exchange) => Promise<void>) | undefined {
    if (!path.startsWith('/apis/')) return undefined;
    const [, , group, version] = path.split('/');
    const found = this.#remotes.get(`${group}/${version}`);
    return found === undefined ? undefined : (exchange) => forward(exchange, found);
  }

  dispose(): void {
    for (const { agent } of this.#remotes.values()) agent.destroy();
    this.#remotes.clear();
  }

  #changed(): void {
    this.#versions = [...this.#remotes.values()].map(({ spec, state }) => ({
      group: spec.group ?? '',
      version: spec.version ?? '',
      priority: priorityOf(spec),
      isAvailable: state.isAvailable,
      resources: state.resources,
      openapi: state.openapi?.text,
    }));
  }
}

function keyOf({ group = '', version = '' }: { group?: string; version?: string }): string {
  return `${group}/${version}`;
}

function priorityOf({ groupPriorityMinimum, versionPriority }: APIServiceSpec): ApiPriority {
  return { group: groupPriorityMinimum, version: versionPriority };
}

async function forward(exchange: Exchange, remote: Remote): Promise<void> {
  const { request, response, user } = exchange;
  if (response === undefined) return; // An upgrade is none of its business; see remote-request.ts.
  const { addresses, isAvailable } = remote.state;
  const address = addresses[remote.turn % Math.max(1, addresses.length)];
  remote.turn += 1;
  if (!isAvailable || address === undefined) return refuse(exchange, 'service unavailable');
  const left = new AbortController();
  response.once('close', () => left.abort());
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  try {
    const answer = await sendRemote(remote.agent, address, {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: request.headers,
      user,
      ...(hasBody ? { body: request } : {}),
      signal: AbortSignal.any([left.signal, exchange.signal]),
    });
    const headers = Object.entries(answer.headers).filter(([name]) => !HOP_HEADERS.has(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
    response.flushHeaders();
    // Either end may leave at any time; that ends the other, and is no fault.
    await pipeline(answer, response).catch(() => response.destroy());
  } catch (error) {
    if (response.headersSent || left.signal.aborted) response.destroy();
    else refuse(exchange, `error trying to reach service: ${messageOf(error)}`);
  }
}

/** Plain text, as upstream: there is no telling what the other server would have said. */
function refuse({ response }: Exchange, text: string): void {
  const body = `${text}\n`;
  response?.writeHead(503, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-length': String(Buffer.byteLength(body)),
  });
  response?.end(body);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

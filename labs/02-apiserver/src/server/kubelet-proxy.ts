// kubelet-proxy: logs, exec, attach and port-forward reach the kubelet of the pod's node through the API server.
//
// The server looks up pod and node, checks which container is meant, and passes bytes between client and kubelet, to which it proves
// itself with a certificate of its own. A WebSocket is passed on as it is: what is spoken inside is a matter between the client and the
// kubelet. SPDY (kubectl before 1.30, and port-forward of all kubectls) ends here, and becomes channels of a WebSocket.
//
//   client speaks                  exec, attach               port-forward
//   WebSocket v4, v5               passed on                  passed on (v4: other client libraries)
//   SPDY/3.1                       streams → channels         pairs of streams → a connection each
//   WebSocket with SPDY in it      –                          the same (kubectl 1.31 and later)
//
// Same idea upstream: registry/core/pod/strategy.go (LogLocation, streamLocation, portForwardLocation), apimachinery, proxy/upgradeaware.go,
// and apiserver, util/proxy (StreamTranslator, TunnelingHandler). Left out: SPDY towards kubelets; ours and upstream's take WebSocket.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pod } from 'kubernetes-types/core/v1';
import { badRequest } from '../api-error.ts';
import { BEARER_PROTOCOL_PREFIX } from '../auth/bearer-token.ts';
import type { Registry } from '../registry/registry.ts';
import { CHANNEL_V5 } from '../streams/channel-socket.ts';
import {
  PORT_FORWARD_PROTOCOL,
  servePortForward,
  TUNNEL_PROTOCOL,
} from '../streams/port-forward.ts';
import { REMOTE_COMMAND_PROTOCOLS, serveRemoteCommand } from '../streams/remote-command.ts';
import {
  acceptSpdy,
  asksForSpdy,
  asksForWebSocket,
  negotiateProtocol,
  offeredProtocols,
} from '../streams/spdy-handshake.ts';
import { acceptTunnel } from '../streams/websocket-tunnel.ts';
import type { StoredContext, Upgrade } from './handler.ts';
import {
  KubeletConnections,
  type KubeletCredentials,
  type KubeletTarget,
  kubeletError,
  unreachable,
} from './kubelet-connection.ts';
import { logQuery } from './log-options.ts';
import { refOf } from './request-context.ts';
import { relayUpgrade } from './upgrade-relay.ts';

export type { KubeletCredentials } from './kubelet-connection.ts';

export class KubeletProxy {
  readonly connections: KubeletConnections;
  readonly #idleTimeoutMs: number | undefined;

  /** @param idleTimeoutMs after which a SPDY session without a frame ends; default: that of kubelets, 4 hours */
  constructor(
    credentials: KubeletCredentials | undefined,
    nodes: Registry,
    idleTimeoutMs?: number,
  ) {
    this.connections = new KubeletConnections(credentials, nodes);
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** GET pods/NAME/log */
  async log(context: StoredContext): Promise<void> {
    const { response, signal } = context;
    const query = logQuery(context.query, context.info.name ?? '');
    const target = await this.#containerTarget(context, 'containerLogs', query);
    const left = new AbortController();
    const leave = () => left.abort();
    response.once('close', leave);
    signal.addEventListener('abort', leave, { once: true });
    if (response.destroyed || signal.aborted) leave();
    try {
      const answer = await this.connections.get(target, left.signal);
      if (answer.statusCode !== 200) throw await kubeletError(answer);
      const headers = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' };
      response.writeHead(200, headers);
      response.flushHeaders();
      // Either end may leave at any time; that ends the other, and is no fault.
      await pipeline(answer, response).catch(() => undefined);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Upgrades of pods/NAME/exec and attach. */
  async command(context: StoredContext, upgrade: Upgrade): Promise<void> {
    const { request, info, query } = context;
    // Looked up first: kubectl tries SPDY when WebSocket is refused, and shows only what that attempt hears.
    const endpoint = info.subresource ?? 'exec';
    const target = await this.#containerTarget(context, endpoint, commandQuery(query));
    if (asksForWebSocket(request)) return this.#passOn(context, upgrade, target);
    if (!asksForSpdy(request)) throw cannotUpgrade(request);
    const protocol = negotiateProtocol(request, REMOTE_COMMAND_PROTOCOLS);
    const channels = await this.connections.openChannels(target);
    const { socket, head } = upgrade;
    acceptSpdy(socket, protocol);
    if (head.length > 0) socket.unshift(head);
    context.exchange.started();
    const { signal } = context;
    const idleTimeoutMs = this.#idleTimeoutMs;
    await serveRemoteCommand(socket, channels, { protocol, query, signal, idleTimeoutMs });
  }

  /** Upgrades of pods/NAME/portforward. */
  async portForward(context: StoredContext, upgrade: Upgrade): Promise<void> {
    const { request, signal, exchange } = context;
    const target = await this.#podTarget(context, 'portForward');
    const isTunnel = offeredProtocols(request).includes(TUNNEL_PROTOCOL);
    if (asksForWebSocket(request) && !isTunnel) {
      const query = portQuery(context.query).toString();
      const asked = { ...target, path: `${target.path}?${query}` };
      // Libraries offer v5 for exec and port-forward alike, but know channel 255 for exec only.
      return this.#passOn(context, upgrade, asked, (protocol) => protocol !== CHANNEL_V5);
    }
    const transport = isTunnel
      ? await acceptTunnel(request, upgrade, TUNNEL_PROTOCOL)
      : acceptPortForward(request, upgrade);
    exchange.started();
    await servePortForward(transport, {
      pod: context.info.name ?? '',
      connect: (port) =>
        this.connections.openChannels({ ...target, path: `${target.path}?port=${port}` }),
      signal,
      idleTimeoutMs: this.#idleTimeoutMs,
    });
  }

  /** Finds what a request without an upgrade would have asked for, so that what is wrong with it is heard first. */
  async check(context: StoredContext): Promise<void> {
    if (context.info.subresource === 'portforward') await this.#podTarget(context, 'portForward');
    else await this.#containerTarget(context, 'exec', new URLSearchParams());
  }

  /** The two speak with each other; nothing of it is read here. */
  async #passOn(
    context: StoredContext,
    upgrade: Upgrade,
    target: KubeletTarget,
    passes: (protocol: string) => boolean = () => true,
  ): Promise<void> {
    const { request, signal, exchange } = context;
    const host = `${target.host}:${target.port}`;
    const own = ['Host', host, 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    await relayUpgrade(await this.connections.connect(target), upgrade, {
      method: 'GET',
      path: target.path,
      headers: [...own, ...passedHeaders(request, passes).flat()],
      signal,
      onStarted: () => exchange.started(),
      failed: (error) => unreachable(target, error),
    });
  }

  async #containerTarget(
    context: StoredContext,
    endpoint: string,
    query: URLSearchParams,
  ): Promise<KubeletTarget> {
    const pod = await podOf(context);
    const container = containerOf(pod, context.query.get('container') ?? '');
    const text = query.toString();
    const { path, ...address } = await this.#targetOf(pod, endpoint);
    const search = text === '' ? '' : `?${text}`;
    return { ...address, path: `${path}/${encodeURIComponent(container)}${search}` };
  }

  async #podTarget(context: StoredContext, endpoint: string): Promise<KubeletTarget> {
    return this.#targetOf(await podOf(context), endpoint);
  }

  async #targetOf({ metadata, spec }: Pod, endpoint: string): Promise<KubeletTarget> {
    const { name = '', namespace = '' } = metadata ?? {};
    const nodeName = spec?.nodeName ?? '';
    if (nodeName === '') throw badRequest(`pod ${name} does not have a host assigned`);
    const address = await this.connections.addressOf(nodeName);
    const path = [endpoint, namespace, name].map(encodeURIComponent).join('/');
    return { ...address, path: `/${path}` };
  }
}

async function podOf(context: StoredContext): Promise<Pod> {
  return (await context.registry.get(refOf(context))).object as Pod;
}

function acceptPortForward(request: IncomingMessage, { socket, head }: Upgrade): Duplex {
  if (!asksForSpdy(request)) throw cannotUpgrade(request);
  acceptSpdy(socket, negotiateProtocol(request, [PORT_FORWARD_PROTOCOL]));
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function cannotUpgrade({ headers }: IncomingMessage): Error {
  return badRequest(
    `unable to upgrade: missing upgrade headers in request: ${JSON.stringify(headers.upgrade)} is neither SPDY/3.1 nor websocket`,
  );
}

/** What the kubelet has to know of the client's request; who the client is, is none of its business. */
const PASSED_HEADERS: readonly string[] = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'user-agent',
];

/** Of the subprotocols all but the one that carries the client's token. */
function passedHeaders(
  request: IncomingMessage,
  passes: (protocol: string) => boolean,
): [string, string][] {
  const passed = PASSED_HEADERS.flatMap((name): [string, string][] => {
    const value = request.headers[name];
    return value === undefined ? [] : [[name, [value].flat().join(', ')]];
  });
  const protocols = offeredProtocols(request).filter(
    (protocol) => !protocol.startsWith(BEARER_PROTOCOL_PREFIX) && passes(protocol),
  );
  if (protocols.length > 0) passed.push(['sec-websocket-protocol', protocols.join(', ')]);
  return passed;
}

/** The API's parameter names → the kubelet's. */
function commandQuery(query: URLSearchParams): URLSearchParams {
  const renamed = new URLSearchParams();
  for (const command of query.getAll('command')) renamed.append('command', command);
  const names = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  for (const [name, kubeletName] of Object.entries(names)) {
    if (['true', '1'].includes(query.get(name) ?? '')) renamed.set(kubeletName, '1');
  }
  return renamed;
}

function portQuery(query: URLSearchParams): URLSearchParams {
  const ports = query.getAll('ports').flatMap((value) => value.split(','));
  if (ports.length === 0) throw badRequest('query parameter "ports" is required');
  return new URLSearchParams(ports.map((port): [string, string] => ['port', port]));
}

function containerOf(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? '';
  const main = pod.spec?.containers ?? [];
  const init = pod.spec?.initContainers ?? [];
  const ephemeral = pod.spec?.ephemeralContainers ?? [];
  if (asked !== '') {
    const known = [...main, ...init, ...ephemeral].some((container) => container.name === asked);
    if (!known) throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const [only] = main;
  if (main.length === 1 && only !== undefined) return only.name;
  const choices = `choose one of: [${main.map((container) => container.name).join(' ')}]`;
  const more =
    init.length > 0
      ? ` or one of the init containers: [${init.map((one) => one.name).join(' ')}]`
      : '';
  throw badRequest(`a container name must be specified for pod ${name}, ${choices}${more}`);
}

// kubelet-proxy: `kubectl logs` and `kubectl exec` reach the kubelet of the pod's node through the API server.
//
// The server looks up pod and node, checks which container is meant, and passes bytes between client and kubelet, to which it proves
// itself with a certificate of its own. For exec the upgrade to WebSocket is passed on as it is: what is spoken inside is a matter
// between kubectl and the kubelet.
//
// Same idea upstream: registry/core/pod/strategy.go (LogLocation, streamLocation) and apimachinery, proxy/upgradeaware.go.
// Left out in this step: SPDY upgrades of kubectl before 1.30, port-forward, node and pod proxies.

import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect } from 'node:tls';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { ApiError, badRequest, internalError, notFound } from '../api-error.ts';
import { BEARER_PROTOCOL_PREFIX } from '../auth/bearer-token.ts';
import type { Registry } from '../registry/registry.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { StoredContext } from './handler.ts';
import { logQuery } from './log-options.ts';
import { refOf } from './request-context.ts';

export interface KubeletCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const DEFAULT_KUBELET_PORT = 10_250;
const CONNECT_TIMEOUT_MS = 5000;

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export class KubeletProxy {
  readonly #credentials: KubeletCredentials | undefined;
  readonly #nodes: Registry;

  constructor(credentials: KubeletCredentials | undefined, nodes: Registry) {
    this.#credentials = credentials;
    this.#nodes = nodes;
  }

  /** GET pods/NAME/log */
  async log(context: StoredContext): Promise<void> {
    const query = logQuery(context.query, context.info.name ?? '');
    const target = await this.#target(context, 'containerLogs', query);
    const { response } = context;
    const answer = await this.#get(target, context);
    const headers = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' };
    if (answer.statusCode !== 200) throw await kubeletError(answer);
    response.writeHead(200, headers);
    response.flushHeaders();
    // Either end may leave at any time; that ends the other, and is no fault.
    await pipeline(answer, response).catch(() => undefined);
  }

  /** Upgrades of pods/NAME/exec and attach: from here on the two speak with each other. */
  async upgrade(context: StoredContext, socket: Duplex, head: Buffer): Promise<void> {
    const { request, info, query } = context;
    // Looked up first: kubectl tries SPDY when WebSocket is refused, and shows only what that attempt hears.
    const target = await this.#target(context, info.subresource ?? 'exec', kubeletQuery(query));
    if (!/^websocket$/i.test(request.headers.upgrade ?? '')) {
      throw badRequest(
        `cannot upgrade to ${request.headers.upgrade}: only websocket is served here; kubectl 1.30 and later speak it`,
      );
    }
    const kubelet = await this.#connect(target);
    const { host, port, path } = target;
    const lines = passedHeaders(request).map(([name, value]) => `${name}: ${value}`);
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
    const hello = [`GET ${path} HTTP/1.1`, `Host: ${host}:${port}`, ...upgrade, ...lines, '', ''];
    kubelet.write(hello.join('\r\n'));
    if (head.length > 0) kubelet.write(head);
    context.exchange.started();
    // The two may speak for days; a server that stops does not wait for them.
    const stop = () => kubelet.destroy();
    context.signal.addEventListener('abort', stop, { once: true });
    if (context.signal.aborted) stop();
    await joined(kubelet, socket);
    context.signal.removeEventListener('abort', stop);
  }

  async #target(context: StoredContext, endpoint: string, query: URLSearchParams): Promise<Target> {
    const stored = await context.registry.get(refOf(context));
    const pod = stored.object as Pod;
    const { name = '', namespace = '' } = pod.metadata ?? {};
    const container = containerOf(pod, context.query.get('container') ?? '');
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') throw badRequest(`pod ${name} does not have a host assigned`);
    const { host, port } = await this.#addressOf(nodeName);
    const parts = [endpoint, namespace, name, container].map(encodeURIComponent);
    const text = query.toString();
    return { host, port, path: `/${parts.join('/')}${text === '' ? '' : `?${text}`}` };
  }

  async #addressOf(nodeName: string): Promise<{ host: string; port: number }> {
    const { definition, storage } = this.#nodes;
    const stored = await storage.get(objectKey(definition, { name: nodeName }));
    if (stored === undefined) throw notFound(definition, nodeName);
    const { status } = stored.object as Node;
    const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    if (host === undefined)
      throw internalError(`no preferred addresses found; known addresses: []`);
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? DEFAULT_KUBELET_PORT;
    return { host, port };
  }

  #tls(target: Target): KubeletCredentials & { host: string; port: number } {
    const { host, port } = target;
    if (this.#credentials === undefined) {
      throw internalError(
        'this API server has no credentials for kubelets (--kubelet-client-certificate)',
      );
    }
    const { ca, cert, key } = this.#credentials;
    return { host, port, ca, cert, key };
  }

  #get(target: Target, { response }: StoredContext): Promise<IncomingMessage> {
    const options = { ...this.#tls(target), path: target.path, agent: false };
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(options, resolve);
      outgoing.on('error', (error) => reject(unreachable(target, error)));
      outgoing.on('socket', (socket) => limitConnect(socket, outgoing.destroy.bind(outgoing)));
      response.once('close', () => outgoing.destroy());
      outgoing.end();
    });
  }

  #connect(target: Target): Promise<Socket> {
    const options = this.#tls(target);
    return new Promise((resolve, reject) => {
      const socket = connect(options);
      limitConnect(socket, socket.destroy.bind(socket));
      socket.once('error', (error) => reject(unreachable(target, error)));
      socket.once('secureConnect', () => {
        socket.setTimeout(0);
        resolve(socket);
      });
    });
  }
}

/** Passes bytes both ways; when one side is gone, what it said still goes out, and then the other goes too. */
async function joined(one: Duplex, other: Duplex): Promise<void> {
  const closed = ([from, to]: [Duplex, Duplex]) =>
    new Promise<void>((resolve) => {
      const ended = () => {
        to.end(() => to.destroy());
        resolve();
      };
      from.on('error', () => from.destroy());
      if (from.destroyed) return ended(); // It left while the other was being looked for.
      from.once('close', ended);
      from.pipe(to);
    });
  await Promise.all([closed([one, other]), closed([other, one])]);
}

/** What the kubelet has to know of the client's request; who the client is, is none of its business. */
const PASSED_HEADERS: readonly string[] = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'user-agent',
];

/** Of the subprotocols all but the one that carries the client's token. */
function passedHeaders({ headers }: IncomingMessage): [string, string][] {
  const passed = PASSED_HEADERS.flatMap((name): [string, string][] => {
    const value = headers[name];
    return value === undefined ? [] : [[name, [value].flat().join(', ')]];
  });
  const protocols = (headers['sec-websocket-protocol'] ?? '')
    .split(/\s*,\s*/)
    .filter((protocol) => protocol !== '' && !protocol.startsWith(BEARER_PROTOCOL_PREFIX));
  if (protocols.length > 0) passed.push(['sec-websocket-protocol', protocols.join(', ')]);
  return passed;
}

function limitConnect(socket: Socket, destroy: (error: Error) => void): void {
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => destroy(new Error('i/o timeout')));
  socket.once('secureConnect', () => socket.setTimeout(0));
}

/** The API's parameter names → the kubelet's. */
function kubeletQuery(query: URLSearchParams): URLSearchParams {
  const renamed = new URLSearchParams();
  for (const command of query.getAll('command')) renamed.append('command', command);
  const names = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  for (const [name, kubeletName] of Object.entries(names)) {
    if (['true', '1'].includes(query.get(name) ?? '')) renamed.set(kubeletName, '1');
  }
  return renamed;
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

function unreachable({ host, port, path }: Target, error: Error): ApiError {
  const refused = 'code' in error && error.code === 'ECONNREFUSED';
  const why = refused ? 'connect: connection refused' : error.message;
  const message = `Get "https://${host}:${port}${path}": dial tcp ${host}:${port}: ${why}`;
  return new ApiError('InternalError', message, { cause: error });
}

async function kubeletError(answer: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  const code = answer.statusCode ?? 500;
  if (code === 404) return new ApiError('NotFound', text.trim());
  return code < 500 ? badRequest(text.trim()) : internalError(text.trim());
}

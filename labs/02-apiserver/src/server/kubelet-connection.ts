// kubelet-connection: how the API server reaches kubelets: where a node's is, and connections to it with the server's own certificate.
//
// Three ways to ask: a request with an answer (logs), a bare socket on which the client speaks for itself (WebSocket passed through), and a
// WebSocket of our own with channels (what SPDY is translated to). What a kubelet refuses is what the client hears, in its words.
//
// Same idea upstream: pkg/kubelet/client/kubelet_client.go.

import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import type { Node } from 'kubernetes-types/core/v1';
import { WebSocket } from 'ws';
import { ApiError, badRequest, internalError, notFound, serviceUnavailable } from '../api-error.ts';
import type { Registry } from '../registry/registry.ts';
import { objectKey } from '../registry/resource-definition.ts';
import { CHANNEL_V4, CHANNEL_V5, ChannelSocket } from '../streams/channel-socket.ts';

export interface KubeletCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface KubeletAddress {
  readonly host: string;
  readonly port: number;
}

/** What to ask of which kubelet. */
export interface KubeletTarget extends KubeletAddress {
  readonly path: string;
}

const DEFAULT_KUBELET_PORT = 10_250;
const CONNECT_TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 30_000;
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
const ERROR_BYTES_MAX = 64 * 1024;

export class KubeletConnections {
  readonly #credentials: KubeletCredentials | undefined;
  readonly #nodes: Registry;

  constructor(credentials: KubeletCredentials | undefined, nodes: Registry) {
    this.#credentials = credentials;
    this.#nodes = nodes;
  }

  /** Throws NotFound for a node that is not there, ServiceUnavailable for one that has not said yet where it is. */
  async addressOf(nodeName: string): Promise<KubeletAddress> {
    const { definition, storage } = this.#nodes;
    const stored = await storage.get(objectKey(definition, { name: nodeName }));
    if (stored === undefined) throw notFound(definition, nodeName);
    const { status } = stored.object as Node;
    const { addresses = [] } = status ?? {};
    const host = addresses.find(({ type }) => type === 'InternalIP')?.address ?? '';
    if (host === '') {
      const known = addresses.map(({ type, address }) => `{${type} ${address}}`).join(' ');
      throw serviceUnavailable(`no preferred addresses found; known addresses: [${known}]`);
    }
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? DEFAULT_KUBELET_PORT;
    return { host, port };
  }

  /** What proves this server to kubelets, and them to it. */
  get credentials(): KubeletCredentials {
    if (this.#credentials === undefined) {
      throw serviceUnavailable(
        'this API server has no credentials for kubelets (--kubelet-client-certificate)',
      );
    }
    return this.#credentials;
  }

  /** The head of a kubelet's answer; `signal` gives it up, also once it has begun. */
  get(target: KubeletTarget, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port, path } = target;
    const options = { host, port, path, ...this.credentials, agent: false, signal };
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(options, resolve);
      outgoing.on('error', (error) => reject(unreachable(target, error)));
      outgoing.on('socket', (socket) => limitConnect(socket));
      outgoing.end();
    });
  }

  connect(target: KubeletTarget): Promise<Socket> {
    const { host, port } = target;
    const options = { host, port, ...this.credentials };
    return new Promise((resolve, reject) => {
      const socket = connect(options);
      limitConnect(socket);
      socket.once('error', (error) => reject(unreachable(target, error)));
      socket.once('secureConnect', () => {
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        resolve(socket);
      });
    });
  }

  /** A connection with channels, not read from yet. Rejects with what the kubelet said when it refused. */
  openChannels(target: KubeletTarget): Promise<ChannelSocket> {
    const { host, port, path } = target;
    const url = `wss://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
    const socket = new WebSocket(url, [CHANNEL_V5, CHANNEL_V4], {
      ...this.credentials,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
    });
    return new Promise((resolve, reject) => {
      socket.on('error', (error) => reject(unreachable(target, error)));
      socket.once('unexpected-response', (_request, answer) => {
        kubeletError(answer).then(reject, reject);
      });
      // A node that is gone says nothing more, not even that.
      socket.once('upgrade', (answer) => answer.socket.setKeepAlive(true, KEEP_ALIVE_MS));
      socket.once('open', () => resolve(new ChannelSocket(socket)));
    });
  }
}

function limitConnect(socket: Socket): void {
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('i/o timeout')));
  socket.once('secureConnect', () => socket.setTimeout(0));
}

/** Upstream's 500 with upstream's words: a node that is down is no fault of this server. */
export function unreachable({ host, port, path }: KubeletTarget, error: Error): ApiError {
  const refused = 'code' in error && error.code === 'ECONNREFUSED';
  const why = refused ? 'connect: connection refused' : error.message;
  const message = `Get "https://${host}:${port}${path}": dial tcp ${host}:${port}: ${why}`;
  return serviceUnavailable(message, error);
}

/** What a kubelet answered instead of what was asked for, as the client's error. */
export async function kubeletError(answer: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > ERROR_BYTES_MAX) break;
  }
  const code = answer.statusCode ?? 500;
  if (code === 404) return new ApiError('NotFound', text.trim());
  return code < 500 ? badRequest(text.trim()) : internalError(text.trim());
}

// PortForward: GET /portForward/NAMESPACE/POD?port=N: connections to ports of a pod over one WebSocket, for `kubectl port-forward`.
//
//   port i of the query     channel 2i = data, channel 2i+1 = errors     first message of both: the port, two bytes, little endian
//
// In v4 the connection lives as long as its WebSocket. v5 adds channel 255, by which either side says that it has sent all: the other may
// go on. Both directions have a bound. What cannot be reached is said on the error channel, in upstream's words.
//
// The pod is reached from inside, by its own localhost.
// Same idea upstream: kubernetes, pkg/kubelet and k8s.io/kubelet/pkg/cri/streaming/portforward (websocket.go).
// Left out here: SPDY, which the API server translates.

import type { Socket } from 'node:net';
import { messageOf } from '@kube-labs/apiserver';
import type { RawData, WebSocket } from 'ws';
import { identityOf } from '../pod/pod-worker.ts';
import { readySandboxOf } from '../runtime/runtime.ts';
import { HttpError } from './http-error.ts';
import type { PodLookup } from './pod-lookup.ts';

export interface ForwardTarget {
  readonly pod: string;
  readonly uid: string;
  readonly ports: readonly number[];
  connect(port: number): Promise<Socket>;
}

const CLOSE = 255;
const PORT_MAX = 65_535;
const PORTS_MAX = 100;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const NORMAL_CLOSURE = 1000;

/** @param path namespace, pod */
export async function forwardTarget(
  options: Pick<PodLookup, 'pods' | 'runtime'>,
  path: readonly string[],
  query: URLSearchParams,
): Promise<ForwardTarget> {
  const [namespace = '', name = ''] = path.map(decodeURIComponent);
  const pod = options.pods.byName(namespace, name);
  if (pod === undefined) throw new HttpError(404, `pod "${name}" not found`);
  const ports = query.getAll('port').map(Number);
  if (ports.length === 0) throw new HttpError(400, 'query parameter "port" is required');
  const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= PORT_MAX;
  if (ports.length > PORTS_MAX || !ports.every(isPort)) {
    throw new HttpError(400, `query parameter "port" must name 1 to ${PORTS_MAX} ports`);
  }
  const { runtime } = options;
  const identity = identityOf(pod);
  const sandbox = readySandboxOf(await runtime.podStatus(identity));
  if (sandbox === undefined) throw new HttpError(500, `sandbox of pod "${name}" is not running`);
  const { uid } = identity;
  return { pod: name, uid, ports, connect: (port) => runtime.portForward(sandbox, port) };
}

/** Serves until every connection has ended, or the client has left. */
export async function serveForward(socket: WebSocket, target: ForwardTarget): Promise<void> {
  const connections: (Socket | undefined)[] = [];
  const leave = () => {
    for (const connection of connections) connection?.destroy();
  };
  socket.on('close', leave);
  socket.on('error', leave);
  // What the client sends meanwhile waits in its connection.
  socket.pause();
  const opened = target.ports.map((port, index) => open(socket, target, port, index * 2));
  connections.push(...(await Promise.all(opened)));
  if (socket.readyState !== socket.OPEN) return leave();
  const live = new Set(connections.filter((one) => one !== undefined && !one.closed));
  const close = () => socket.close(NORMAL_CLOSURE);
  for (const connection of live) {
    connection?.once('close', () => {
      live.delete(connection);
      if (live.size === 0) close();
    });
  }
  socket.on('message', (message) => receive(socket, connections, toBuffer(message)));
  socket.resume();
  if (live.size === 0) close();
}

/** Resolves with undefined when there is no connection, and the client knows why. */
async function open(
  socket: WebSocket,
  target: ForwardTarget,
  port: number,
  channel: number,
): Promise<Socket | undefined> {
  const preamble = Buffer.from([port & 0xff, port >> 8]);
  send(socket, channel, preamble);
  send(socket, channel + 1, preamble);
  const fail = (error: unknown) => {
    const place = `error forwarding port ${port} to pod ${target.pod}, uid ${target.uid}`;
    send(socket, channel + 1, Buffer.from(`${place}: ${messageOf(error)}`));
  };
  let connection: Socket;
  try {
    connection = await target.connect(port);
  } catch (error) {
    fail(error);
    return undefined;
  }
  connection.on('error', fail);
  connection.on('data', (chunk) => {
    send(socket, channel, chunk, () => connection.resume());
    if (socket.bufferedAmount >= BUFFERED_BYTES_MAX) connection.pause();
  });
  connection.on('end', () => {
    if (socket.protocol.startsWith('v5.')) send(socket, CLOSE, Buffer.from([channel]));
    // Without a word for the end of one half there is only the end of both.
    else connection.end();
  });
  return connection;
}

function receive(
  socket: WebSocket,
  connections: readonly (Socket | undefined)[],
  message: Buffer,
): void {
  const [channel = -1] = message;
  if (channel === CLOSE) {
    const ended = message[1] ?? -1;
    if (ended % 2 === 0) connections[ended / 2]?.end();
    return;
  }
  const connection = channel % 2 === 0 ? connections[channel / 2] : undefined;
  if (connection === undefined || connection.writableEnded || connection.destroyed) return;
  // More messages may come out of what was read already; the first that found one full waits for all.
  if (connection.write(message.subarray(1)) || socket.isPaused) return;
  socket.pause();
  const resume = () => {
    connection.off('drain', resume).off('close', resume);
    socket.resume();
  };
  connection.once('drain', resume).once('close', resume);
}

function send(socket: WebSocket, channel: number, data: Buffer, sent?: () => void): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(Buffer.concat([Buffer.from([channel]), data]), () => {
    if (socket.bufferedAmount < BUFFERED_BYTES_MAX) sent?.();
  });
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

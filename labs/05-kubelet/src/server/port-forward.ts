// PortForward: GET /portForward/NAMESPACE/POD?port=N: connections to ports of a pod over one WebSocket, for `kubectl port-forward`.
//
//   port i of the query     channel 2i = data, channel 2i+1 = errors     first message of both: the port, two bytes, little endian
//
// In v4 the connection lives as long as its WebSocket. v5 adds channel 255, by which either side says that it has sent all: the other may
// go on. Both directions have a bound. What cannot be reached is said on the error channel, in upstream's words.
//
// The pod is reached by its address, so what listens only on the pod's own 127.0.0.1 is not.
// Same idea upstream: kubernetes, pkg/kubelet and k8s.io/kubelet/pkg/cri/streaming/portforward (websocket.go).
// Left out here: SPDY, and entering the pod's network namespace.

import { connect, type Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { HttpError } from './http-error.ts';
import type { PodLookup } from './pod-lookup.ts';

export interface ForwardTarget {
  readonly pod: string;
  readonly uid: string;
  readonly host: string;
  readonly ports: readonly number[];
}

const CLOSE = 255;
const PORT_MAX = 65_535;
const PORTS_MAX = 100;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 30_000;
const NORMAL_CLOSURE = 1000;

/** @param path namespace, pod */
export function forwardTarget(
  options: Pick<PodLookup, 'pods' | 'statusOf'>,
  path: readonly string[],
  query: URLSearchParams,
): ForwardTarget {
  const [namespace = '', name = ''] = path.map(decodeURIComponent);
  const pod = options.pods.byName(namespace, name);
  if (pod === undefined) throw new HttpError(404, `pod "${name}" not found`);
  const uid = pod.metadata?.uid ?? '';
  const ports = query.getAll('port').map(Number);
  if (ports.length === 0) throw new HttpError(400, 'query parameter "port" is required');
  const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= PORT_MAX;
  if (ports.length > PORTS_MAX || !ports.every(isPort)) {
    throw new HttpError(400, `query parameter "port" must name 1 to ${PORTS_MAX} ports`);
  }
  const host = (options.statusOf(uid) ?? pod.status)?.podIP;
  if (!host) throw new HttpError(500, `pod "${name}" has no address yet`);
  return { pod: name, uid, host, ports };
}

/** Serves until every connection has ended, or the client has left. */
export function serveForward(socket: WebSocket, target: ForwardTarget): void {
  const connections = target.ports.map((port, index) => open(socket, target, port, index * 2));
  let left = connections.length;
  for (const connection of connections) {
    connection.once('close', () => {
      left -= 1;
      if (left === 0) socket.close(NORMAL_CLOSURE);
    });
  }
  socket.on('message', (message) => receive(socket, connections, toBuffer(message)));
  const leave = () => {
    for (const connection of connections) connection.destroy();
  };
  socket.on('close', leave);
  socket.on('error', leave);
}

function open(socket: WebSocket, target: ForwardTarget, port: number, channel: number): Socket {
  const preamble = Buffer.from([port & 0xff, port >> 8]);
  send(socket, channel, preamble);
  send(socket, channel + 1, preamble);
  const connection = connect({ host: target.host, port, allowHalfOpen: true });
  connection.setTimeout(CONNECT_TIMEOUT_MS, () => connection.destroy(new Error('i/o timeout')));
  connection.once('connect', () => connection.setTimeout(0));
  connection.on('error', (error: NodeJS.ErrnoException) => {
    const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
    const place = `error forwarding port ${port} to pod ${target.pod}, uid ${target.uid}`;
    const text = `${place}: dial tcp ${target.host}:${port}: ${why}`;
    send(socket, channel + 1, Buffer.from(text));
  });
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

function receive(socket: WebSocket, connections: readonly Socket[], message: Buffer): void {
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

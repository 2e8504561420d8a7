// startDnsServer: port 53 over UDP and TCP.
//
// Bounds: open TCP connections, seconds a connection may be idle, questions in work on one connection. Answers
// over TCP may overtake one another; their ids tell them apart (RFC 7766).
// Same idea upstream: coredns, core/dnsserver.

import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '@kube-labs/apiserver';
import type { Transport } from './forwarder.ts';
import { frame, readFrames } from './tcp-frames.ts';

export interface DnsServerOptions {
  readonly address: string;
  /** 0 = any free port, the same for both transports. */
  readonly port: number;
  answer(message: Buffer, transport: Transport): Promise<Buffer | undefined>;
  readonly log: Logger;
}

const CONNECTIONS_MAX = 200;
const IDLE_TIMEOUT_MS = 10_000;
const QUESTIONS_MAX = 100;

/** Throws when the address cannot be bound. */
export async function startDnsServer(
  options: DnsServerOptions,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const tcp = await listenTcp(options);
  const { port } = tcp.server.address() as AddressInfo;
  try {
    const udp = await listenUdp(options, port);
    return {
      port,
      async [Symbol.asyncDispose]() {
        await Promise.all([tcp.close(), udp.close()]);
      },
    };
  } catch (error) {
    await tcp.close();
    throw error;
  }
}

async function listenUdp(options: DnsServerOptions, port: number) {
  const { address, answer, log } = options;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  socket.removeAllListeners('error');
  // A client that is gone already is told by ICMP; that is no fault of the socket.
  socket.on('error', (error) => log.debug('DNS socket error', { err: error }));
  socket.on('message', (message, client) => {
    answer(message, 'udp')
      .then((response) => {
        if (response !== undefined) socket.send(response, client.port, client.address, () => {});
      })
      .catch((error: unknown) => log.error('Cannot answer a DNS question', { err: error }));
  });
  return { close: () => new Promise<void>((resolve) => socket.close(resolve)) };
}

async function listenTcp(options: DnsServerOptions) {
  const connections = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, resolve);
  });
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of connections) socket.destroy();
    await closed;
  };
  return { server, close };
}

function serve(socket: Socket, { answer, log }: DnsServerOptions): void {
  let inWork = 0;
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const read = readFrames((message) => {
    if (++inWork > QUESTIONS_MAX) {
      socket.destroy();
      return;
    }
    answer(message, 'tcp')
      .then((response) => {
        if (response !== undefined && socket.writable) socket.write(frame(response));
      })
      .catch((error: unknown) => log.error('Cannot answer a DNS question', { err: error }))
      .finally(() => {
        inWork--;
      });
  });
  socket.on('data', read);
}

// WireProxy: stands between the kubelet and its engine, or its API server, and can be cut, as if those were away.

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A port of 127.0.0.1, or the path of a socket. */
export type Endpoint = { port: number } | { path: string };

export class WireProxy {
  #listen: Endpoint;
  readonly #target: Endpoint;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(listen: Endpoint, target: Endpoint) {
    this.#listen = listen;
    this.#target = target;
  }

  /** Resolves with the port, of a proxy that has one. */
  async open(): Promise<number> {
    this.#removeSocketFile();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const behind = connect({ ...this.#target, allowHalfOpen: true });
      for (const one of [socket, behind]) {
        this.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => this.#sockets.delete(one));
      }
      socket.on('close', () => behind.destroy());
      behind.on('close', () => socket.destroy());
      socket.pipe(behind).pipe(socket);
    });
    this.#server = server;
    server.listen('path' in this.#listen ? this.#listen : { ...this.#listen, host: '127.0.0.1' });
    await once(server, 'listening');
    if ('path' in this.#listen) return 0;
    const { port } = server.address() as AddressInfo;
    // Open again where it was.
    this.#listen = { port };
    return port;
  }

  cut(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#removeSocketFile();
  }

  #removeSocketFile(): void {
    if ('path' in this.#listen) rmSync(this.#listen.path, { force: true });
  }
}

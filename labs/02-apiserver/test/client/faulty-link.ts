// A stretch of network between a client and a server that a test can cut, block or silence: real TCP, nothing else.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

export interface FaultyLink extends AsyncDisposable {
  readonly port: number;
  /** Resets every connection; new ones are accepted. */
  cut(): void;
  /** Refuses new connections and resets the old ones, until unblock(). */
  block(): void;
  unblock(): void;
  /** Keeps connections open but lets nothing through any more; new ones work. */
  silence(): void;
  /** Connections accepted so far. */
  readonly accepted: number;
}

export async function faultyLink(targetPort: number): Promise<FaultyLink> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let accepted = 0;
  let blocked = false;
  const server = createServer((near) => {
    if (blocked) {
      near.resetAndDestroy();
      return;
    }
    accepted++;
    const far = createConnection(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const [near] of pairs) near.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    cut,
    block() {
      blocked = true;
      cut();
    },
    unblock() {
      blocked = false;
    },
    silence() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

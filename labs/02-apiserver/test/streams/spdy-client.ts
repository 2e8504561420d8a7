// spdy-client: an upgrade to SPDY by hand, as stock clients ask for it, and what a server answers that refuses.
import { connect, type TLSSocket } from 'node:tls';
import type { TestApiServer } from '#src/server/test-api-server.ts';
import { SpdyPeer } from './spdy-peer.ts';

export interface Upgraded {
  readonly status: number;
  /** The answer's head. */
  readonly head: string;
  /** What followed, where the upgrade was refused. */
  readonly body: string;
  /** Speaks SPDY from the first time that it is asked for. */
  readonly peer: SpdyPeer;
  readonly socket: TLSSocket;
}

export interface UpgradeOptions {
  readonly protocols?: readonly string[];
  readonly upgrade?: string;
  readonly headers?: readonly string[];
  readonly method?: string;
}

/** Connections are ended by whoever asked for them. */
export function upgradeToSpdy(
  server: TestApiServer,
  path: string,
  options: UpgradeOptions = {},
): Promise<Upgraded> {
  const { protocols = ['v4.channel.k8s.io'], upgrade = 'SPDY/3.1', method = 'POST' } = options;
  const { ca, cert, key } = server.adminOptions as { ca: string; cert: string; key: string };
  const socket = connect({ host: '127.0.0.1', port: server.port, ca, cert, key });
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: api',
    'Connection: Upgrade',
    `Upgrade: ${upgrade}`,
    ...protocols.map((protocol) => `X-Stream-Protocol-Version: ${protocol}`),
    ...(options.headers ?? []),
    ...(method === 'POST' ? ['Content-Length: 0'] : []),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let text = Buffer.alloc(0);
    const finish = (head: string, rest: Buffer) => {
      socket.off('data', onData).off('end', onEnd).off('error', reject);
      socket.pause();
      const status = Number(head.split(' ', 2)[1]);
      if (status === 101 && rest.length > 0) socket.unshift(rest);
      let made: SpdyPeer | undefined;
      resolve({
        status,
        head,
        body: rest.toString(),
        socket,
        get peer() {
          made ??= new SpdyPeer(socket);
          return made;
        },
      });
    };
    const split = (): [string, Buffer] | undefined => {
      const end = text.indexOf('\r\n\r\n');
      return end < 0 ? undefined : [text.subarray(0, end).toString(), text.subarray(end + 4)];
    };
    const onData = (chunk: Buffer) => {
      text = Buffer.concat([text, chunk]);
      const parts = split();
      if (parts?.[0].startsWith('HTTP/1.1 101')) finish(...parts);
    };
    const onEnd = () => {
      const parts = split();
      if (parts === undefined) reject(new Error('no answer'));
      else finish(...parts);
    };
    socket.on('data', onData).on('end', onEnd).on('error', reject);
  });
}

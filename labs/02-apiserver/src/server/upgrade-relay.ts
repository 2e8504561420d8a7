// upgrade-relay: an upgrade that somebody else is to grant: asked for on the client's behalf, and passed through only once it was.
//
// Rule: until the other side has said 101, not a byte of the client's goes to it but the one request that was allowed. A side that answers
// anything else would take what follows for more requests, from whoever this server is to it: that answer is passed back, and both
// connections end.
//
// Same rule upstream: apimachinery, util/proxy/upgradeaware.go (since CVE-2018-1002105).

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiError } from '../api-error.ts';
import type { Upgrade } from './handler.ts';

export interface RelayedUpgrade {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, Host, Connection and Upgrade among them. */
  readonly headers: readonly string[];
  readonly signal: AbortSignal;
  /** Called when the other side granted it. */
  onStarted(): void;
  /** What the client hears when there is no answer at all. */
  failed(error: Error): ApiError;
}

type Answer =
  | { readonly kind: 'upgraded'; readonly answer: IncomingMessage; readonly head: Buffer }
  | { readonly kind: 'refused'; readonly answer: IncomingMessage };

/** The headers of an answer that concern one connection, and how long its body is there. */
const HOP_BY_HOP = /^(connection|keep-alive|transfer-encoding|trailer|upgrade)$/i;

/** Resolves when both connections have ended. */
export async function relayUpgrade(
  other: Socket,
  { socket, head }: Upgrade,
  relayed: RelayedUpgrade,
): Promise<void> {
  const { signal } = relayed;
  const stop = () => void other.destroy();
  signal.addEventListener('abort', stop, { once: true });
  socket.once('close', stop);
  if (signal.aborted || socket.destroyed) stop();
  try {
    const granted = await ask(other, relayed);
    if (granted.kind === 'refused') return await passRefusal(granted.answer, socket);
    socket.off('close', stop);
    socket.write(headOf(granted.answer, () => true));
    if (granted.head.length > 0) socket.write(granted.head);
    if (head.length > 0) other.write(head);
    relayed.onStarted();
    await joined(other, socket);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.off('close', stop);
    other.destroy();
  }
}

function ask(other: Socket, relayed: RelayedUpgrade): Promise<Answer> {
  const { method, path, headers, failed } = relayed;
  return new Promise((resolve, reject) => {
    // Not imported: see startHealthServer() in lab 01.
    const outgoing = process.getBuiltinModule('node:http').request({
      createConnection: () => other,
      method,
      path,
      headers: [...headers],
      setHost: false,
    });
    outgoing.once('upgrade', (answer, _socket, head) =>
      resolve({ kind: 'upgraded', answer, head }),
    );
    outgoing.once('response', (answer) => resolve({ kind: 'refused', answer }));
    outgoing.on('error', (error) => reject(failed(error)));
    outgoing.end();
  });
}

async function passRefusal(answer: IncomingMessage, socket: Duplex): Promise<void> {
  const head = headOf(answer, (name) => !HOP_BY_HOP.test(name), ['Connection: close']);
  socket.write(head);
  await pipeline(answer, socket).catch(() => void socket.destroy());
}

function headOf(
  { statusCode, statusMessage, rawHeaders }: IncomingMessage,
  keeps: (name: string) => boolean,
  more: readonly string[] = [],
): Buffer {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (keeps(name)) lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${[...lines, ...more].join('\r\n')}\r\n\r\n`, 'latin1');
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

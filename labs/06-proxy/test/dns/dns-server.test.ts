// The DNS server over real sockets of the loopback.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { silentLogger } from '@kube-labs/apiserver';
import { expect, test } from 'vitest';
import { startDnsServer } from '../../src/dns/dns-server.ts';
import { frame, readFrames } from '../../src/dns/tcp-frames.ts';

const start = () =>
  startDnsServer({
    address: '127.0.0.1',
    port: 0,
    log: silentLogger,
    async answer(message, transport) {
      const text = message.toString();
      if (text === 'silence') return undefined;
      if (text === 'fault') throw new Error('a fault of ours');
      return Buffer.from(`${transport} ${text}`);
    },
  });

test('startDnsServer() answers datagrams, and goes on after a fault and a silence', async () => {
  await using server = await start();
  const socket = createSocket('udp4');
  for (const text of ['fault', 'silence', 'hello']) socket.send(text, server.port, '127.0.0.1');
  const [answer] = await once(socket, 'message');
  expect(String(answer)).toBe('udp hello');
  socket.close();
});

test('startDnsServer() answers several questions of one connection', async () => {
  await using server = await start();
  const socket = connect(server.port, '127.0.0.1');
  const answers: string[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on(
      'data',
      readFrames((message) => answers.push(String(message)) === 2 && resolve()),
    );
  });
  socket.write(Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))]));
  await both;
  expect(answers).toEqual(['tcp one', 'tcp two']);
  socket.destroy();
});

test('startDnsServer() says when it cannot have the address', async () => {
  await expect(
    startDnsServer({
      address: '192.0.2.1',
      port: 0,
      log: silentLogger,
      answer: async () => undefined,
    }),
  ).rejects.toThrow('EADDRNOTAVAIL');
});

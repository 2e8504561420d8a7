// The forwarder before resolvers that answer, lie, or say nothing.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { FakeClock } from '@kube-labs/apiserver';
import { decode, encode, type Packet } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { Forwarder, type Upstream } from '../../src/dns/forwarder.ts';
import { parseResolvConf } from '../../src/dns/resolv-conf.ts';
import { frame, readFrames } from '../../src/dns/tcp-frames.ts';

const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const resource of opened.splice(0)) resource.close();
});

/** A resolver on the loopback that answers as it is told; '' = says nothing. */
async function upstream(reply: (query: Packet, message: Buffer) => Buffer | undefined) {
  const asked: Packet[] = [];
  const socket: Socket = createSocket('udp4');
  opened.push(socket);
  socket.on('message', (message, client) => {
    const query = decode(message);
    asked.push(query);
    const answer = reply(query, message);
    if (answer !== undefined) socket.send(answer, client.port, client.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { asked, address: '127.0.0.1', port: socket.address().port };
}

function answerOf(query: Packet, more: Partial<Packet> & { ttl?: number } = {}): Buffer {
  const [question] = query.questions ?? [];
  const { ttl = 20, ...packet } = more;
  const name = question?.name ?? '';
  return encode({
    type: 'response',
    id: query.id ?? 0,
    questions: query.questions ?? [],
    answers: [{ type: 'A', name, ttl, data: '192.0.2.1' }],
    ...packet,
  });
}

/** Whoever answers has all the time that a busy machine takes for it. */
function forwarder(upstreams: readonly Upstream[], clock = new FakeClock()): Forwarder {
  return new Forwarder({ upstreams: () => upstreams, clock, attemptTimeoutMs: 20_000 });
}

/** For upstreams that leave it without an answer. */
function hasty(upstreams: readonly Upstream[], attemptTimeoutMs = 150): Forwarder {
  const clock = new FakeClock();
  return new Forwarder({ upstreams: () => upstreams, clock, attemptTimeoutMs });
}

const query = encode({
  type: 'query',
  id: 77,
  flags: 0x100,
  questions: [{ type: 'A', name: 'example.org' }],
});
const silent = () => undefined;

describe('Forwarder.forward()', () => {
  test('asks under an id of its own and answers under the one it was given', async () => {
    const server = await upstream((asked) => answerOf(asked));
    const answer = await forwarder([server]).forward(query, 'udp');
    expect(decode(answer!)).toMatchObject({ id: 77, answers: [{ data: '192.0.2.1' }] });
    expect(server.asked).toHaveLength(1);
  });

  test('asks the next resolver when one is silent', async () => {
    const [dead, alive] = [await upstream(silent), await upstream((asked) => answerOf(asked))];
    // A machine that stands still for a second makes the second resolver a silent one, too.
    await expect.poll(() => hasty([dead, alive], 1_000).forward(query, 'udp')).toBeDefined();
  });

  test('gives up when all are silent, or there are none', async () => {
    const dead = await upstream(silent);
    expect(await hasty([dead]).forward(query, 'udp')).toBeUndefined();
    await expect.poll(() => dead.asked).toHaveLength(2);
    expect(await hasty([]).forward(query, 'udp')).toBeUndefined();
  });

  test.each([
    {
      name: 'another id',
      reply: (asked: Packet) => answerOf({ ...asked, id: ((asked.id ?? 0) + 1) % 65_536 }),
    },
    {
      name: 'another question',
      reply: (asked: Packet) =>
        answerOf(asked, { questions: [{ type: 'A', name: 'evil.example' }] }),
    },
    { name: 'the question itself', reply: (_: Packet, message: Buffer) => message },
    { name: 'noise', reply: () => Buffer.from('x') },
  ])('does not believe an answer with $name', async ({ reply }) => {
    const server = await upstream(reply);
    expect(await hasty([server]).forward(query, 'udp')).toBeUndefined();
  });

  test('remembers an answer for its time to live, thirty seconds at most', async () => {
    const clock = new FakeClock();
    const server = await upstream((asked) => answerOf(asked, { ttl: 3_600 }));
    const cached = forwarder([server], clock);
    await cached.forward(query, 'udp');
    clock.advance(29_000);
    const again = Buffer.from(query);
    again.writeUInt16BE(78, 0);
    expect(decode((await cached.forward(again, 'udp'))!).id).toBe(78);
    expect(server.asked).toHaveLength(1);
    clock.advance(2_000);
    await cached.forward(query, 'udp');
    expect(server.asked).toHaveLength(2);
  });

  test('does not remember a failure', async () => {
    const server = await upstream((asked) => answerOf(asked, { flags: 2, answers: [] }));
    const cached = forwarder([server]);
    await cached.forward(query, 'udp');
    await cached.forward(query, 'udp');
    expect(server.asked).toHaveLength(2);
  });

  test('asks over TCP when it was asked over TCP', async () => {
    const server = createServer((socket) => {
      socket.on(
        'data',
        readFrames((message) => socket.write(frame(answerOf(decode(message))))),
      );
    });
    opened.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const answer = await forwarder([{ address: '127.0.0.1', port }]).forward(query, 'tcp');
    expect(decode(answer!).answers).toHaveLength(1);
  });
});

describe('readFrames()', () => {
  test('puts messages together however the stream is cut', () => {
    const messages: string[] = [];
    const read = readFrames((message) => messages.push(message.toString()));
    const stream = Buffer.concat([
      frame(Buffer.from('one')),
      frame(Buffer.alloc(0)),
      frame(Buffer.from('two')),
    ]);
    for (const byte of stream) read(Buffer.from([byte]));
    expect(messages).toEqual(['one', '', 'two']);
    read(stream);
    expect(messages).toHaveLength(6);
  });
});

describe('parseResolvConf()', () => {
  test.each([
    {
      name: 'takes name servers in order',
      text: 'nameserver 127.0.0.11\nnameserver fe80::1',
      want: ['127.0.0.11', 'fe80::1'],
    },
    {
      name: 'leaves comments and options',
      text: '# nameserver 192.0.2.1\nsearch a b\noptions ndots:0',
      want: [],
    },
    { name: 'leaves what is no address', text: 'nameserver\nnameserver example.org', want: [] },
    {
      name: 'leaves our own address',
      text: 'nameserver 10.96.0.10\n\tnameserver  192.0.2.1 ',
      want: ['192.0.2.1'],
    },
  ])('$name', ({ text, want }) => {
    expect(parseResolvConf(text, '10.96.0.10').map(({ address }) => address)).toEqual(want);
  });
});

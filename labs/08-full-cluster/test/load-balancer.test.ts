// LoadBalancer: who gets a connection, and what happens to those of a backend that is gone. Real sockets on loopback.

import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createCertificateAuthority, createLogger, issueCertificate } from '@kube-labs/apiserver';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Backend, candidates, judge, LoadBalancer, lookAt } from '../src/load-balancer.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe('candidates()', () => {
  test.each([
    { name: 'ready ones in turns', states: ['ready', 'ready', 'ready'], turn: 1, want: [1, 2, 0] },
    {
      name: 'no others while one is ready',
      states: ['gone', 'unready', 'ready'],
      turn: 4,
      want: [2],
    },
    { name: 'all when none is ready', states: ['gone', 'unready'], turn: 0, want: [0, 1] },
  ] as const)('are $name', ({ states, turn, want }) => {
    expect(candidates(states, turn)).toEqual(want);
  });
});

describe('judge()', () => {
  test.each([
    { name: 'believes an answer', before: 'gone', answer: 'ready', failures: 0, want: 'ready' },
    {
      name: 'knows 500 from silence',
      before: 'ready',
      answer: 'unready',
      failures: 0,
      want: 'unready',
    },
    { name: 'pardons one silence', before: 'ready', answer: 'silent', failures: 1, want: 'ready' },
    { name: 'does not pardon two', before: 'ready', answer: 'silent', failures: 2, want: 'gone' },
    {
      name: 'takes a refusal at once',
      before: 'ready',
      answer: 'refused',
      failures: 0,
      want: 'gone',
    },
  ] as const)('$name', ({ before, answer, failures, want }) => {
    expect(judge(before, answer, failures)).toBe(want);
  });
});

describe('lookAt()', () => {
  const { signal } = new AbortController();

  async function listening(server: Server): Promise<Backend> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => server.close());
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  test('believes who proves to be of the cluster, and knows 200 from the rest', async () => {
    const ca = await createCertificateAuthority('kubernetes');
    const names = { commonName: 'kube-apiserver', server: true, ipAddresses: ['127.0.0.1'] };
    const pair = await issueCertificate(ca, names);
    let status = 200;
    const server = createTlsServer(pair, (request, response) => {
      response.writeHead(request.url === '/readyz' ? status : 404).end();
    });
    const backend = await listening(server);
    expect(await lookAt(backend, ca.cert, signal)).toBe('ready');
    status = 500;
    expect(await lookAt(backend, ca.cert, signal)).toBe('unready');
    status = 200;
    const stranger = await createCertificateAuthority('kubernetes');
    expect(await lookAt(backend, stranger.cert, signal)).toBe('unready');
  });

  test('takes who hangs up for unready, and throws only where nobody takes the connection', async () => {
    const server = createServer((socket) => socket.destroy());
    const backend = await listening(server);
    expect(await lookAt(backend, '', signal)).toBe('unready');
    server.close();
    await once(server, 'close');
    await expect(lookAt(backend, '', signal)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

/** A server that says its name to whoever connects, and keeps the connection. */
async function namedServer(name: string): Promise<{ backend: Backend; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(name);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { backend: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, server };
}

async function setUp(answers: Map<Backend, 'ready' | 'unready' | Error>) {
  const balancer = new LoadBalancer({
    backends: [...answers.keys()],
    look: async (backend) => {
      const answer = answers.get(backend) ?? 'ready';
      if (answer instanceof Error) throw answer;
      return answer;
    },
    log: createLogger('load-balancer', { destination: { write: () => true } }),
    everyMs: 10,
    patienceMs: 20_000,
  });
  stops.push(() => balancer[Symbol.asyncDispose]());
  const port = await balancer.listen(0, '127.0.0.1');
  const greet = async () => {
    const socket = connect({ host: '127.0.0.1', port });
    stops.push(() => socket.destroy());
    const [name] = await once(socket, 'data');
    return { socket, name: String(name) };
  };
  const become = (...want: string[]) => vi.waitFor(() => expect(balancer.states()).toEqual(want));
  return { greet, become };
}

test('connections go to those that are ready, by turns', async () => {
  const [a, b, c] = [await namedServer('a'), await namedServer('b'), await namedServer('c')];
  const { greet, become } = await setUp(
    new Map([
      [a.backend, 'ready'],
      [b.backend, 'unready'],
      [c.backend, 'ready'],
    ]),
  );
  await become('ready', 'unready', 'ready');
  const names = [await greet(), await greet(), await greet(), await greet()].map(
    ({ name }) => name,
  );
  expect(names.sort()).toEqual(['a', 'a', 'c', 'c']);
});

test('a connection passes a backend that refuses before anybody has noticed', async () => {
  const [a, b] = [await namedServer('a'), await namedServer('b')];
  a.server.close();
  const { greet, become } = await setUp(
    new Map([
      [a.backend, 'ready'],
      [b.backend, 'ready'],
    ]),
  );
  await become('ready', 'ready');
  expect([(await greet()).name, (await greet()).name]).toEqual(['b', 'b']);
});

test('connections to a backend that is gone are cut; those to one that is not ready live on', async () => {
  const [a, b] = [await namedServer('a'), await namedServer('b')];
  const answers = new Map<Backend, 'ready' | 'unready' | Error>([
    [a.backend, 'ready'],
    [b.backend, 'unready'],
  ]);
  const { greet, become } = await setUp(answers);
  await become('ready', 'unready');
  const { socket } = await greet();
  const closed = once(socket, 'close');
  answers.set(a.backend, 'unready');
  answers.set(b.backend, 'ready');
  await become('unready', 'ready');
  expect(socket.destroyed).toBe(false);
  answers.set(a.backend, new Error('no answer'));
  await become('gone', 'ready');
  await closed;
  expect((await greet()).name).toBe('b');
});

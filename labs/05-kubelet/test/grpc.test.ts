// gRPC probes against servers of the test's own: the health protocol, and upstream's words for all that is not health.

import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { type Clock, FakeClock, realClock } from '@kube-labs/apiserver';
import { expect, onTestFinished, test } from 'vitest';
import { attempt } from '#src/probe/attempt.ts';
import { freePort } from '../../../test/free-port.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { container } from './objects.ts';

const never = new AbortController().signal;

async function listen(server: Server | Http2Server, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

interface Reply {
  readonly status?: number;
  readonly health?: number;
  readonly trailers?: Readonly<Record<string, string>>;
}

const OK = { 'grpc-status': '0' };

function reply(stream: ServerHttp2Stream, { status = 200, health, trailers }: Reply): void {
  const headers = { ':status': status, 'content-type': 'application/grpc' };
  if (trailers === undefined) {
    stream.respond(headers, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  const message = health === undefined || health === 0 ? [] : [0x08, health];
  stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
}

/** Written down as it came: path, service. */
async function health(answer: Reply) {
  const asked: { path: unknown; type: unknown; agent: unknown; body: string }[] = [];
  const server = createServer();
  server.on('stream', (stream, headers) => {
    let body = '';
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString('hex');
    });
    stream.on('end', () => {
      const [path, type, agent] = [
        headers[':path'],
        headers['content-type'],
        headers['user-agent'],
      ];
      asked.push({ path, type, agent, body });
      reply(stream, answer);
    });
  });
  return { asked, port: await listen(server) };
}

interface ProbeOptions {
  readonly service?: string;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

function probe(port: number, options: ProbeOptions = {}) {
  const { service = '', timeoutMs = 60_000, clock = realClock } = options;
  const runtime = new FakeRuntime();
  const spec = container('c');
  const target = { runtime, clock, containerId: 'c', spec, address: '127.0.0.1' };
  return attempt({ grpc: { port, service } }, { ...target, timeoutMs }, never);
}

test('asks the health protocol’s question, and is content with SERVING', async () => {
  const { asked, port } = await health({ health: 1, trailers: OK });
  expect(await probe(port)).toEqual({ kind: 'success' });
  expect(await probe(port, { service: 'a'.repeat(200) })).toEqual({ kind: 'success' });
  const [plain, named] = asked;
  expect(plain).toEqual({
    path: '/grpc.health.v1.Health/Check',
    type: 'application/grpc',
    agent: 'kube-probe/1.33',
    body: '0000000000',
  });
  // Field 1, 200 bytes long.
  expect(named?.body).toBe(`00000000cb0ac801${'61'.repeat(200)}`);
});

test.each([
  {
    answer: { health: 2, trailers: OK },
    output: 'service unhealthy (responded with "NOT_SERVING")',
  },
  { answer: { health: 0, trailers: OK }, output: 'service unhealthy (responded with "UNKNOWN")' },
  { answer: { health: 9, trailers: OK }, output: 'service unhealthy (responded with "9")' },
  {
    answer: { trailers: { 'grpc-status': '5', 'grpc-message': 'unknown%20service' } },
    output: 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service',
  },
  {
    answer: { trailers: { 'grpc-status': '12', 'grpc-message': 'unknown service Health' } },
    output:
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service Health',
  },
  {
    answer: { status: 404 },
    output:
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unexpected HTTP status code received from server: 404',
  },
  {
    answer: { status: 503 },
    output:
      'error: health rpc probe failed: rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 503',
  },
])('fails with: $output', async ({ answer, output }) => {
  const { port } = await health(answer);
  expect(await probe(port)).toEqual({ kind: 'failure', output });
});

test('a call that is not answered in time has failed', async () => {
  const server = createServer();
  const asked = once(server, 'stream');
  server.on('session', (session) => onTestFinished(() => session.destroy()));
  const port = await listen(server);
  const clock = new FakeClock();
  const result = probe(port, { timeoutMs: 200, clock });
  await asked;
  clock.advance(200);
  expect(await result).toEqual({
    kind: 'failure',
    output: 'timeout: health rpc did not complete within 0.2s',
  });
});

test('who does not listen, or does not speak HTTP/2, is not connected in time', async () => {
  const silent = createTcpServer((socket) => void socket.on('error', () => {}).resume());
  const talker = createTcpServer((socket) => void socket.on('error', () => {}).end('hello\n'));
  const closed = createTcpServer();
  const ports = [await listen(silent), await listen(talker), await listen(closed)];
  await new Promise((resolve) => closed.close(resolve));
  const results = await Promise.all(ports.map((port) => probe(port, { timeoutMs: 300 })));
  expect(results).toEqual(
    ports.map((port) => ({
      kind: 'failure',
      output: `timeout: failed to connect service "127.0.0.1:${port}" within 0.3s: context deadline exceeded`,
    })),
  );
});

test('a server that comes while there is time is asked', async () => {
  const port = await freePort();
  const result = probe(port);
  const server = createServer();
  server.on('stream', (stream) => reply(stream, { health: 1, trailers: OK }));
  await listen(server, port);
  expect(await result).toEqual({ kind: 'success' });
});

test('a pod without an address cannot be asked, which says nothing about it', async () => {
  const runtime = new FakeRuntime();
  const target = { runtime, clock: realClock, containerId: 'c', spec: container('c') };
  const result = await attempt(
    { grpc: { port: 1 } },
    { ...target, address: '', timeoutMs: 1 },
    never,
  );
  expect(result).toEqual({ kind: 'unknown', output: 'failed to find networking container' });
});

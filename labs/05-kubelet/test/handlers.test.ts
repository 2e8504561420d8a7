// Single attempts of probes and hooks, against servers of the test's own: what counts as success, failure, or as nothing.

import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import {
  createCertificateAuthority,
  FakeClock,
  issueCertificate,
  realClock,
} from '@kube-labs/apiserver';
import { expect, onTestFinished, test } from 'vitest';
import { attempt, complaintOf } from '#src/probe/attempt.ts';
import { runHook } from '#src/probe/hooks.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { container } from './objects.ts';

const never = new AbortController().signal;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const serve = (answer: RequestListener) => listen(createServer(answer));

function target(rest: { runtime?: FakeRuntime; timeoutMs?: number } = {}) {
  const runtime = rest.runtime ?? new FakeRuntime();
  const timeoutMs = rest.timeoutMs ?? 60_000;
  return {
    runtime,
    clock: realClock,
    containerId: 'c',
    spec: container('c'),
    address: '127.0.0.1',
    timeoutMs,
  };
}

test('a probe that the engine cannot make says nothing about the container, and is tried three times', async () => {
  const runtime = new FakeRuntime();
  let tries = 0;
  runtime.execSync = async () => {
    tries++;
    throw new RuntimeError('unavailable', 'Cannot connect to the Docker daemon');
  };
  const result = await attempt({ exec: { command: ['true'] } }, target({ runtime }), never);
  expect(result).toEqual({ kind: 'unknown', output: 'Cannot connect to the Docker daemon' });
  expect(tries).toBe(3);
  expect(complaintOf(result)).toEqual({
    reason: 'Unhealthy',
    text: 'errored and resulted in unknown state: Cannot connect to the Docker daemon',
  });
});

test.each([
  { what: 'a port that has no such name', probe: { httpGet: { port: 'admin' } } },
  { what: 'no handler', probe: {} },
])('$what is no failure of the container', async ({ probe }) => {
  expect((await attempt(probe, target(), never)).kind).toBe('unknown');
});

test.each([
  { exitCode: 0, kind: 'success' },
  { exitCode: 1, kind: 'failure' },
  { exitCode: 126, kind: 'failure' },
])('a command that exits with $exitCode is a $kind', async ({ exitCode, kind }) => {
  const runtime = new FakeRuntime();
  runtime.execSync = async () => ({ kind: 'exited', exitCode, output: 'said' });
  const result = await attempt({ exec: { command: ['x'] } }, target({ runtime }), never);
  expect(result.kind).toBe(kind);
});

test('an HTTP probe follows redirects on its host, to another port as well', async () => {
  const paths: string[] = [];
  const other = await serve((request, response) => {
    paths.push(request.url ?? '');
    response.end('fine');
  });
  const port = await serve((request, response) => {
    paths.push(request.url ?? '');
    const Location = request.url === '/' ? '/next' : `http://127.0.0.1:${other}/end`;
    response.writeHead(302, { Location }).end();
  });
  expect(await attempt({ httpGet: { port } }, target(), never)).toEqual({ kind: 'success' });
  expect(paths).toEqual(['/', '/next', '/end']);
});

test('a redirect that ends in a failure fails the probe', async () => {
  const port = await serve((request, response) => {
    if (request.url === '/') response.writeHead(307, { Location: '/broken' }).end();
    else response.writeHead(500).end();
  });
  expect(await attempt({ httpGet: { port } }, target(), never)).toEqual({
    kind: 'failure',
    output: 'HTTP probe failed with statuscode: 500',
  });
});

test('a redirect to another host is not followed: success, with a warning', async () => {
  const port = await serve((_, response) => {
    response.writeHead(301, { Location: 'http://example.com/' }).end('moved');
  });
  const result = await attempt({ httpGet: { port } }, target(), never);
  expect(complaintOf(result)).toEqual({
    reason: 'ProbeWarning',
    text: 'warning: Probe terminated redirects, Response body: moved',
  });
  expect(result.kind).toBe('success');
});

test('redirects without end are a failure after ten', async () => {
  let requests = 0;
  const port = await serve((_, response) => {
    requests++;
    response.writeHead(302, { Location: '/again' }).end();
  });
  expect(await attempt({ httpGet: { port } }, target(), never)).toEqual({
    kind: 'failure',
    output: `Get "http://127.0.0.1:${port}/again": stopped after 10 redirects`,
  });
  expect(requests).toBe(10);
});

test('a probe reads no more than 10 KiB, and waits for no more than its time', async () => {
  const port = await serve((request, response) => {
    response.write('x'.repeat(64 * 1024));
    if (request.url === '/short') response.end();
  });
  const kind = async (path: string, timeoutMs: number) =>
    (await attempt({ httpGet: { port, path } }, target({ timeoutMs }), never)).kind;
  expect(await kind('/short', 60_000)).toBe('success');
  expect(await kind('/endless', 60_000)).toBe('success');
  const silent = await serve(() => {});
  expect(await attempt({ httpGet: { port: silent } }, target({ timeoutMs: 50 }), never)).toEqual({
    kind: 'failure',
    output: `Get "http://127.0.0.1:${silent}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
});

test('TCP: a listener is enough; nobody there is a failure', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  expect(await attempt({ tcpSocket: { port } }, target(), never)).toEqual({ kind: 'success' });
  await new Promise((resolve) => server.close(resolve));
  expect(await attempt({ tcpSocket: { port } }, target(), never)).toEqual({
    kind: 'failure',
    output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test.each([
  { how: 'tcpSocket', output: (port: number) => `dial tcp 127.0.0.1:${port}: i/o timeout` },
  {
    how: 'httpGet',
    output: (port: number) =>
      `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  },
])('$how: whoever answers too late has failed, by the kubelet’s clock', async ({ how, output }) => {
  const port = await serve((_, response) => void response.end());
  const clock = new FakeClock();
  const late = { ...target({ timeoutMs: 3_000 }), clock };
  const result = attempt({ [how]: { port } }, late, never);
  clock.advance(3_000);
  expect(await result).toEqual({ kind: 'failure', output: output(port) });
  expect(clock.pendingTimers).toBe(0);
});

test('any answer is enough for an HTTP hook; none is a failure', async () => {
  const agents: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    agents.push(request.headers['user-agent']);
    response.writeHead(500).end();
  });
  const port = await listen(server);
  expect(await runHook({ httpGet: { port } }, target(), never)).toEqual({ kind: 'success' });
  expect(agents).toEqual(['kube-lifecycle/1.33']);
  await new Promise((resolve) => server.close(resolve));
  expect(await runHook({ httpGet: { port } }, target(), never)).toEqual({
    kind: 'failure',
    output: `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test('an HTTPS hook that finds plain HTTP is asked again by HTTP, with a warning', async () => {
  const port = await serve((_, response) => void response.end());
  expect(await runHook({ httpGet: { port, scheme: 'HTTPS' } }, target(), never)).toEqual({
    kind: 'success',
    warning: `request to HTTPS lifecycle hook 127.0.0.1:${port} got HTTP response, retry with HTTP succeeded`,
  });
});

test('probes and hooks speak HTTPS with whatever certificate the pod has', async () => {
  const ca = await createCertificateAuthority('nobody');
  const { cert, key } = await issueCertificate(ca, { commonName: 'x', server: true });
  const port = await listen(createSecureServer({ cert, key }, (_, response) => response.end()));
  const httpGet = { port, scheme: 'HTTPS' };
  expect(await attempt({ httpGet }, target(), never)).toEqual({ kind: 'success' });
  expect(await runHook({ httpGet }, target(), never)).toEqual({ kind: 'success' });
});

test('a hook is ended by its signal, and says then that it was', async () => {
  const port = await serve(() => {});
  const interrupt = new AbortController();
  const hanging = runHook({ httpGet: { port } }, target(), interrupt.signal);
  interrupt.abort();
  await expect(hanging).rejects.toThrow('abort');
});

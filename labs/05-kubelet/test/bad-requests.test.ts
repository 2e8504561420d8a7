// Requests that make no sense, are hostile, or are cut in the middle: what the kubelet answers to each, and that it serves on.

import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { connect } from 'node:tls';
import { createCertificateAuthority, issueCertificate } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PodManager } from '#src/config/pod-manager.ts';
import { startKubeletServer } from '#src/server/kubelet-server.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { pod } from './objects.ts';
import { openServer } from './open-server.ts';

let server: { port: number } & AsyncDisposable;
beforeAll(async () => {
  const tls = await issueCertificate(await createCertificateAuthority('own'), {
    ...{ commonName: 'node-1', server: true },
  });
  const pods = new PodManager();
  pods.set(pod());
  server = await startKubeletServer({
    ...openServer,
    ...{ address: '127.0.0.1', port: 0, tls: { ...tls, clientCa: undefined }, pods },
    runtime: new FakeRuntime(),
    statusOf: () => ({ podIP: '127.0.0.1' }),
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const host = '127.0.0.1';

function ask(path: string, options: RequestOptions = {}): Promise<string> {
  const { port } = server;
  return new Promise((resolve, reject) => {
    request({ host, port, path, agent: false, rejectUnauthorized: false, ...options })
      .on('response', async (response) => {
        let body = '';
        for await (const chunk of response) body += String(chunk);
        resolve(`${response.statusCode} ${body}`);
      })
      .on('error', reject)
      .end();
  });
}

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
};
const V5 = { ...UPGRADE, 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' };
const LONG = 'x'.repeat(4_000);

test.each<{ name: string; path: string; options?: RequestOptions; want: string }>([
  { name: 'no such page', path: '/none', want: '404 404 page not found' },
  { name: 'nothing at all', path: '/', want: '404 404 page not found' },
  { name: 'a name of every object', path: '/constructor', want: '404 404 page not found' },
  { name: 'a way out of the path', path: '/../../etc/passwd', want: '404 404 page not found' },
  { name: 'two slashes', path: '//pods', want: '404 404 page not found' },
  { name: 'no such figures', path: '/metrics/none', want: '404 404 page not found' },
  {
    name: 'figures that nobody takes',
    path: '/stats/summary',
    want: '404 This kubelet has no statistics',
  },
  { name: 'no such statistics', path: '/stats/none', want: '404 404 page not found' },
  {
    name: 'a method that writes',
    path: '/pods',
    options: { method: 'DELETE' },
    want: '405 Method Not Allowed',
  },
  {
    name: 'a method of no one',
    path: '/healthz',
    options: { method: 'PROPFIND' },
    want: '405 Method Not Allowed',
  },
  {
    name: 'logs of no pod',
    path: '/containerLogs/default/none/c',
    want: '404 pod "none" not found',
  },
  {
    name: 'logs of no container',
    path: '/containerLogs/default/web/none',
    want: '404 container "none" not found in pod "web"',
  },
  { name: 'logs of nothing', path: '/containerLogs', want: '404 pod "" not found' },
  {
    name: 'logs of a name of 4,000 letters',
    path: `/containerLogs/default/${LONG}/c`,
    want: `404 pod "${LONG}" not found`,
  },
  {
    name: 'a name that is not UTF-8',
    path: '/containerLogs/default/%ff/c',
    want: '400 Cannot read the path of the request: URI malformed',
  },
  {
    name: 'a name cut in its escape',
    path: '/containerLogs/default/%2/c',
    want: '400 Cannot read the path of the request: URI malformed',
  },
  {
    name: 'a negative number of lines',
    path: '/containerLogs/default/web/c?tailLines=-1',
    want: '400 Invalid tailLines: -1: must be a non-negative integer',
  },
  {
    name: 'no number of lines',
    path: '/containerLogs/default/web/c?tailLines=all',
    want: '400 Invalid tailLines: all: must be a non-negative integer',
  },
  {
    name: 'half a second',
    path: '/containerLogs/default/web/c?sinceSeconds=0.5',
    want: '400 Invalid sinceSeconds: 0.5: must be a non-negative integer',
  },
  {
    name: 'a time that is none',
    path: '/containerLogs/default/web/c?sinceTime=yesterday',
    want: '400 Invalid sinceTime: yesterday: must be a time as in RFC 3339',
  },
  {
    name: 'logs of a container that never ran',
    path: '/containerLogs/default/web/c',
    want: '400 container "c" in pod "web" is waiting to start: ContainerCreating',
  },
  {
    name: 'exec without a stream',
    path: '/exec/default/web/c?command=id',
    want: '400 Upgrade request required',
  },
  {
    name: 'exec with a stream of no protocol',
    path: '/exec/default/web/c?command=id',
    options: { headers: UPGRADE },
    want: '400 unable to upgrade: subprotocols  not supported',
  },
  {
    name: 'exec in no pod',
    path: '/exec/default/none/c?command=id&output=1',
    options: { headers: V5 },
    want: '404 pod "none" not found',
  },
  {
    name: 'exec in a container that does not run',
    path: '/exec/default/web/c?command=id&output=1',
    options: { headers: V5 },
    want: '500 container not found ("c")',
  },
  {
    name: 'exec by a name that is not UTF-8',
    path: '/exec/default/%ff/c',
    options: { headers: V5 },
    want: '400 Cannot read the path of the request: URI malformed',
  },
  {
    name: 'exec of no stream',
    path: '/exec/default/web/c?command=id',
    options: { headers: V5 },
    want: '400 you must specify at least 1 of stdin, stdout, stderr',
  },
  {
    name: 'a stream of no use',
    path: '/pods',
    options: { headers: V5 },
    want: '404 404 page not found',
  },
])('$name', async ({ path, options = {}, want }) => {
  expect(await ask(path, options)).toBe(want);
});

test.each([
  ['no HTTP', 'hello\r\n\r\n'],
  ['a request cut in the middle', 'GET /pods HTTP/1.1\r\nHost: '],
  ['headers without end', `GET /pods HTTP/1.1\r\nX: ${'y'.repeat(100_000)}`],
])('%s ends its own connection, and no other', async (_, bytes) => {
  const socket = connect({ host, port: server.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  socket.resume().end(bytes);
  await closed;
  expect(await ask('/healthz')).toBe('200 ok');
});

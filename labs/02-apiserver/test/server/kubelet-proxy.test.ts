// Logs and exec: what reaches the kubelet, what never does, and what is refused before anybody is asked.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { createPodOn, type FakeKubelet, startFakeKubelet } from './fake-kubelet.ts';
import { wire } from './wire.ts';

const POD = '/api/v1/namespaces/default/pods/web';
let kubelet: FakeKubelet;
let server: TestApiServer;

beforeAll(async () => {
  kubelet = await startFakeKubelet();
  server = await startTestApiServer({
    kubeletClient: kubelet.credentials,
    tokens: [{ token: 'secret-token', user: 'ann', uid: '1' }],
  });
  await createPodOn(server, kubelet, 'web');
});
beforeEach(() => void kubelet.requests.splice(0));
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await kubelet[Symbol.asyncDispose]();
});

describe('logs', () => {
  test('come from the container’s kubelet, with the options in its words', async () => {
    const query = 'follow=true&tailLines=5&sinceSeconds=60&timestamps=1&made=up&previous=false';
    const answer = await wire(server, `${POD}/log?container=main&${query}`);
    expect(answer.text).toBe('line 1\n');
    expect(answer.headers['content-type']).toBe('text/plain');
    expect(kubelet.requests).toMatchObject([
      {
        url: '/containerLogs/default/web/main?follow=true&timestamps=true&sinceSeconds=60&tailLines=5',
        client: 'apiserver-kubelet',
      },
    ]);
  });

  test.each([
    [
      'tailLines=-1',
      422,
      'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'limitBytes=0',
      422,
      'PodLogOptions "web" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
    ],
    [
      'sinceSeconds=0',
      422,
      'PodLogOptions "web" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0',
    ],
    [
      'sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z',
      422,
      'at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
    ['tailLines=many', 400, 'strconv.ParseInt: parsing "many": invalid syntax'],
    ['tailLines=99999999999999999999', 400, 'value out of range'],
    ['sinceTime=yesterday', 400, 'parsing time "yesterday"'],
    ['container=none', 400, 'container none is not valid for pod web'],
  ])('%s → %i', async (query, status, message) => {
    const { json } = await wire(server, `${POD}/log?${query}`);
    expect(json).toMatchObject({ code: status, message: expect.stringContaining(message) });
    expect(kubelet.requests).toEqual([]);
  });

  test('of a node that is down are not to be had, which is no fault of this server', async () => {
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    };
    const node = { metadata: { name: 'down' }, status };
    await wire(server, '/api/v1/nodes', { method: 'POST', body: node });
    const spec = { nodeName: 'down', containers: [{ name: 'main', image: 'main' }] };
    const pods = '/api/v1/namespaces/default/pods';
    const body = { metadata: { name: 'cut-off' }, spec };
    expect((await wire(server, pods, { method: 'POST', body })).status).toBe(201);
    expect((await wire(server, `${pods}/cut-off/log`)).json).toMatchObject({
      code: 503,
      reason: 'ServiceUnavailable',
      message:
        'Get "https://127.0.0.1:1/containerLogs/default/cut-off/main": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });
});

describe('exec', () => {
  const TOKEN = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret-token').toString('base64url')}`;

  test('passes bytes both ways, and nothing of who the client is', async () => {
    const url = `${server.url}${POD}/exec?command=sh&command=-c&stdin=true&stdout=true`;
    const socket = new WebSocket(url, [TOKEN, 'v5.channel.k8s.io'], {
      ca: String(server.adminOptions.ca),
      headers: {
        cookie: 'session=1',
        'x-remote-user': 'root',
        'impersonate-user': 'root',
        origin: 'https://example.com',
      },
    });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    const answer = new Promise((resolve) => socket.once('message', resolve));
    socket.send(Buffer.from([0, 104, 105]));
    expect(await answer).toEqual(Buffer.from([0, 104, 105]));
    socket.close();
    const [asked] = kubelet.requests;
    expect(asked?.url).toBe('/exec/default/web/main?command=sh&command=-c&input=1&output=1');
    const names = Object.keys(asked?.headers ?? {}).sort();
    expect(names).toEqual([
      'connection',
      'host',
      'sec-websocket-extensions',
      'sec-websocket-key',
      'sec-websocket-protocol',
      'sec-websocket-version',
      'upgrade',
    ]);
    expect(asked?.headers['sec-websocket-protocol']).toBe('v5.channel.k8s.io');
  });

  test('of a pod that is not there is 404, also over an upgraded connection', async () => {
    const socket = new WebSocket(
      `${server.url}/api/v1/namespaces/default/pods/none/exec?command=ls`,
      {
        ca: String(server.adminOptions.ca),
        headers: { authorization: 'Bearer secret-token' },
      },
    );
    const refused = await new Promise<number | undefined>((resolve) => {
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    socket.terminate();
    expect(refused).toBe(404);
  });
});

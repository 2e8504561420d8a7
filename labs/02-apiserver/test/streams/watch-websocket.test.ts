// Watches over WebSocket: each change is a message; errors are a Status before the upgrade; a slow reader and a stop end it.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';
import { GRACE_MS, holdTimers } from '../support/hold-timers.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestApiServer;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  server = await startTestApiServer({
    tokens: [{ token: 'secret-token', user: 'ann', uid: '1' }],
  });
});
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await server[Symbol.asyncDispose]();
});

interface Watching {
  readonly socket: WebSocket;
  readonly events: { type: string; object: { kind: string; metadata: { name: string } } }[];
}

function watch(path: string, protocols: string[] = [], own = server): Watching {
  const { ca, cert, key } = own.adminOptions as { ca: string; cert: string; key: string };
  const socket = new WebSocket(`${own.url}${path}`, protocols, { ca, cert, key });
  sockets.push(socket);
  socket.on('error', () => undefined);
  const events: Watching['events'] = [];
  socket.on('message', (data, isBinary) => {
    expect(isBinary).toBe(false);
    events.push(JSON.parse(String(data)));
  });
  return { socket, events };
}

async function create(name: string, data: Record<string, string> = {}): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  expect((await wire(server, MAPS, { method: 'POST', body })).status).toBe(201);
}

test.each([
  `${MAPS}?watch=true&fieldSelector=metadata.name=PLACE`,
  `${MAPS}?watch=1&fieldSelector=metadata.name=PLACE`,
  `/api/v1/watch/namespaces/default/configmaps?fieldSelector=metadata.name=PLACE`,
])('%s', async (path) => {
  const name = `map-${sockets.length}`;
  const { socket, events } = watch(path.replace('PLACE', name));
  await once(socket, 'open');
  await create(name, { long: 'x'.repeat(200_000) });
  await wire(server, `${MAPS}/${name}`, { method: 'DELETE' });
  await expect.poll(() => events.map(({ type }) => type)).toEqual(['ADDED', 'DELETED']);
  expect(events[0]?.object).toMatchObject({ kind: 'ConfigMap', metadata: { name } });
  socket.close();
  await once(socket, 'close');
});

test('ends by itself when its time is over', async () => {
  const { socket } = watch(`${MAPS}?watch=true&timeoutSeconds=1`);
  const [code] = await once(socket, 'close');
  expect(code).toBe(1000);
});

test('takes a subprotocol, and never the one with the token for it', async () => {
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret-token').toString('base64url')}`;
  const { socket } = watch(`${MAPS}?watch=true`, [token, 'base64.binary.k8s.io']);
  await once(socket, 'open');
  expect(socket.protocol).toBe('base64.binary.k8s.io');
});

test.each([
  [`${MAPS}?watch=true&resourceVersion=abc`, 422],
  [`${MAPS}?watch=true&labelSelector=(`, 400],
  ['/api/v1/nothings?watch=true', 404],
])('%s is refused with a Status: %i', async (path, want) => {
  const { socket } = watch(path);
  const [, answer] = await once(socket, 'unexpected-response');
  expect(answer.statusCode).toBe(want);
});

test('a list that asks for an upgrade is a list', async () => {
  const { socket } = watch(MAPS);
  const [, answer] = await once(socket, 'unexpected-response');
  expect(answer.statusCode).toBe(200);
});

test('who does not read is cut off', async () => {
  const { socket } = watch(`${MAPS}?watch=true&labelSelector=slow`);
  await once(socket, 'open');
  socket.pause();
  const closed = once(socket, 'close');
  const data = { text: 'x'.repeat(900_000) };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', data };
  // More than the sockets in between hold and the server keeps.
  for (let count = 0; count < 40; count += 1) {
    const metadata = { name: `slow-${count}`, labels: { slow: 'yes' } };
    await wire(server, MAPS, { method: 'POST', body: { ...body, metadata } });
  }
  socket.resume();
  const [code] = await closed;
  expect(code).toBe(1006);
});

test('a server that stops ends it in order', async () => {
  const own = await startTestApiServer({});
  const { socket } = watch(`${MAPS}?watch=true`, [], own);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const grace = holdTimers(GRACE_MS);
  await own[Symbol.asyncDispose]();
  const [code] = await closed;
  expect(code).toBe(1000);
  expect(grace.begun).toBe(1);
});

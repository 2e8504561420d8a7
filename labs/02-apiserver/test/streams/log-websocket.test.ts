// Logs over WebSocket, as dashboards in browsers ask for them: bytes as they come, in the subprotocol that was asked for.
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { createPodOn, type FakeKubelet, startFakeKubelet } from '../server/fake-kubelet.ts';
import { wire } from '../server/wire.ts';

const LOG = '/api/v1/namespaces/default/pods/web/log';
let kubelet: FakeKubelet;
let server: TestApiServer;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  kubelet = await startFakeKubelet();
  server = await startTestApiServer({
    kubeletClient: kubelet.credentials,
    tokens: [{ token: 'secret-token', user: 'ann', uid: '1' }],
  });
  await createPodOn(server, kubelet, 'web');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await kubelet[Symbol.asyncDispose]();
});

function open(path: string, protocols: string[] = [], proof: object = {}): WebSocket {
  const { ca, cert, key } = server.adminOptions as { ca: string; cert: string; key: string };
  const credentials = { ca, cert, key, ...proof };
  const socket = new WebSocket(`${server.url}${path}`, protocols, credentials);
  // One that was refused is closed before it was open.
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** All messages until the server closes. */
async function read(socket: WebSocket): Promise<{ isBinary: boolean; text: string }[]> {
  const messages: { isBinary: boolean; text: string }[] = [];
  socket.on('message', (data, isBinary) => messages.push({ isBinary, text: String(data) }));
  const [code] = await once(socket, 'close');
  expect(code).toBe(1000);
  return messages;
}

/** What the client hears instead of an upgrade. */
async function refusal(socket: WebSocket): Promise<{ status: number; text: string }> {
  const [, answer] = await once(socket, 'unexpected-response');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode, text };
}

describe('a log over WebSocket', () => {
  test.each([
    { protocols: [], spoken: '', isBinary: true, text: 'line 1\n' },
    { protocols: ['binary.k8s.io'], spoken: 'binary.k8s.io', isBinary: true, text: 'line 1\n' },
    {
      protocols: ['base64.binary.k8s.io'],
      spoken: 'base64.binary.k8s.io',
      isBinary: false,
      text: Buffer.from('line 1\n').toString('base64'),
    },
    {
      protocols: ['other', 'base64.binary.k8s.io', 'binary.k8s.io'],
      spoken: 'base64.binary.k8s.io',
      isBinary: false,
      text: Buffer.from('line 1\n').toString('base64'),
    },
  ])('of $protocols is an empty message and then the bytes', async ({ protocols, ...want }) => {
    const socket = open(`${LOG}?tailLines=5`, protocols);
    const messages = await read(socket);
    expect(socket.protocol).toBe(want.spoken);
    const { isBinary, text } = want;
    expect(messages).toEqual([
      { isBinary, text: '' },
      { isBinary, text },
    ]);
    expect(kubelet.requests.at(-1)?.url).toBe('/containerLogs/default/web/main?tailLines=5');
  });

  test('takes the token of a browser from the subprotocols, and does not speak it', async () => {
    const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret-token').toString('base64url')}`;
    const nobody = { cert: undefined, key: undefined };
    const socket = open(LOG, [token, 'binary.k8s.io'], nobody);
    expect((await read(socket)).at(-1)?.text).toBe('line 1\n');
    expect(socket.protocol).toBe('binary.k8s.io');
  });

  test('is refused to who speaks something else', async () => {
    const { status, text } = await refusal(open(LOG, ['v4.channel.k8s.io']));
    expect([status, JSON.parse(text).message]).toEqual([
      403,
      'requested protocol(s) are not supported: [v4.channel.k8s.io]; supports [ binary.k8s.io base64.binary.k8s.io]',
    ]);
  });

  test.each([
    ['a pod that is not there', LOG.replace('web', 'nope'), 404, 'pods "nope" not found'],
    ['options that make no sense', `${LOG}?tailLines=-1`, 422, 'tailLines'],
    ['a container that is not there', `${LOG}?container=x`, 400, 'container x is not valid'],
  ])('is refused for %s as without it', async (_name, path, code, why) => {
    const { status, text } = await refusal(open(path, ['binary.k8s.io']));
    expect([status, JSON.parse(text).message]).toEqual([code, expect.stringContaining(why)]);
    expect((await wire(server, path)).status).toBe(code);
  });
});

test('a wish for another protocol means nothing to a log', async () => {
  const headers = { connection: 'Upgrade', upgrade: 'h2c' };
  const { status, text } = await wire(server, LOG, { headers });
  expect([status, text]).toEqual([200, 'line 1\n']);
});

// HTTP/2 beside HTTP/1.1 on one port: what Go's clients choose has to behave like what everybody else speaks.
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type SecureClientSessionOptions,
} from 'node:http2';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { GRACE_MS, holdTimers } from '../support/hold-timers.ts';
import { wire } from './wire.ts';

const NS = '/api/v1/namespaces/default';
let server: TestApiServer;
let session: ClientHttp2Session;

beforeAll(async () => {
  server = await startTestApiServer();
  session = open(server);
});
afterAll(async () => {
  session.close();
  await server[Symbol.asyncDispose]();
});

function open(
  { url, adminOptions: { ca, cert, key } }: TestApiServer,
  options: SecureClientSessionOptions = {},
): ClientHttp2Session {
  const client = connectHttp2(url, { ca, cert, key, ...options } as SecureClientSessionOptions);
  client.on('error', () => undefined);
  return client;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** One request; the body may be more than the server wants to read. */
function ask(
  client: ClientHttp2Session,
  path: string,
  { method = 'GET', body, headers = {} }: { method?: string; body?: string; headers?: object } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const all = { ':path': path, ':method': method, ...type, ...headers };
    const stream = client.request(all, { endStream: body === undefined });
    let status = 0;
    let answered: Record<string, unknown> = {};
    let text = '';
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
      answered = head;
    });
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () => resolve({ status, headers: answered, text }));
    if (body !== undefined) stream.end(body);
  });
}

const configMap = (name: string) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

describe('over HTTP/2', () => {
  test('objects are written and read, under the user of the connection’s certificate', async () => {
    const made = await ask(session, `${NS}/configmaps`, { method: 'POST', body: configMap('two') });
    expect(made.status).toBe(201);
    const read = await ask(session, `${NS}/configmaps/two`);
    expect(JSON.parse(read.text)).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'two' } });
    expect(read.headers['content-type']).toBe('application/json');
  });

  test('many requests share one connection', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(session, `${NS}/configmaps/two`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
  });

  test('somebody may be in more groups than Node takes headers', async () => {
    const client = open(server, { maxSendHeaderBlockLength: 1_000_000 });
    const groups = Array.from({ length: 1000 }, (_, index) => `group-${index}`);
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const headers = { 'impersonate-user': 'x', 'impersonate-group': groups };
    const { status, text } = await ask(client, path, { method: 'POST', body: '{}', headers });
    expect(status).toBe(201);
    expect(JSON.parse(text).status.userInfo.groups).toEqual([...groups, 'system:authenticated']);
    client.close();
  });

  test('errors are a Status, and HEAD has no body', async () => {
    const missing = await ask(session, `${NS}/configmaps/none`);
    expect(missing.status).toBe(404);
    expect(JSON.parse(missing.text)).toMatchObject({ kind: 'Status', reason: 'NotFound' });
    const head = await ask(session, `${NS}/configmaps/two`, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
  });

  test('a long list is compressed for those who can read it', async () => {
    const data = { text: 'x'.repeat(200_000) };
    const body = JSON.stringify({ ...JSON.parse(configMap('long')), data });
    await ask(session, `${NS}/configmaps`, { method: 'POST', body });
    const headers = { 'accept-encoding': 'gzip' };
    const listed = await ask(session, `${NS}/configmaps`, { headers });
    expect(listed.headers['content-encoding']).toBe('gzip');
  });

  test('a body that is too large is 413, and the connection stays', async () => {
    const body = 'x'.repeat(3 * 1024 * 1024 + 1);
    const answer = await ask(session, `${NS}/configmaps`, { method: 'POST', body });
    expect(answer.status).toBe(413);
    expect((await ask(session, '/readyz')).text).toBe('ok');
  });

  test('long lists beside each other all come whole', async () => {
    const own = await startTestApiServer();
    const client = open(own);
    const data = { text: 'x'.repeat(900_000) };
    for (let at = 0; at < 14; at += 1) {
      const body = JSON.stringify({ ...JSON.parse(configMap(`long-${at}`)), data });
      await ask(client, `${NS}/configmaps`, { method: 'POST', body });
    }
    const lists = await Promise.all([1, 2, 3].map(() => ask(client, `${NS}/configmaps`)));
    for (const { text } of lists) expect(JSON.parse(text).items).toHaveLength(14);
    client.close();
    await own[Symbol.asyncDispose]();
  });

  test('a watch gets events as they happen and ends whole when the server stops', async () => {
    const own = await startTestApiServer();
    const client = open(own);
    const stream = client.request({ ':path': `${NS}/configmaps?watch=true` });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    await wire(own, `${NS}/configmaps`, { method: 'POST', body: configMap('seen') });
    await expect.poll(() => text).toContain('"name":"seen"');
    const grace = holdTimers(GRACE_MS);
    await own[Symbol.asyncDispose]();
    expect(grace.begun).toBe(1);
    await closed;
    expect(stream.rstCode).toBe(0);
    client.destroy();
  });

  test('an upgrade header means nothing, as the protocol has none', async () => {
    const answer = await ask(session, `${NS}/pods/none/exec?command=ls`, { method: 'POST' });
    expect(answer.status).toBe(404);
  });
});

test('--disable-http2-serving offers HTTP/1.1 only', async () => {
  const own = await startTestApiServer({ disableHttp2Serving: true });
  const { ca, cert, key } = own.adminOptions as { ca: string; cert: string; key: string };
  const ALPNProtocols = ['h2', 'http/1.1'];
  const protocolAt = (port: number, trusted: object) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ALPNProtocols, ...trusted }, () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await protocolAt(own.port, { ca, cert, key })).toBe('http/1.1');
  const { ca: other } = server.adminOptions as { ca: string };
  expect(await protocolAt(server.port, { ca: other })).toBe('h2');
  await own[Symbol.asyncDispose]();
});

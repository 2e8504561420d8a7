// Connections that behave strangely: upgrades that nobody serves, bodies without end, headers of any alphabet.
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askedTimeoutMs } from '#src/server/filters/time-limit.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { warningHeaders } from '#src/server/warnings.ts';
import { wire } from './wire.ts';

const NS = '/api/v1/namespaces/default';
let server: TestApiServer;
/** Gives up what takes a second; the other one answers, however slow its machine. */
let hasty: TestApiServer;
beforeAll(async () => {
  server = await startTestApiServer();
  hasty = await startTestApiServer({ requestTimeoutMs: 1000 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
});

/** A connection as administrator, with what it received so far. */
function open(to = server): { socket: TLSSocket; text: () => string; closed: Promise<void> } {
  const { ca, cert, key } = to.adminOptions as { ca: string; cert: string; key: string };
  const socket = connect({ host: '127.0.0.1', port: to.port, ca, cert, key });
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, text: () => text, closed };
}

const UPGRADE =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';

describe('a request that asks for an upgrade which nobody serves', () => {
  test('is answered like any other, and the connection goes on', async () => {
    const { socket, text } = open();
    socket.write(`GET ${NS}/configmaps HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`);
    await expect.poll(text).toContain('ConfigMapList');
    expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    socket.write(`GET /version HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`);
    await expect.poll(text).toContain('gitVersion');
    socket.destroy();
  });

  test('may have a body, and another request behind it', async () => {
    const { socket, text, closed } = open();
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"upgraded"}}';
    const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    const first = `POST ${NS}/configmaps HTTP/1.1\r\nHost: x\r\n${UPGRADE}${type}\r\n${body}`;
    socket.write(`${first}GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 201 Created\r\n[\s\S]*"name":"upgraded"[\s\S]*\r\n\r\nok$/);
  });

  test('hears what is wrong with its path', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    expect((await wire(server, '/nothing/here', { headers })).status).toBe(404);
    expect((await wire(server, '/api/v1/namespaces/%zz/pods', { headers })).status).toBe(400);
  });
});

describe('a body', () => {
  test('that says it is too large is refused before it is sent', async () => {
    const { socket, text } = open();
    const head = `POST ${NS}/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`;
    socket.write(head);
    await expect.poll(text).toContain('Request entity too large: limit is 3145728');
    expect(text()).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('of twenty times the limit is answered, not reset', async () => {
    const body = 'x'.repeat(60 * 1024 * 1024);
    const answer = await wire(server, `${NS}/configmaps`, { method: 'POST', body });
    expect(answer.json).toMatchObject({ reason: 'RequestEntityTooLarge', code: 413 });
  });

  test('in pieces of unknown length counts as well', async () => {
    const { socket, text } = open();
    const piece = 'x'.repeat(1024 * 1024);
    socket.write(`POST ${NS}/configmaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let sent = 0; sent < 4; sent += 1) {
      socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    await expect.poll(text).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('that never ends is given up when its time is over', async () => {
    const { socket, text } = open(hasty);
    socket.write(`POST ${NS}/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`);
    await expect.poll(text).toContain('"reason":"Timeout"');
    expect(text()).toMatch(/^HTTP\/1\.1 504 /);
    socket.destroy();
  });
});

describe('?timeout', () => {
  test.each([
    ['', 0],
    ['0', 0],
    ['0s', 0],
    ['34s', 34_000],
    ['+500ms', 500],
    ['1m30s', 90_000],
    ['.5h', 1_800_000],
    ['250us', 0.25],
    ['1.5µs', 0.0015],
    ['-1s', -1000],
  ])('%s is understood', async (timeout, ms) => {
    expect(askedTimeoutMs(timeout)).toBeCloseTo(ms, 6);
    if (ms > 0 && ms < 1) return;
    const query = encodeURIComponent(timeout);
    expect((await wire(server, `/api?timeout=${query}`)).status).toBe(200);
  });

  test.each([
    ['soon', 'time: invalid duration "soon"'],
    ['5', 'time: missing unit in duration "5"'],
    ['1s2', 'time: missing unit in duration "1s2"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['.s', 'time: invalid duration ".s"'],
    ['-', 'time: invalid duration "-"'],
    ['9223372036855s', 'time: invalid duration "9223372036855s"'],
    [`${'9'.repeat(5000)}h`, 'time: invalid duration "9'],
  ])('%s is a bad request', async (timeout, why) => {
    const { json } = await wire(server, `/api?timeout=${timeout}`);
    const message = expect.stringContaining(
      `invalid timeout specified in the request URL - ${why}`,
    );
    expect(json).toMatchObject({ code: 400, reason: 'BadRequest', message });
  });

  test('is how long the client waits at most, and never longer than the server would', async () => {
    // The one waits a minute, the other a second: nobody has to be quick to tell these from 50 ms and an hour.
    for (const [timeout, to] of [
      ['50ms', server],
      ['1h', hasty],
    ] as const) {
      const { text, socket } = open(to);
      const path = `${NS}/configmaps?timeout=${timeout}`;
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n`);
      await expect.poll(text).toContain('within the allotted timeout');
      expect(text()).toMatch(/^HTTP\/1\.1 504 /);
      socket.destroy();
    }
  });
});

describe('warnings', () => {
  const post = (name: string, more: object) =>
    wire(server, `${NS}/configmaps`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more },
    });

  test('of any alphabet reach the client, and the write is one write', async () => {
    const answer = await post('named', { größe: 1, 大小: 2 });
    expect(answer.status).toBe(201);
    const text = Buffer.from(String(answer.headers.warning), 'latin1').toString('utf8');
    expect(text).toContain('299 - "unknown field \\"größe\\""');
    expect(text).toContain('299 - "unknown field \\"大小\\""');
  });

  test('with control characters are left out', async () => {
    const answer = await post('controlled', { 'a\nb': 1 });
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toBeUndefined();
  });

  test('are cut when they become too many', () => {
    expect(warningHeaders(['short'])).toEqual(['299 - "short"']);
    const headers = warningHeaders(
      Array.from({ length: 100 }, (_, at) => `${at}`.padEnd(300, 'x')),
    );
    expect(headers).toHaveLength(16);
    expect(headers[0]).toHaveLength('299 - ""'.length + 256);
  });
});

// Bytes that are no HTTP: each gets Go's line of text, the connection ends, and nothing behind them is read.
import { connect as connectBare, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusalOf } from '#src/server/malformed.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from './wire.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const GET = `GET ${PATH} HTTP/1.1\r\nHost: x\r\n`;
const POST = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
const BODY = '{"metadata":{"name":"smuggled"}}';
const HIDDEN = `${POST}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const BAD = '400 Bad Request';

let server: TestApiServer;
beforeAll(async () => {
  server = await startTestApiServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function secure(): Socket {
  const { ca, cert, key } = server.adminOptions;
  return connect({ host: '127.0.0.1', port: server.port, ca, cert, key });
}

/** All that comes back until the connection ends. */
function send(bytes: string, socket = secure()): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

function answer(status: string, body = status): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${body}`;
}

const TOO_LARGE = '431 Request Header Fields Too Large';
const OTHER_HTTP = '505 HTTP Version Not Supported: unsupported protocol version';

describe('a request that cannot be read', () => {
  test.each([
    ['no HTTP at all', '\u0000\u0001 nonsense\r\n\r\n', answer(BAD)],
    ['a method that HTTP does not know', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', answer(BAD)],
    ['a later HTTP', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n', answer(OTHER_HTTP)],
    ['a head of 2 MB', `${GET}A: ${'x'.repeat(2_000_000)}\r\n\r\n`, answer(TOO_LARGE)],
    ['a path of 2 MB', `GET /${'x'.repeat(2_000_000)} HTTP/1.1\r\n\r\n`, answer(TOO_LARGE)],
    ['a space in the name of a header', `${GET}a b: c\r\n\r\n`, answer(BAD)],
    ['a control character in a value', `${GET}a: b\u0001\r\n\r\n`, answer(BAD)],
    ['a folded header', `${GET}a: b\r\n c\r\n\r\n`, answer(BAD)],
    ['two lengths', `${POST}Content-Length: 0\r\nContent-Length: 99\r\n\r\n${HIDDEN}`, answer(BAD)],
    ['a length with a sign', `${POST}Content-Length: +0\r\n\r\n${HIDDEN}`, answer(BAD)],
    [
      'a length, and chunks',
      `${POST}Content-Length: 4\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`,
      answer(BAD),
    ],
    [
      'chunks, and a length',
      `${POST}${CHUNKED}Content-Length: 4\r\n\r\n0\r\n\r\n${HIDDEN}`,
      answer(BAD),
    ],
    [
      'chunks that are packed once more',
      `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n${HIDDEN}`,
      answer('501 Not Implemented', 'Unsupported transfer encoding'),
    ],
    ['a chunk without a size', `${POST}${CHUNKED}\r\nzz\r\n\r\n${HIDDEN}`, answer(BAD)],
    ['a chunk with a sign', `${POST}${CHUNKED}\r\n-1\r\n\r\n${HIDDEN}`, answer(BAD)],
  ])('%s', async (_name, bytes, expected) => {
    expect(await send(bytes)).toBe(expected);
    expect((await wire(server, `${PATH}/smuggled`)).status).toBe(404);
  });

  test.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 'missing required Host header'],
    ['two hosts', `${GET}Host: y\r\n\r\n`, 'too many Host headers'],
    [
      'two hosts and an upgrade',
      `GET ${PATH}?watch=1 HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
      'too many Host headers',
    ],
  ])('%s', async (_name, bytes, why) => {
    const text = await send(bytes);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(text).toContain('content-type: text/plain; charset=utf-8\r\nconnection: close\r\n');
    expect(text).toContain(`400 Bad Request: ${why}`);
  });

  test('behind one that can be read: that one has its answer first', async () => {
    const text = await send(`GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n${'GARBAGE\r\n\r\n'}${HIDDEN}`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok/);
    expect(text.slice(text.indexOf('\r\n\r\nok') + 6)).toBe(answer(BAD));
    expect((await wire(server, `${PATH}/smuggled`)).status).toBe(404);
  });

  test('without TLS hears that TLS is spoken here', async () => {
    const bare = connectBare({ host: '127.0.0.1', port: server.port });
    expect(await send(GET, bare)).toBe(
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
    );
    const noise = connectBare({ host: '127.0.0.1', port: server.port });
    expect(await send('\u0016\u0003\u0001\u0000\u0005hello', noise)).not.toContain('HTTP/');
  });

  test('after all these the server is there for everybody else', async () => {
    expect((await wire(server, '/readyz')).text).toBe('ok');
  });
});

test('a request with more headers than Node counts is read whole', async () => {
  const many = 'a:\r\n'.repeat(3000);
  const body = '{"metadata":{"name":"counted"}}';
  const text = await send(
    `${POST}${many}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  expect(text).toMatch(/^HTTP\/1\.1 201 Created/);
});

test('a connection that broke is nobody to talk to', () => {
  expect(refusalOf(Object.assign(new Error('read'), { code: 'ECONNRESET' }))).toBeUndefined();
  const slow = Object.assign(new Error('slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  expect(refusalOf(slow)).toBeUndefined();
});

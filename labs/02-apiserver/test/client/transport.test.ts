// The client's patience, shown on servers that misbehave as real ones do: over real sockets.
import { getEventListeners } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/api-error.ts';
import { Client } from '../../src/client/client.ts';
import { resources } from '../../src/client/resources.ts';
import type { ClientOptions } from '../../src/client/transport.ts';

async function serve(listener: RequestListener) {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    client: (options: Partial<ClientOptions> = {}) => new Client({ server: url, ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const web = { namespace: 'default', name: 'web' };

describe('Client', () => {
  test('honours Retry-After of 429, and only that', async () => {
    const requests: string[] = [];
    await using server = await serve((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      if (requests.length === 1) response.writeHead(429, { 'retry-after': '0.01' }).end();
      else if (requests.length === 2) response.end('{"kind":"Pod"}');
      else response.writeHead(429).end('slow down');
    });
    await using client = server.client();
    const created = await client.create(resources.pods, { metadata: web });
    expect(created.kind).toBe('Pod');
    expect(requests).toHaveLength(2);
    const error = await client.get(resources.pods, web).catch((caught: unknown) => caught);
    expect(ApiError.is(error, 'TooManyRequests')).toBe(true);
    expect(requests).toHaveLength(3);
  });

  test('repeats a read whose connection was cut, once, and never a write', async () => {
    let requests = 0;
    await using server = await serve((request, response) => {
      requests++;
      if (requests === 1) request.socket.destroy();
      else if (requests === 2) response.end('{}');
      else request.socket.destroy();
    });
    await using client = server.client();
    expect((await client.get(resources.pods, web)).apiVersion).toBe('v1');
    await expect(client.create(resources.pods, { metadata: web })).rejects.toThrow(
      /^Cannot reach the API server at http:/,
    );
    expect(requests).toBe(3);
  });

  test('says who does not answer, and how long it waited', async () => {
    await using server = await serve(() => {});
    await using client = server.client({ timeoutMs: 50 });
    await expect(client.raw('/healthz')).rejects.toThrow('no answer within 0.05 s');
  });

  test('a refused connection is a plain sentence', async () => {
    await using client = new Client({ server: 'http://127.0.0.1:1' });
    await expect(client.raw('/healthz')).rejects.toThrow(
      'Cannot reach the API server at http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    );
  });

  test('an aborted call rejects with the reason, and no call leaves a listener', async () => {
    await using server = await serve((request, response) => {
      if (request.url !== '/hang') response.end('ok');
    });
    await using client = server.client();
    const controller = new AbortController();
    for (let n = 0; n < 5; n++) await client.raw('/', controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    const hanging = client.raw('/hang', controller.signal);
    controller.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    await expect(client.raw('/', controller.signal)).rejects.toThrow('enough');
  });

  test('the page of some proxy becomes the message of an ApiError', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>no upstream</h1>');
    });
    await using client = server.client();
    const error = await client.get(resources.pods, web).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ reason: 'ServiceUnavailable', message: '<h1>no upstream</h1>' });
  });

  test('names become one path segment, whatever is in them', async () => {
    let url: string | undefined;
    await using server = await serve((request, response) => {
      url = request.url;
      response.end('{}');
    });
    await using client = server.client();
    await client.get(resources.pods, { namespace: '../x', name: 'a/../b?c#d' });
    expect(url).toBe('/api/v1/namespaces/..%2Fx/pods/a%2F..%2Fb%3Fc%23d');
  });
});

describe('Client.watch()', () => {
  const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;

  test('puts events together that are cut anywhere, even inside a character', async () => {
    const bytes = Buffer.from(line('ADDED', { metadata: { name: 'é😀' } }) + line('BOOKMARK', {}));
    await using server = await serve(async (_request, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    await using client = server.client();
    const events: unknown[] = [];
    const controller = new AbortController();
    for await (const event of client.watch(resources.pods, {}, controller.signal))
      events.push(event);
    expect(events).toEqual([
      { type: 'ADDED', object: { metadata: { name: 'é😀' } } },
      { type: 'BOOKMARK', object: {} },
    ]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('throws an ERROR event, a refusal and a broken stream', async () => {
    const status = new ApiError('Expired', 'too old resource version: 1 (9)').toStatus();
    const answers: RequestListener[] = [
      (_request, response) => response.end(line('ERROR', status)),
      (_request, response) => response.writeHead(410).end(JSON.stringify(status)),
      (_request, response) => response.end('{"type":"ADDED","obj'),
      (request, response) => response.write('{"type":"ADDED"', () => request.socket.destroy()),
    ];
    await using server = await serve((request, response) => answers.shift()?.(request, response));
    await using client = server.client();
    const { signal } = new AbortController();
    const next = () => client.watch(resources.pods, {}, signal).next();
    await expect(next()).rejects.toMatchObject({ reason: 'Expired', code: 410 });
    await expect(next()).rejects.toMatchObject({ reason: 'Expired', code: 410 });
    await expect(next()).rejects.toThrow('the stream ended in the middle of a line');
    await expect(next()).rejects.toThrow();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('ends quietly when the signal aborts, before or after the answer', async () => {
    await using server = await serve((request, response) => {
      if (request.url?.includes('hang')) return;
      response.write(line('ADDED', {}));
    });
    await using client = server.client();
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const event of client.watch(resources.pods, {}, controller.signal)) {
      seen.push(event.type);
      setImmediate(() => controller.abort());
    }
    expect(seen).toEqual(['ADDED']);
    const second = new AbortController();
    const watch = client.watch(resources.pods, { labelSelector: 'hang' }, second.signal).next();
    second.abort();
    expect(await watch).toEqual({ done: true, value: undefined });
  });

  test('gives the connection back when the reader leaves', async () => {
    const { promise: closed, resolve: onClose } = deferred();
    await using server = await serve((request, response) => {
      request.socket.once('close', onClose);
      response.write(line('ADDED', {}));
    });
    await using client = server.client();
    const { signal } = new AbortController();
    for await (const _event of client.watch(resources.pods, {}, signal)) break;
    await closed;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

function deferred() {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

// Many watchers, and slow ones: everybody hears everything in order, and who does not read is cut off without harm to the others.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ObjectFilter } from '#src/registry/object-filter.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { watchFrames } from '#src/server/watch-frames.ts';
import { serveWatch } from '#src/server/watch-stream.ts';
import { openStream } from './stream.ts';
import { wire } from './wire.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const PREFIX = '/registry/configmaps/default/';

let server: TestApiServer | undefined;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

async function started(): Promise<TestApiServer> {
  server = await startTestApiServer();
  return server;
}

/** Straight into the store: the events count here, not the writes. */
function put({ store }: TestApiServer, name: string, data = ''): Promise<unknown> {
  const object = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace: 'default',
      labels: { parity: Number(name.slice(2)) % 2 ? 'odd' : 'even' },
    },
    data: { data },
  };
  return store.put({ key: PREFIX + name, value: Buffer.from(JSON.stringify(object)) });
}

/** A response that only keeps the names and revisions of the events. */
class Sink extends Writable {
  readonly seen: string[] = [];
  #rest = '';

  writeHead(): this {
    return this;
  }
  flushHeaders(): void {
    // There is nothing to flush them to.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const lines = (this.#rest + chunk.toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const { type, object } = JSON.parse(line);
      this.seen.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`);
    }
    done();
  }
}

/** A watch of a test, without a connection. */
function watchInto(sink: Sink, { table }: TestApiServer, labelSelector?: string): Promise<void> {
  const served = table.find('', 'v1', 'configmaps');
  const cache = served?.registry?.storage.cache;
  if (served === undefined || cache === undefined) throw new Error('config maps are not served');
  const stop = new AbortController();
  ends.push(() => stop.abort());
  const shape = { shape: 'object', encoding: 'json', metaVersion: 'v1' } as const;
  return serveWatch(sink as unknown as ServerResponse, {
    cache,
    filter: new ObjectFilter(
      served.definition,
      labelSelector === undefined ? {} : { labelSelector },
    ),
    fromRevision: cache.revision,
    initial: [],
    marksInitialEnd: false,
    bookmarks: false,
    timeoutMs: 60_000,
    frames: watchFrames({ served, query: new URLSearchParams(), now: Date.now }, shape),
    signal: stop.signal,
  });
}

test('10,000 events reach 100 watchers, each in the order of the store, none twice', async () => {
  const api = await started();
  const sinks = Array.from({ length: 100 }, () => new Sink());
  const odd = new Sink();
  const watching = [
    ...sinks.map((sink) => watchInto(sink, api)),
    watchInto(odd, api, 'parity=odd'),
  ];
  const want: string[] = [];
  for (let i = 0; i < 10_000; i += 1) {
    const name = `cm${i % 500}`;
    await put(api, name);
    const { revision } = await api.store.status();
    want.push(`${i < 500 ? 'ADDED' : 'MODIFIED'} ${name} ${revision}`);
  }
  await vi.waitFor(
    () => expect(Math.min(...sinks.map(({ seen }) => seen.length))).toBe(10_000),
    60_000,
  );
  for (const { seen } of sinks) expect(seen).toEqual(want);
  expect(odd.seen).toEqual(want.filter((_, i) => i % 2 === 1));
  for (const end of ends.splice(0)) end();
  await Promise.all(watching);
}, 600_000);

/** A watch over a connection of its own, whose client reads nothing once the answer has begun. */
async function openSlow(api: TestApiServer, query: string): Promise<TLSSocket> {
  const { ca, cert, key } = api.adminOptions;
  const socket = connect({ port: api.port, host: '127.0.0.1', ca, cert, key });
  ends.push(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(`GET ${PATH}?watch=true${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  return socket;
}

describe('a watcher that does not read', () => {
  test.each([
    { name: 'from now on', hasState: false },
    { name: 'while its initial state is still on its way', hasState: true },
  ])('is cut off ($name), and another one misses nothing', async ({ hasState }) => {
    const api = await started();
    const megabyte = 'x'.repeat(1024 * 1024);
    // More than connections buffer: it does not all go out to one who reads nothing.
    for (let i = 0; hasState && i < 20; i += 1) await put(api, `cm${i}`, megabyte);
    const { revision } = await api.store.status();
    const good = await openStream(api, `${PATH}?watch=true&resourceVersion=${revision}`);
    const slow = await openSlow(api, `&resourceVersion=${hasState ? 0 : revision}`);
    let isCut = false;
    slow.once('close', () => {
      isCut = true;
    });
    for (let i = 0; i < 40; i += 1) {
      await put(api, 'cm0', `${megabyte}${i}`);
      // All in one process: without this nobody would get round to reading.
      const heard = () => expect(good.text().slice(-40)).toMatch(new RegExp(`x${i}".*\\n$`));
      await vi.waitFor(heard, { interval: 2 });
    }
    expect(good.text().split('\n').length - 1).toBe(40);
    expect(good.text()).not.toContain('"ERROR"');
    // Only who reads learns that the server has hung up; what was in the connection comes first, and that is not all.
    let length = 0;
    slow.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    slow.resume();
    await vi.waitFor(() => expect(isCut).toBe(true));
    expect(length).toBeLessThan((hasState ? 60 : 40) * megabyte.length);
  });

  test('but one that is only late hears the whole of a long state', async () => {
    const api = await started();
    for (let i = 0; i < 20; i += 1) await put(api, `cm${i}`, 'x'.repeat(1024 * 1024));
    const late = await openSlow(api, '&resourceVersion=0');
    let text = '';
    await put(api, 'cm99');
    late.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    late.resume();
    await vi.waitFor(() => expect(text).toContain('"cm99"'));
    expect(text.match(/"type":"ADDED"/g)?.length).toBeGreaterThanOrEqual(20);
  });
});

test('a watch from a revision that is still to come is told only what comes after it, and never sent back', async () => {
  const api = await started();
  await put(api, 'cm1');
  const { revision } = await api.store.status();
  const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${revision + 2}`;
  const watch = await openStream(api, `${PATH}?${query}`);
  expect(watch.status).toBe(200);
  for (const name of ['cm2', 'cm3', 'cm4']) await put(api, name);
  await expect.poll(watch.text).toContain('"cm4"');
  // A server that stops ends its watches as if their time were up.
  await api.restart();
  const { text } = await watch.ended;
  const told = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(
      ({ type, object }) => `${type} ${object.metadata.name ?? object.metadata.resourceVersion}`,
    );
  expect(told).toEqual(['ADDED cm4', `BOOKMARK ${revision + 3}`]);

  const ahead = await openStream(
    api,
    `${PATH}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=${revision + 500}`,
  );
  expect((await ahead.ended).text).toContain(`"resourceVersion":"${revision + 500}"`);
});

describe('what a watch is written in', () => {
  const end = 'watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=0';
  test.each([
    {
      name: 'a Table, whose bookmark is a Table',
      accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
      want: {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: { resourceVersion: expect.any(String) },
      },
    },
    {
      name: 'metadata, whose bookmark is metadata',
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      want: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' },
    },
    {
      name: 'objects, also for who would like YAML better',
      accept: 'application/yaml, application/json;q=0.5',
      want: { kind: 'ConfigMap', apiVersion: 'v1' },
    },
  ])('$name', async ({ accept, want }) => {
    const api = await started();
    await put(api, 'cm1');
    const { status, text } = await wire(api, `${PATH}?${end}`, { headers: { accept } });
    expect(status).toBe(200);
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK']);
    for (const { object } of events) expect(object).toMatchObject(want);
  });

  test('not YAML: 406 with what there is', async () => {
    const api = await started();
    const answer = await wire(api, `${PATH}?${end}`, { headers: { accept: 'application/yaml' } });
    expect(answer.status).toBe(406);
    // The error itself is YAML, which breaks long lines.
    expect(answer.text.replace(/\s+/g, ' ')).toContain(
      'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    );
  });
});

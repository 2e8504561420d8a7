// How old an answer may be, and how it is sent: what a read promises, whether it comes from the cache or from the store.

import { request } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { type KeyValueStore, openMemoryStore, type RangeRequest } from '@kube-labs/store';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from './wire.ts';

const PATH = '/api/v1/namespaces/default/configmaps';

let server: TestApiServer;
let ranges = 0;
const memory = await openMemoryStore();
/** The server reads other things by itself. */
function isList({ key, rangeEnd }: RangeRequest): boolean {
  return rangeEnd !== undefined && key.startsWith('/registry/configmaps/');
}

/** Counts lists of config maps, and passes everything on. */
const counting = withMethods(memory, {
  range(request) {
    if (isList(request)) ranges += 1;
    return memory.range(request);
  },
});

/** The store with some methods of one's own. */
function withMethods(store: KeyValueStore, own: Partial<KeyValueStore>): KeyValueStore {
  return new Proxy(store, {
    get(_, name) {
      const from = Object.hasOwn(own, name) ? own : store;
      const value: unknown = Reflect.get(from, name);
      return typeof value === 'function' ? value.bind(from) : value;
    },
  });
}

beforeAll(async () => {
  server = await startTestApiServer({ store: counting });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await memory[Symbol.asyncDispose]();
});

function body(name: string, data = '', labels: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { data } };
}

async function make(name: string, data = '', labels = {}): Promise<number> {
  const { json, status, text } = await wire(server, PATH, {
    method: 'POST',
    body: body(name, data, labels),
  });
  expect(status, text).toBe(201);
  return Number(json.metadata.resourceVersion);
}

const names = (json: { items: { metadata: { name: string } }[] }) =>
  json.items.map(({ metadata }) => metadata.name);

describe('a list without resourceVersion', () => {
  test('shows every write before it, and asks the store for none of it', async () => {
    for (let i = 0; i < 50; i += 1) {
      await make(`fresh-${i}`, '', { test: 'fresh' });
      // Writes elsewhere take the store further than this cache has heard of.
      if (i % 2 === 0) await memory.put({ key: '/elsewhere', value: Buffer.from(`${i}`) });
      const before = ranges;
      const { revision } = await memory.status();
      const { json } = await wire(server, `${PATH}?labelSelector=test%3Dfresh`);
      expect(names(json)).toHaveLength(i + 1);
      expect(ranges).toBe(before);
      expect(Number(json.metadata.resourceVersion)).toBeGreaterThanOrEqual(revision);
    }
  });

  test('in pages is one moment: the first from the cache, the others as the store was then', async () => {
    for (const name of ['page-a', 'page-b', 'page-d']) await make(name, '', { test: 'pages' });
    const query = 'labelSelector=test%3Dpages&limit=1';
    const first = await wire(server, `${PATH}?${query}`);
    await make('page-c', '', { test: 'pages' });
    const seen = names(first.json);
    let token = first.json.metadata.continue;
    while (token) {
      const { json } = await wire(server, `${PATH}?${query}&continue=${token}`);
      expect(json.metadata.resourceVersion).toBe(first.json.metadata.resourceVersion);
      seen.push(...names(json));
      token = json.metadata.continue;
    }
    expect(seen).toEqual(['page-a', 'page-b', 'page-d']);
  });
});

describe('on a store whose watch cannot be asked how far it is', () => {
  test('a list shows every write before it, from the store while the cache may be behind', async () => {
    const bare = await openMemoryStore();
    let reads = 0;
    const store = withMethods(bare, {
      range(request) {
        if (isList(request)) reads += 1;
        return bare.range(request);
      },
      // As etcd's: a stream of batches and nothing else.
      async *watch(request, signal) {
        yield* bare.watch(request, signal);
      },
    });
    const api = await startTestApiServer({ store });
    try {
      const post = (name: string) => wire(api, PATH, { method: 'POST', body: body(name) });
      await post('first');
      await bare.put({ key: '/elsewhere', value: Buffer.from('1') });
      let before = reads;
      const behind = await wire(api, PATH);
      expect(names(behind.json)).toContain('first');
      expect(reads).toBe(before + 1);
      // When the last write of all is one that this cache has heard of; the server writes now and then, too.
      let attempt = 0;
      await vi.waitFor(async () => {
        attempt += 1;
        await post(`later-${attempt}`);
        before = reads;
        const level = await wire(api, PATH);
        expect(names(level.json)).toContain(`later-${attempt}`);
        expect(reads).toBe(before);
      });
    } finally {
      await api[Symbol.asyncDispose]();
      await bare[Symbol.asyncDispose]();
    }
  });
});

describe('a list with resourceVersion', () => {
  test('and a limit is exactly that revision, unless it says NotOlderThan', async () => {
    const then = await make('rv-a', '', { test: 'rv' });
    await make('rv-b', '', { test: 'rv' });
    const of = async (rest: string) =>
      names(
        (await wire(server, `${PATH}?labelSelector=test%3Drv&resourceVersion=${then}${rest}`)).json,
      );
    expect(await of('&limit=500')).toEqual(['rv-a']);
    expect(await of('&resourceVersionMatch=Exact')).toEqual(['rv-a']);
    expect(await of('&limit=500&resourceVersionMatch=NotOlderThan')).toEqual(['rv-a', 'rv-b']);
    expect(await of('')).toEqual(['rv-a', 'rv-b']);
  });

  test('that is not there yet is 504 with the cause that clients look for', async () => {
    const { status, json } = await wire(server, `${PATH}?resourceVersion=999999999`);
    expect(status).toBe(504);
    expect(json.message).toMatch(/^Timeout: Too large resource version: 999999999, current: \d+$/);
    expect(json.details.causes).toEqual([
      { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
    ]);
  });
});

describe('a GET with resourceVersion', () => {
  test.each([
    { name: '0', of: () => '0', status: 200 },
    { name: 'of the object', of: (rv: number) => `${rv}`, status: 200 },
    { name: 'of the future', of: () => '999999999', status: 504 },
    { name: 'that is none', of: () => 'new', status: 400 },
  ])('$name is $status', async ({ name, of, status }) => {
    const object = `get-${name.replaceAll(' ', '-')}`;
    const revision = await make(object);
    const answer = await wire(server, `${PATH}/${object}?resourceVersion=${of(revision)}`);
    expect(answer.status, answer.text).toBe(status);
  });
});

/** The bytes as they come, without a client that unpacks them. */
function raw(path: string, headers: Record<string, string>) {
  const { ca, cert, key } = server.adminOptions;
  return new Promise<{ headers: NodeJS.Dict<string | string[]>; bytes: Buffer }>(
    (resolve, reject) => {
      const outgoing = request(
        server.url,
        { path, ca, cert, key, agent: false, headers },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () =>
            resolve({ headers: answer.headers, bytes: Buffer.concat(chunks) }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    },
  );
}

describe('a long list', () => {
  const path = `${PATH}?labelSelector=test%3Dlong`;
  const data = (i: number) =>
    String.fromCodePoint(0x61 + i, 0x1f600 + i).repeat(40_000 * (i % 3) + 100 * i);

  beforeAll(async () => {
    for (let i = 0; i < 12; i += 1)
      await make(`long-${String(i).padStart(2, '0')}`, data(i), { test: 'long' });
  });

  function check(text: string): void {
    const { items } = JSON.parse(text) as {
      items: { data: { data: string }; metadata: { resourceVersion: string } }[];
    };
    expect(items.map((item) => item.data.data)).toEqual(
      Array.from({ length: 12 }, (_, i) => data(i)),
    );
    for (const { metadata } of items) expect(metadata.resourceVersion).toMatch(/^\d+$/);
  }

  test('comes whole, with its length, however its objects fall into blocks', async () => {
    const { headers, bytes } = await raw(path, {});
    expect(headers['content-length']).toBe(String(bytes.length));
    check(bytes.toString('utf8'));
  });

  test('sixteen at once do not mix', async () => {
    const all = await Promise.all(Array.from({ length: 16 }, () => raw(path, {})));
    for (const { bytes } of all) check(bytes.toString('utf8'));
  });

  test.each([
    { accepts: 'gzip', zipped: true },
    { accepts: 'deflate, gzip;q=0.5', zipped: true },
    { accepts: 'gzip;q=0', zipped: false },
    { accepts: 'identity', zipped: false },
  ])('for who accepts $accepts is packed: $zipped', async ({ accepts, zipped }) => {
    const { headers, bytes } = await raw(path, { 'accept-encoding': accepts });
    expect(headers['content-encoding']).toBe(zipped ? 'gzip' : undefined);
    check((zipped ? gunzipSync(bytes) : bytes).toString('utf8'));
  });

  test('in YAML says the same', async () => {
    const { bytes } = await raw(path, { accept: 'application/yaml' });
    expect(
      bytes.toString('utf8').match(/^ {4}kind: ConfigMap$|^ {2}- kind: ConfigMap$/gm),
    ).toHaveLength(12);
  });
});

// Values that are not stored as they are: clients see nothing of it, and what was written the old way is written anew.
import { openMemoryStore } from '@kube-labs/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiServerOptions } from '#src/server/api-server-options.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';

const PATH = '/api/v1/namespaces/default/secrets';
const KEY = '/registry/secrets/default/crown';
const PREFIX = Buffer.from('turned:');

/** Turns every byte over and binds the value to its key, for secrets only. */
const transformerOf: NonNullable<ApiServerOptions['transformerOf']> = ({ resource }) =>
  resource !== 'secrets'
    ? undefined
    : {
        toStorage: (plain, key) => Buffer.concat([PREFIX, Buffer.from(key), turned(plain)]),
        fromStorage: (stored, key) => {
          const head = PREFIX.length + key.length;
          return stored.subarray(0, PREFIX.length).equals(PREFIX)
            ? { plain: turned(stored.subarray(head)), isStale: false }
            : { plain: stored, isStale: true };
        },
      };

function turned(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte) => byte ^ 0xff));
}

let server: TestApiServer;
const store = await openMemoryStore();
const stored = async () =>
  Buffer.from((await store.range({ key: KEY })).kvs[0]?.value ?? []).toString('latin1');

beforeAll(async () => {
  const before = await startTestApiServer({ store });
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'crown' },
    data: { a: 'Yg==' },
  };
  await wire(before, PATH, { method: 'POST', body });
  await before[Symbol.asyncDispose]();
  expect(await stored()).toContain('"crown"');
  server = await startTestApiServer({ store, transformerOf });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

test('a value of before is read, and written anew by an update that changes nothing', async () => {
  const { json: read } = await wire(server, `${PATH}/crown`);
  expect(read.data).toEqual({ a: 'Yg==' });
  const put = await wire(server, `${PATH}/crown`, { method: 'PUT', body: read });
  expect(put.status).toBe(200);
  expect(await stored()).toMatch(/^turned:\/registry\/secrets\/default\/crown/);
  expect(await stored()).not.toContain('Yg==');
  const again = await wire(server, `${PATH}/crown`, { method: 'PUT', body: put.json });
  expect(again.json.metadata.resourceVersion).toBe(put.json.metadata.resourceVersion);
});

test('lists from the cache and from the store, and watches, show the object', async () => {
  for (const query of ['', '?resourceVersion=0', '?limit=1']) {
    const { json } = await wire(server, `${PATH}${query}`);
    expect(json.items.map((item: { data: object }) => item.data)).toEqual([{ a: 'Yg==' }]);
  }
  const { text } = await wire(server, `${PATH}?watch=true&timeoutSeconds=1`);
  expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({
    type: 'ADDED',
    object: { metadata: { name: 'crown' } },
  });
});

test('a conflict that is lost still reads the value of the one that won', async () => {
  const { json: read } = await wire(server, `${PATH}/crown`);
  const patches = Array.from({ length: 5 }, (_, at) =>
    wire(server, `${PATH}/crown`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { [`l${at}`]: 'x' } } },
    }),
  );
  for (const { status } of await Promise.all(patches)) expect(status).toBe(200);
  const { json: after } = await wire(server, `${PATH}/crown`);
  expect(Object.keys(after.metadata.labels)).toHaveLength(5);
  expect(after.metadata.uid).toBe(read.metadata.uid);
});

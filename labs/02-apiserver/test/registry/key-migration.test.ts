// Objects under the keys of older servers are moved to upstream's, each as a whole, and nothing is lost on the way.

import { type KeyValueStore, openMemoryStore, prefixEnd, silentLogger } from '@kube-labs/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrateKeys } from '#src/registry/key-migration.ts';
import { startTestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';

let store: KeyValueStore;
beforeEach(async () => {
  store = await openMemoryStore();
});
afterEach(() => store[Symbol.asyncDispose]());

const put = (key: string, value = key) => store.put({ key, value: Buffer.from(value) });

async function contents(): Promise<Readonly<Record<string, string>>> {
  const { kvs } = await store.range({ key: '/registry/', rangeEnd: prefixEnd('/registry/') });
  return Object.fromEntries(kvs.map(({ key, value }) => [key, Buffer.from(value).toString()]));
}

describe('migrateKeys()', () => {
  test.each([
    ['/registry/nodes/n1', '/registry/minions/n1'],
    ['/registry/services/default/web', '/registry/services/specs/default/web'],
    ['/registry/services/specs/web', '/registry/services/specs/specs/web'],
    ['/registry/services/endpoints/web', '/registry/services/specs/endpoints/web'],
    ['/registry/endpoints/default/web', '/registry/services/endpoints/default/web'],
    ['/registry/replicationcontrollers/ns/rc', '/registry/controllers/ns/rc'],
  ])('%s → %s', async (from, to) => {
    await put(from, 'state');
    expect(await migrateKeys(store, silentLogger)).toBe(1);
    expect(await contents()).toEqual({ [to]: 'state' });
  });

  test.each([
    '/registry/services/specs/default/web',
    '/registry/services/endpoints/default/web',
    '/registry/minions/n1',
    '/registry/pods/default/p',
    '/registry/ranges/serviceips/10.96.0.1',
  ])('%s stays', async (key) => {
    await put(key);
    expect(await migrateKeys(store, silentLogger)).toBe(0);
    expect(await contents()).toEqual({ [key]: key });
  });

  test('a second run, and two at once, move everything once', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
    for (const name of names) await put(`/registry/nodes/${name}`, name);
    const both = await Promise.all([
      migrateKeys(store, silentLogger),
      migrateKeys(store, silentLogger),
    ]);
    expect(both[0] + both[1]).toBe(50);
    expect(await migrateKeys(store, silentLogger)).toBe(0);
    const want = Object.fromEntries(names.map((name) => [`/registry/minions/${name}`, name]));
    expect(await contents()).toEqual(want);
  });

  test('an object that is there under both keys is left alone, and a person is told', async () => {
    await put('/registry/nodes/n1', 'old');
    await put('/registry/minions/n1', 'new');
    const told: unknown[] = [];
    const log = { ...silentLogger, warn: (text: string) => void told.push(text) };
    expect(await migrateKeys(store, log)).toBe(0);
    expect(told).toHaveLength(1);
    expect(await contents()).toEqual({
      '/registry/nodes/n1': 'old',
      '/registry/minions/n1': 'new',
    });
  });

  test('a change between reading and moving is not lost', async () => {
    await put('/registry/nodes/n1', 'first');
    let changed = false;
    const racing: KeyValueStore = Object.assign(Object.create(store) as KeyValueStore, {
      range: (request: Parameters<KeyValueStore['range']>[0]) => store.range(request),
      txn: async (request: Parameters<KeyValueStore['txn']>[0]) => {
        if (!changed) await put('/registry/nodes/n1', 'second');
        changed = true;
        return store.txn(request);
      },
    });
    expect(await migrateKeys(racing, silentLogger)).toBe(1);
    expect(await contents()).toEqual({ '/registry/minions/n1': 'second' });
  });
});

test('a server on an old store serves what was there, under the new keys', async () => {
  const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'old', uid: 'u' }, spec: {} };
  await put('/registry/nodes/old', JSON.stringify(node));
  await using server = await startTestApiServer({ store });
  const { status, json } = await wire(server, '/api/v1/nodes/old');
  expect([status, json.metadata.uid]).toEqual([200, 'u']);
  const keys = Object.keys(await contents());
  expect(keys).toContain('/registry/minions/old');
  expect(keys).toContain('/registry/services/specs/default/kubernetes');
  expect(keys.filter((key) => /^\/registry\/(nodes|services\/default)\//.test(key))).toEqual([]);
});

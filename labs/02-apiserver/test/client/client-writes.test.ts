// What the client can say with a write: apply, dry run, whose fields they are, and the deletion of many.
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Client } from '#src/client/client.ts';
import { Informer } from '#src/client/informer.ts';
import { resources } from '#src/client/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';

let server: TestApiServer;
let client: Client;
let namespace: string;
let count = 0;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});
afterAll(() => server?.[Symbol.asyncDispose]());
beforeEach(async () => {
  namespace = `writes-${++count}`;
  await client.create(resources.namespaces, { metadata: { name: namespace } });
});

const map = (name: string, data: Record<string, string>, labels = {}): ConfigMap => ({
  metadata: { name, namespace, labels },
  data,
});
const names = async () =>
  (await client.list(resources.configMaps, { namespace })).items.map(
    ({ metadata }) => metadata?.name,
  );

test('apply makes, changes, refuses what is another’s, and takes it when told to', async () => {
  const mine = { fieldManager: 'mine' };
  await client.apply(resources.configMaps, map('m', { a: '1', b: '1' }), mine);
  const changed = await client.apply(resources.configMaps, map('m', { a: '2' }), mine);
  expect(changed.data).toEqual({ a: '2' });
  const theirs = map('m', { a: '3' });
  await expect(
    client.apply(resources.configMaps, theirs, { fieldManager: 'theirs' }),
  ).rejects.toMatchObject({ reason: 'Conflict', message: expect.stringContaining('.data.a') });
  const taken = await client.apply(resources.configMaps, theirs, {
    fieldManager: 'theirs',
    force: true,
  });
  expect(taken.data).toEqual({ a: '3' });
});

test('a dry run answers as if, and stores nothing; the field manager is written down', async () => {
  const dry = await client.create(resources.configMaps, map('m', { a: '1' }), { dryRun: true });
  expect(dry.metadata?.uid).toBeTypeOf('string');
  expect(await names()).toEqual([]);
  const made = await client.create(resources.configMaps, map('m', { a: '1' }), {
    fieldManager: 'me',
  });
  expect(made.metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['me']);
  await client.update(resources.configMaps, { ...made, data: { a: '2' } }, { dryRun: true });
  await client.patch(
    resources.configMaps,
    { namespace, name: 'm' },
    { data: { a: '3' } },
    { type: 'merge', dryRun: true },
  );
  await client.delete(resources.configMaps, { namespace, name: 'm' }, { dryRun: true });
  const now = await client.get(resources.configMaps, { namespace, name: 'm' });
  expect(now.data).toEqual({ a: '1' });
});

test('strict validation refuses what the server does not know', async () => {
  const odd = { ...map('m', {}), spec: {} } as ConfigMap;
  await expect(
    client.create(resources.configMaps, odd, { fieldValidation: 'Strict' }),
  ).rejects.toMatchObject({ message: expect.stringContaining('unknown field "spec"') });
});

test('deleteCollection deletes what the selector chooses, and never all namespaces', async () => {
  for (const [name, app] of Object.entries({ a: 'x', b: 'y', c: 'x' })) {
    await client.create(resources.configMaps, map(name, {}, { app }));
  }
  const selection = { namespace, labelSelector: 'app=x' };
  await client.deleteCollection(resources.configMaps, selection, { dryRun: true });
  expect(await names()).toEqual(['a', 'b', 'c']);
  await client.deleteCollection(resources.configMaps, selection);
  expect(await names()).toEqual(['b']);
  await expect(client.deleteCollection(resources.configMaps, {})).rejects.toThrow(
    'Cannot delete all configmaps of all namespaces',
  );
});

test('a lister answers from the copy, and says NotFound as the server does', async () => {
  const stop = new AbortController();
  const informer = new Informer(client, resources.configMaps, { namespace });
  const running = informer.run(stop.signal);
  try {
    await client.create(resources.configMaps, map('a', {}, { app: 'x' }));
    await client.create(resources.configMaps, map('b', {}, { app: 'y' }));
    const lister = informer.lister();
    await expect.poll(() => lister.list().length).toBe(2);
    const chosen = lister.list({ namespace, labels: { matchLabels: { app: 'y' } } });
    expect(chosen.map(({ metadata }) => metadata?.name)).toEqual(['b']);
    expect(lister.get({ namespace, name: 'a' }).metadata?.labels).toEqual({ app: 'x' });
    expect(() => lister.get({ namespace, name: 'c' })).toThrow('configmaps "c" not found');
  } finally {
    stop.abort();
    await running;
  }
});

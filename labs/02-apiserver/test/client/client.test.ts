// The client's verbs on the real server.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { resources } from '../../src/client/resources.ts';
import { startTestApiServer } from '../../src/server/test-api-server.ts';

let server: Awaited<ReturnType<typeof startTestApiServer>>;
let client: Client;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const configMap = (name: string, data: Record<string, string> = {}) => ({
  metadata: { name, namespace: 'default', labels: { test: 'client' } },
  data,
});
const ref = (name: string) => ({ namespace: 'default', name });

describe('Client', () => {
  test('creates, reads, replaces and deletes', async () => {
    const created = await client.create(resources.configMaps, configMap('crud', { a: '1' }));
    expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    const updated = await client.update(resources.configMaps, { ...created, data: { a: '2' } });
    expect(updated.data).toEqual({ a: '2' });
    await expect(client.update(resources.configMaps, created)).rejects.toMatchObject({
      reason: 'Conflict',
      code: 409,
    });
    expect(await client.get(resources.configMaps, ref('crud'))).toEqual(updated);
    await client.delete(resources.configMaps, ref('crud'));
    await expect(client.get(resources.configMaps, ref('crud'))).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'configmaps "crud" not found',
    });
  });

  test('lists by selector and in pages, and every item knows its kind', async () => {
    for (const n of [1, 2, 3]) await client.create(resources.configMaps, configMap(`page-${n}`));
    const options = { namespace: 'default', labelSelector: 'test=client', limit: 2 };
    const first = await client.list(resources.configMaps, options);
    expect(first.items.map(({ kind, metadata }) => `${kind} ${metadata?.name}`)).toEqual([
      'ConfigMap page-1',
      'ConfigMap page-2',
    ]);
    const rest = await client.list(resources.configMaps, {
      ...options,
      continue: first.continue ?? '',
    });
    expect(rest.items.map(({ metadata }) => metadata?.name)).toEqual(['page-3']);
    expect(rest.continue).toBeUndefined();
  });

  test.each([
    ['merge' as const, { data: { b: '2' } }],
    ['strategic' as const, { data: { b: '2' } }],
    ['json' as const, [{ op: 'add', path: '/data/b', value: '2' }]],
  ])('patches: %s', async (type, patch) => {
    await client.create(resources.configMaps, configMap(`patch-${type}`, { a: '1' }));
    const patched = await client.patch(resources.configMaps, ref(`patch-${type}`), patch, { type });
    expect(patched.data).toEqual({ a: '1', b: '2' });
  });

  test('deletes only the object with the uid it was told', async () => {
    await client.create(resources.configMaps, configMap('guarded'));
    const uid = '00000000-0000-0000-0000-000000000000';
    await expect(
      client.delete(resources.configMaps, ref('guarded'), { uid }),
    ).rejects.toMatchObject({ reason: 'Conflict' });
    expect((await client.get(resources.configMaps, ref('guarded'))).metadata?.name).toBe('guarded');
  });

  test('watches from a version', async () => {
    const { resourceVersion } = await client.list(resources.configMaps, { namespace: 'default' });
    const controller = new AbortController();
    const watch = client.watch(
      resources.configMaps,
      { namespace: 'default', resourceVersion },
      controller.signal,
    );
    await client.create(resources.configMaps, configMap('watched'));
    await client.delete(resources.configMaps, ref('watched'));
    const seen: string[] = [];
    for await (const { type, object } of watch) {
      seen.push(`${type} ${object.metadata?.name}`);
      if (seen.length === 2) controller.abort();
    }
    expect(seen).toEqual(['ADDED watched', 'DELETED watched']);
  });

  test('raw() gives any status', async () => {
    expect(await client.raw('/healthz')).toEqual({ status: 200, body: 'ok' });
    expect((await client.raw('/nope')).status).toBe(404);
  });
});

// Annotations are notes on an object that no selector sees: any text, for people and tools.
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { beforeAll, expect, test } from 'vitest';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('annotation');
const text = 'any text: {"json": true}, ünïcode — and spaces';

beforeAll(async () => {
  await ns.kubectl('create configmap noted --from-literal=a=1');
});

test('an annotation keeps any text', async () => {
  await ns.kubectl(['annotate', 'configmap', 'noted', `example.com/note=${text}`]);
  const noted = await ns.getJson<ConfigMap>('configmap noted');
  expect(noted.metadata?.annotations?.['example.com/note']).toBe(text);
});

test('no selector sees an annotation', async () => {
  expect(await ns.kubectl('get configmap -l example.com/note -o name')).toBe('');
});

test('an annotation changes nothing else and goes again', async () => {
  const before = await ns.getJson<ConfigMap>('configmap noted');
  await ns.kubectl('annotate configmap noted example.com/note-');
  const after = await ns.getJson<ConfigMap>('configmap noted');
  expect(after.metadata?.annotations?.['example.com/note']).toBeUndefined();
  expect(after.data).toEqual(before.data);
  expect(after.metadata?.uid).toBe(before.metadata?.uid);
  expect(after.metadata?.resourceVersion).not.toBe(before.metadata?.resourceVersion);
});

test('apply remembers in an annotation what was applied, and removes what is applied no more', async () => {
  const object = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'applied' },
    data,
  });
  await ns.apply(object({ kept: '1', dropped: '1' }));
  await ns.kubectl([
    'patch',
    'configmap',
    'applied',
    '--type=merge',
    '-p',
    '{"data":{"other":"1"}}',
  ]);
  expect(await ns.apply(object({ kept: '2' }))).toContain('configmap/applied configured');
  expect((await ns.getJson<ConfigMap>('configmap applied')).data).toEqual({
    kept: '2',
    other: '1',
  });
  expect(await ns.apply(object({ kept: '2' }))).toContain('configmap/applied unchanged');
});

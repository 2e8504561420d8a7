// The authority of the server in every namespace: there, mended, and gone with the namespace.

import { expect, test } from 'vitest';
import { createCertificateAuthority } from '#src/server/pki.ts';
import { ADMIN, startScene } from './scene.ts';

test('kube-root-ca.crt is in every namespace, comes back, and is as it was', async () => {
  const { cert: rootCa } = await createCertificateAuthority('kubernetes');
  await using scene = await startScene({ rootCa });
  const path = (namespace: string): string =>
    `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
  const held = async (namespace: string) =>
    (await scene.as(ADMIN, `get ${path(namespace)}`)).json.data;
  await expect.poll(() => held('default')).toEqual({ 'ca.crt': rootCa });
  await expect.poll(() => held('kube-system')).toEqual({ 'ca.crt': rootCa });

  const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  await scene.make('post /api/v1/namespaces', shop);
  await expect.poll(() => held('shop')).toEqual({ 'ca.crt': rootCa });
  await scene.make(`patch ${path('shop')}`, { data: { 'ca.crt': 'other', more: 'x' } });
  await expect.poll(() => held('shop')).toEqual({ 'ca.crt': rootCa });
  await scene.make(`delete ${path('shop')}`, {});
  await expect.poll(() => held('shop')).toEqual({ 'ca.crt': rootCa });

  // A namespace that goes gets nothing any more.
  await scene.make('delete /api/v1/namespaces/shop', {});
  await scene.make(`delete ${path('shop')}`, {});
  const other = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } };
  await scene.make('post /api/v1/namespaces', other);
  await expect.poll(() => held('later')).toEqual({ 'ca.crt': rootCa });
  expect((await scene.as(ADMIN, `get ${path('shop')}`)).status).toBe(404);
});

test('without an authority to publish nothing is published', async () => {
  await using scene = await startScene();
  const { json } = await scene.as(ADMIN, 'get /api/v1/configmaps');
  expect(json.items).toEqual([]);
});

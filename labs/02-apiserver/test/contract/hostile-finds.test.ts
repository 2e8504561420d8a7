// What the generator of hostile requests once found, each as a case of its own.
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';

let server: TestApiServer;
beforeAll(async () => {
  server = await startTestApiServer();
});
afterAll(() => server[Symbol.asyncDispose]());

test('a CSINode that was made without drivers can be changed', async () => {
  const at = '/apis/storage.k8s.io/v1/csinodes';
  const node = { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: 'x' } };
  expect((await wire(server, at, { method: 'POST', body: node })).status).toBe(201);
  const patched = await wire(server, `${at}/x`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { metadata: { labels: { a: 'b' } } },
  });
  expect([patched.status, patched.json.metadata?.labels]).toEqual([200, { a: 'b' }]);
});

test('a pattern with one repetition inside another is soon through with every text', async () => {
  const pattern = '^(a+)+$';
  const schema = { type: 'object', properties: { word: { type: 'string', pattern } } };
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const made = await wire(server, definitions, { method: 'POST', body: definition });
  expect(made.status).toBe(201);
  const widgets = '/apis/example.com/v1/namespaces/default/widgets';
  await vi.waitFor(async () => expect((await wire(server, widgets)).status).toBe(200), 10_000);
  const word = `${'a'.repeat(5000)}!`;
  const body = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'x' }, word };
  const refused = await wire(server, widgets, { method: 'POST', body });
  expect([refused.status, refused.json.message]).toEqual([422, expect.stringContaining(pattern)]);
});

test('a connection whose wish to upgrade is ignored again and again gathers no listeners', async () => {
  const warnings: string[] = [];
  const hear = ({ name }: Error) => warnings.push(name);
  process.on('warning', hear);
  const { ca, cert, key } = server.adminOptions;
  const socket = connect({ host: '127.0.0.1', port: server.port, ca, cert, key });
  try {
    await once(socket, 'secureConnect');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    for (let n = 1; n <= 15; n += 1) {
      socket.write(
        'GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
      );
      await vi.waitFor(() => expect(text.split('HTTP/1.1 200').length - 1).toBe(n), 10_000);
    }
    expect(warnings).toEqual([]);
  } finally {
    socket.destroy();
    process.off('warning', hear);
  }
});

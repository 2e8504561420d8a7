// What the generator of hostile requests once found, each as a case of its own.
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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

test("a node that has not said where it is cannot be reached yet; that is nobody's fault", async () => {
  const made = await wire(server, '/api/v1/nodes', {
    method: 'POST',
    body: {
      metadata: { name: 'lost' },
      status: { addresses: [{ type: 'Hostname', address: 'x' }] },
    },
  });
  expect(made.status).toBe(201);
  expect((await wire(server, '/api/v1/nodes/lost/proxy/healthz')).json).toMatchObject({
    code: 503,
    reason: 'ServiceUnavailable',
    message: 'no preferred addresses found; known addresses: [{Hostname x}]',
  });
});

test('a server that cannot prove itself to kubelets says so', async () => {
  const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
  const body = { metadata: { name: 'near' }, status: { addresses } };
  expect((await wire(server, '/api/v1/nodes', { method: 'POST', body })).status).toBe(201);
  expect((await wire(server, '/api/v1/nodes/near/proxy/healthz')).json).toMatchObject({
    code: 503,
    message: expect.stringContaining('no credentials for kubelets (--kubelet-client-certificate)'),
  });
});

describe('node ports', () => {
  const at = '/api/v1/namespaces/default/services';
  const make = (on: TestApiServer, name: string, count: number) => {
    const ports = Array.from({ length: count }, (_, index) => ({
      name: `p${index}`,
      port: index + 1,
    }));
    const body = { metadata: { name }, spec: { type: 'NodePort', ports } };
    return wire(on, at, { method: 'POST', body });
  };

  test('of one service are no more than one transaction can take and give back', async () => {
    const greedy = await make(server, 'greedy', 200);
    expect([greedy.status, greedy.json.message]).toEqual([
      422,
      'Service "greedy" is invalid: spec.ports: Too many: 200: must have at most 60 items',
    ]);
    const fair = await make(server, 'fair', 60);
    expect(fair.status).toBe(201);
    const ports = fair.json.spec.ports.map((port: object, index: number) => ({
      ...port,
      nodePort: 31_000 + index,
    }));
    const body = { ...fair.json, spec: { ...fair.json.spec, ports } };
    expect((await wire(server, `${at}/fair`, { method: 'PUT', body })).status).toBe(200);
  });

  test('that are not there are given to nobody, and those that are to the next one', async () => {
    await using small = await startTestApiServer({ serviceNodePortRange: '30000-30004' });
    const greedy = await make(small, 'greedy', 6);
    expect([greedy.status, greedy.json.message]).toEqual([
      503,
      'failed to allocate a nodePort: range is full',
    ]);
    expect((await wire(small, `${at}/greedy`)).status).toBe(404);
    expect((await make(small, 'modest', 2)).status).toBe(201);
  });
});

test('a namespace with more quotas than a transaction holds takes nothing more, and says why', async () => {
  const at = '/api/v1/namespaces/crowded';
  const namespace = { metadata: { name: 'crowded' } };
  await wire(server, '/api/v1/namespaces', { method: 'POST', body: namespace });
  const statuses = new Set<number>();
  for (let count = 0; count < 135; count += 1) {
    const body = { metadata: { name: `q${count}` }, spec: { hard: { configmaps: '9' } } };
    statuses.add((await wire(server, `${at}/resourcequotas`, { method: 'POST', body })).status);
  }
  const body = { metadata: { name: 'x' } };
  const refused = await wire(server, `${at}/configmaps`, { method: 'POST', body });
  expect([...statuses, refused.status]).toEqual([201, 413]);
  expect(refused.json.message).toContain('too many operations in txn request');
  for (let count = 0; count < 10; count += 1) {
    const gone = await wire(server, `${at}/resourcequotas/q${count}`, { method: 'DELETE' });
    expect(gone.status).toBe(200);
  }
  expect((await wire(server, `${at}/configmaps`, { method: 'POST', body })).status).toBe(201);
});

test('a pod under two budgets is not evicted, and the client hears why', async () => {
  const labels = { app: 'twice' };
  const pod = {
    metadata: { name: 'twice', labels },
    spec: { containers: [{ name: 'c', image: 'x' }] },
  };
  const pods = '/api/v1/namespaces/default/pods';
  expect((await wire(server, pods, { method: 'POST', body: pod })).status).toBe(201);
  const status = { phase: 'Running' };
  const headers = { 'content-type': 'application/merge-patch+json' };
  const running = { method: 'PATCH', headers, body: { status } };
  expect((await wire(server, `${pods}/twice/status`, running)).status).toBe(200);
  for (const name of ['one', 'two']) {
    const body = {
      metadata: { name },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    };
    const at = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    expect((await wire(server, at, { method: 'POST', body })).status).toBe(201);
  }
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'twice' } };
  const answer = await wire(server, `${pods}/twice/eviction`, { method: 'POST', body });
  expect(answer.json).toMatchObject({
    code: 400,
    message:
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  });
  expect((await wire(server, `${pods}/twice`)).json.metadata.deletionTimestamp).toBeUndefined();
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
  await vi.waitFor(async () => expect((await wire(server, widgets)).status).toBe(200));
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
      await vi.waitFor(() => expect(text.split('HTTP/1.1 200').length - 1).toBe(n));
    }
    expect(warnings).toEqual([]);
  } finally {
    socket.destroy();
    process.off('warning', hear);
  }
});

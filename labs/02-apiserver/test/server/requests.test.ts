// Requests of every kind on the wire, and the answers that upstream gives: good ones, bad ones, strange ones.
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../src/server/test-api-server.ts';
import { wire } from './wire.ts';

let server: TestApiServer;
const NS = '/api/v1/namespaces/default';

beforeAll(async () => {
  const tokens = [{ token: 'good-token', user: 'ann', uid: '1', groups: ['devs'] }];
  server = await startTestApiServer({ tokens });
});
afterAll(() => server[Symbol.asyncDispose]());

const configMap = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const create = (name: string, data: object = {}) =>
  wire(server, `${NS}/configmaps`, { method: 'POST', body: configMap(name, data) });

describe('who may ask', () => {
  test('nobody without a certificate or a token, except for health and version', async () => {
    const refused = await wire(server, `${NS}/pods`, { anonymous: true });
    expect(refused.status).toBe(401);
    expect(refused.json).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 });
    for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
      expect((await wire(server, path, { anonymous: true })).status).toBe(200);
    }
  });

  test('a known token is let in, an unknown one is not', async () => {
    const as = (token: string) =>
      wire(server, `${NS}/pods`, {
        anonymous: true,
        headers: { authorization: `Bearer ${token}` },
      });
    expect((await as('good-token')).status).toBe(200);
    expect((await as('bad-token')).status).toBe(401);
  });
});

describe('writes', () => {
  test('a create answers 201 with uid, creationTimestamp and resourceVersion; a second one 409', async () => {
    const made = await create('one', { a: '1' });
    expect(made.status).toBe(201);
    expect(made.json.metadata).toMatchObject({ name: 'one', namespace: 'default' });
    expect(made.json.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(made.json.metadata.resourceVersion)).toBeGreaterThan(0);
    const again = await create('one');
    expect(again.status).toBe(409);
    expect(again.json).toMatchObject({
      reason: 'AlreadyExists',
      message: 'configmaps "one" already exists',
      details: { name: 'one', kind: 'configmaps' },
    });
  });

  test('a stale resourceVersion is a conflict and changes nothing', async () => {
    const { json: first } = await create('raced', { a: '1' });
    const put = (body: object) => wire(server, `${NS}/configmaps/raced`, { method: 'PUT', body });
    expect((await put({ ...first, data: { a: '2' } })).status).toBe(200);
    const stale = await put({ ...first, data: { a: '3' } });
    expect(stale.status).toBe(409);
    expect(stale.json.message).toBe(
      'Operation cannot be fulfilled on configmaps "raced": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect((await wire(server, `${NS}/configmaps/raced`)).json.data).toEqual({ a: '2' });
  });

  test('a write that changes nothing makes no new revision', async () => {
    const { json: made } = await create('same', { a: '1' });
    const put = await wire(server, `${NS}/configmaps/same`, { method: 'PUT', body: made });
    expect(put.json.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  test('a dry run answers like the real thing and stores nothing', async () => {
    const path = `${NS}/configmaps?dryRun=All`;
    const dry = await wire(server, path, { method: 'POST', body: configMap('dry') });
    expect(dry.status).toBe(201);
    expect((await wire(server, `${NS}/configmaps/dry`)).status).toBe(404);
  });

  test('fields that belong to the server are not the client’s to set', async () => {
    const body = configMap('mine');
    Object.assign(body.metadata, { uid: 'made-up', creationTimestamp: '2001-01-01T00:00:00Z' });
    const made = await wire(server, `${NS}/configmaps`, { method: 'POST', body });
    expect(made.json.metadata.uid).not.toBe('made-up');
    expect(made.json.metadata.creationTimestamp).not.toContain('2001');
  });

  test('100 writers that increment one number lose no increment', async () => {
    await create('counter', { n: '0' });
    const path = `${NS}/configmaps/counter`;
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const increment = async (): Promise<void> => {
      for (;;) {
        const { json } = await wire(server, path, { agent });
        const body = { ...json, data: { n: String(Number(json.data.n) + 1) } };
        const put = await wire(server, path, { method: 'PUT', body, agent });
        if (put.status === 200) return;
        expect(put.status).toBe(409);
      }
    };
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 10 }, increment));
    }
    expect((await wire(server, path)).json.data.n).toBe('100');
  });
});

describe('bad input has an answer, and the server stays', () => {
  const big = JSON.stringify(configMap('big', { a: 'x'.repeat(3 * 1024 * 1024) }));
  test.each([
    { name: 'a path that is not there', path: '/api/v1/nothing', status: 404 },
    { name: 'a group that is not served', path: '/apis/example.com/v1/widgets', status: 404 },
    {
      name: 'an object that is not there',
      path: `${NS}/pods/none`,
      status: 404,
      message: 'pods "none" not found',
    },
    {
      name: 'a namespace that is not there',
      path: '/api/v1/namespaces/none/configmaps',
      method: 'POST',
      body: configMap('x'),
      status: 404,
      message: 'namespaces "none" not found',
    },
    {
      name: 'broken JSON',
      path: `${NS}/configmaps`,
      method: 'POST',
      body: '{"kind":',
      status: 400,
    },
    {
      name: 'bytes that are not UTF-8',
      path: `${NS}/configmaps`,
      method: 'POST',
      body: new Uint8Array([0x7b, 0xff, 0xfe]),
      status: 400,
    },
    { name: 'an empty body', path: `${NS}/configmaps`, method: 'POST', body: '', status: 400 },
    {
      name: 'another kind',
      path: `${NS}/configmaps`,
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } },
      status: 400,
    },
    {
      name: 'another namespace',
      path: `${NS}/configmaps`,
      method: 'POST',
      body: { ...configMap('x'), metadata: { name: 'x', namespace: 'other' } },
      status: 400,
      message:
        'the namespace of the provided object does not match the namespace sent on the request',
    },
    { name: 'a body of 3 MiB', path: `${NS}/configmaps`, method: 'POST', body: big, status: 413 },
    {
      name: 'a media type that nobody knows',
      path: `${NS}/configmaps`,
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'text/html' },
      status: 415,
    },
    {
      name: 'an Accept that cannot be met',
      path: `${NS}/pods`,
      headers: { accept: 'text/html' },
      status: 406,
    },
    {
      name: 'a label selector that does not parse',
      path: `${NS}/pods?labelSelector=a+b`,
      status: 400,
    },
    {
      name: 'a field that no selector knows',
      path: `${NS}/pods?fieldSelector=spec.colour%3Dred`,
      status: 400,
      message: 'field label not supported: spec.colour',
    },
    { name: 'a limit that is no number', path: `${NS}/pods?limit=many`, status: 400 },
    {
      name: 'a continue token that was made up',
      path: `${NS}/pods?limit=1&continue=abc`,
      status: 400,
    },
    {
      name: 'a method that the resource has not',
      path: '/api/v1/namespaces',
      method: 'DELETE',
      status: 405,
    },
    { name: 'a bad escape', path: '/api/v1/namespaces/%zz/pods', status: 400 },
    {
      name: 'a path out of the tree',
      path: '/api/v1/namespaces/default/../../secrets',
      status: 404,
    },
    {
      name: 'exec without an upgrade',
      path: `${NS}/pods/none/exec?command=ls`,
      method: 'POST',
      message: 'pods "none" not found',
      status: 404,
    },
  ])('$name → $status', async ({ path, status, message, ...options }) => {
    const answer = await wire(server, path, options as Parameters<typeof wire>[2]);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
    if (message !== undefined) expect(answer.json.message).toContain(message);
    expect((await wire(server, '/readyz')).text).toBe('ok');
  });
});

describe('shapes', () => {
  const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

  test('a Table has the columns of its kind and the metadata of each row', async () => {
    await create('row', { a: '1', b: '2' });
    const { json } = await wire(server, `${NS}/configmaps?fieldSelector=metadata.name%3Drow`, {
      headers: TABLE,
    });
    expect(json.kind).toBe('Table');
    expect(json.columnDefinitions.map((column: { name: string }) => column.name)).toEqual([
      'Name',
      'Data',
      'Age',
    ]);
    expect(json.rows[0].cells.slice(0, 2)).toEqual(['row', 2]);
    expect(json.rows[0].object).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { name: 'row' },
    });
  });

  test('YAML and partial metadata are given to those who ask', async () => {
    const yaml = await wire(server, `${NS}/configmaps/row`, {
      headers: { accept: 'application/yaml' },
    });
    expect(yaml.text).toContain('kind: ConfigMap');
    const partial = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
    const { json } = await wire(server, `${NS}/configmaps`, { headers: partial });
    expect(json.kind).toBe('PartialObjectMetadataList');
    expect(json.items[0].data).toBeUndefined();
  });

  test('discovery answers 304 to who has it already', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const first = await wire(server, '/apis', { headers: { accept } });
    expect(first.json.kind).toBe('APIGroupDiscoveryList');
    const etag = String(first.headers.etag);
    const again = await wire(server, '/apis', { headers: { accept, 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });
});

test('/metrics counts requests under upstream’s names', async () => {
  const { text } = await wire(server, '/metrics');
  expect(text).toMatch(
    /apiserver_request_total\{verb="POST",group="",version="v1",resource="configmaps",subresource="",code="201"\} \d+/,
  );
  const posts = 'verb="POST",group="",version="v1",resource="configmaps",subresource=""';
  const duration = 'apiserver_request_duration_seconds';
  expect(text).toContain(`# TYPE ${duration} histogram\n`);
  const figureOf = (line: string) =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.slice(line.length),
    );
  const count = figureOf(`${duration}_count{${posts}} `);
  expect(count).toBeGreaterThan(0);
  expect(figureOf(`${duration}_bucket{${posts},le="+Inf"} `)).toBe(count);
  expect(figureOf(`${duration}_bucket{${posts},le="60"} `)).toBe(count);
  expect(figureOf(`${duration}_sum{${posts}} `)).toBeGreaterThan(0);
});

test('OpenAPI v2 is given as JSON, and in the one form that kubectl takes', async () => {
  const { headers, json } = await wire(server, '/openapi/v2');
  expect(headers['content-type']).toBe('application/json');
  const path = '/api/v1/namespaces/{namespace}/pods/{name}';
  expect(json.paths[path].patch).toMatchObject({
    operationId: 'patchCoreV1NamespacedPod',
    'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Pod' },
    responses: { 200: { schema: { $ref: '#/definitions/io.k8s.api.core.v1.Pod' } } },
  });
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const binary = await wire(server, '/openapi/v2', { headers: { accept } });
  expect(binary.status).toBe(200);
  expect(binary.headers['content-type']).toBe(
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  );
});

// What the server does with definitions and their objects, over the wire.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type WireAnswer, type WireOptions, wire } from '../server/wire.ts';
import { cronTabs, SCHEMA } from './definitions.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const V1 = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const MERGE = { 'content-type': 'application/merge-patch+json' };

let server: TestApiServer;
const ask = (path: string, options?: WireOptions): Promise<WireAnswer> =>
  wire(server, path, options);
const post = (path: string, body: object): Promise<WireAnswer> =>
  ask(path, { method: 'POST', body });

async function established(name: string): Promise<void> {
  await vi.waitFor(async () => {
    const { json } = await ask(`${DEFINITIONS}/${name}`);
    const conditions = Object.fromEntries(
      (json.status?.conditions ?? []).map((one: { type: string; status: string }) => [
        one.type,
        one.status,
      ]),
    );
    expect(conditions).toMatchObject({ NamesAccepted: 'True', Established: 'True' });
  });
}

/** A definition with two versions of different schemas, subresources, columns and a selectable field. */
function twoVersions(plural = 'crontabs') {
  return cronTabs(({ metadata, spec }) => {
    Object.assign(metadata ?? {}, { name: `${plural}.stable.example.com` });
    spec.names.plural = plural;
    const subresources = {
      status: {},
      scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
    };
    const v2 = structuredClone(SCHEMA) as { properties: { spec: { properties: object } } };
    Object.assign(v2.properties.spec.properties, {
      zone: { type: 'string', default: 'utc' },
      replicas: { type: 'integer', minimum: 0, maximum: 3 },
    });
    spec.versions = [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: structuredClone(SCHEMA) as object },
        subresources,
        selectableFields: [{ jsonPath: '.spec.image' }],
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec', description: 'when' },
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
        ],
      },
      {
        name: 'v2',
        served: true,
        storage: false,
        deprecated: true,
        schema: { openAPIV3Schema: v2 as object },
        subresources,
      },
    ];
  });
}

const cronTab = (name: string, spec: object = {}, version = 'v1') => ({
  apiVersion: `stable.example.com/${version}`,
  kind: 'CronTab',
  metadata: { name },
  spec: { cronSpec: '* * * * */5', ...spec },
});

beforeAll(async () => {
  server = await startTestApiServer();
  expect((await post(DEFINITIONS, twoVersions())).status).toBe(201);
  await established('crontabs.stable.example.com');
});
afterAll(async () => server[Symbol.asyncDispose]());

test('an object is made with defaults and found again', async () => {
  const made = await post(V1, cronTab('first', { replicas: 2 }));
  expect(made.json).toMatchObject({
    metadata: { namespace: 'default', generation: 1 },
    spec: { image: 'busybox', replicas: 2 },
  });
  expect((await ask(`${V1}/first`)).json).toEqual(made.json);
  const { kvs } = await server.store.range({
    key: '/registry/stable.example.com/crontabs/default/first',
  });
  expect(kvs).toHaveLength(1);
});

test('an object that is not valid is refused in the words of upstream', async () => {
  const { json } = await post(V1, cronTab('bad', { replicas: 'many', cronSpec: 'x' }));
  expect(json).toMatchObject({ code: 422, reason: 'Invalid' });
  expect(json.message).toContain(
    'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
  );
  expect(json.details).toMatchObject({
    name: 'bad',
    group: 'stable.example.com',
    kind: 'CronTab',
  });
});

describe('field validation', () => {
  test.each([
    { mode: 'Strict', status: 400, warning: undefined },
    { mode: 'Warn', status: 201, warning: '299 - "unknown field \\"spec.extra\\""' },
    { mode: 'Ignore', status: 201, warning: undefined },
  ])('$mode', async ({ mode, status, warning }) => {
    const body = cronTab(`extra-${mode.toLowerCase()}`, { extra: true });
    const answer = await post(`${V1}?fieldValidation=${mode}&dryRun=All`, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.warning).toBe(warning);
    expect(answer.json.spec?.extra).toBeUndefined();
  });
});

test('patches: merge and JSON, but no strategic merge', async () => {
  await post(V1, cronTab('patched', { replicas: 1 }));
  const merged = await ask(`${V1}/patched`, {
    method: 'PATCH',
    headers: MERGE,
    body: { spec: { replicas: 3 } },
  });
  expect(merged.json).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 3 } });
  const body = JSON.stringify([{ op: 'replace', path: '/spec/replicas', value: 4 }]);
  const json = { 'content-type': 'application/json-patch+json' };
  const patched = await ask(`${V1}/patched`, { method: 'PATCH', headers: json, body });
  expect(patched.json.spec.replicas).toBe(4);
  const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
  const refused = await ask(`${V1}/patched`, { method: 'PATCH', headers: strategic, body: {} });
  expect(refused.status).toBe(415);
});

test('an update must say which version it saw', async () => {
  const { json } = await post(V1, cronTab('updated'));
  const { resourceVersion, ...metadata } = json.metadata;
  const body = { ...json, metadata, spec: { ...json.spec, replicas: 5 } };
  const blind = await ask(`${V1}/updated`, { method: 'PUT', body });
  expect(blind.json).toMatchObject({ code: 422 });
  expect(blind.json.message).toContain(
    'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  );
  const seen = await ask(`${V1}/updated`, {
    method: 'PUT',
    body: { ...body, metadata: { ...metadata, resourceVersion } },
  });
  expect(seen.json.spec.replicas).toBe(5);
});

test('status and specification are two windows', async () => {
  const made = await post(V1, { ...cronTab('windows', { replicas: 1 }), status: { replicas: 9 } });
  expect(made.json).not.toHaveProperty('status');
  const body = { spec: { replicas: 7 }, status: { replicas: 2 } };
  const status = await ask(`${V1}/windows/status`, { method: 'PATCH', headers: MERGE, body });
  expect(status.json).toMatchObject({
    metadata: { generation: 1 },
    spec: { replicas: 1 },
    status: { replicas: 2 },
  });
  const spec = await ask(`${V1}/windows`, {
    method: 'PATCH',
    headers: MERGE,
    body: { ...body, status: { replicas: 8 } },
  });
  expect(spec.json).toMatchObject({
    metadata: { generation: 2 },
    spec: { replicas: 7 },
    status: { replicas: 2 },
  });
});

test('scale reads and writes the replicas', async () => {
  await post(V1, cronTab('scaled', { replicas: 1 }));
  expect((await ask(`${V1}/scaled/scale`)).json).toMatchObject({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name: 'scaled', namespace: 'default' },
    spec: { replicas: 1 },
    status: { replicas: 0 },
  });
  const body = { spec: { replicas: 6 } };
  const scaled = await ask(`${V1}/scaled/scale`, { method: 'PATCH', headers: MERGE, body });
  expect(scaled.json.spec).toEqual({ replicas: 6 });
  expect((await ask(`${V1}/scaled`)).json.spec.replicas).toBe(6);
  const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
  const how = { method: 'PATCH', headers: strategic, body };
  expect((await ask(`${V1}/scaled/scale`, how)).status).toBe(415);
  const asYaml = await ask(`${V1}/scaled/scale`, { headers: { accept: 'application/yaml' } });
  expect(asYaml.text).toMatch(/^kind: Scale\n/);
  const wrong = { spec: { replicas: 60 } };
  const refused = await ask(`${V1}/scaled/scale`, { method: 'PATCH', headers: MERGE, body: wrong });
  expect(refused.status).toBe(422);
  await post(V1, cronTab('unscaled'));
  expect((await ask(`${V1}/unscaled/scale`)).json).toMatchObject({
    code: 400,
    message: 'the spec replicas field ".spec.replicas" does not exist',
  });
  const nothing = { method: 'PATCH', headers: MERGE, body: { metadata: { labels: { a: 'b' } } } };
  expect((await ask(`${V1}/unscaled/scale`, nothing)).json).toMatchObject({
    code: 400,
    message: 'the spec replicas field ".spec.replicas" cannot be empty',
  });
  const first = { method: 'PATCH', headers: MERGE, body: { spec: { replicas: 3 } } };
  expect((await ask(`${V1}/unscaled/scale`, first)).json).toMatchObject({ spec: { replicas: 3 } });
  expect((await ask(`${V1}/unscaled`)).json.spec.replicas).toBe(3);
  const asApply = { 'content-type': 'application/apply-patch+yaml' };
  const applied = await ask(`${V1}/unscaled/scale?fieldManager=scaler&force=true`, {
    method: 'PATCH',
    headers: asApply,
    body: {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'unscaled' },
      spec: { replicas: 4 },
    },
  });
  expect([applied.status, applied.json.spec]).toEqual([200, { replicas: 4 }]);
  const { managedFields } = (await ask(`${V1}/unscaled`)).json.metadata;
  expect(managedFields).toContainEqual(
    expect.objectContaining({
      manager: 'scaler',
      operation: 'Apply',
      apiVersion: 'stable.example.com/v1',
      subresource: 'scale',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    }),
  );
});

describe('two versions', () => {
  const V2 = V1.replace('/v1/', '/v2/');
  test('show the same object, each by its own schema, the deprecated one with a warning', async () => {
    await post(V1, cronTab('both', { replicas: 2 }));
    const seen = await ask(`${V2}/both`);
    expect(seen.json).toMatchObject({ apiVersion: 'stable.example.com/v2', spec: { zone: 'utc' } });
    expect(seen.headers.warning).toBe('299 - "stable.example.com/v2 CronTab is deprecated"');
    const { json } = await ask(`${V2}?fieldSelector=metadata.name%3Dboth`);
    expect(json).toMatchObject({ kind: 'CronTabList', apiVersion: 'stable.example.com/v2' });
    expect(json.items).toHaveLength(1);
  });

  test('judge what is written in them, and not what is written in the other', async () => {
    const many = cronTab('judged', { replicas: 5 }, 'v2');
    expect((await post(V2, many)).json).toMatchObject({ code: 422 });
    const none = cronTab('judged', { replicas: 0 }, 'v2');
    expect((await post(V2, none)).status).toBe(201);
    const { json } = await ask(`${V1}/judged`);
    expect(json).toMatchObject({ apiVersion: 'stable.example.com/v1', spec: { replicas: 0 } });
  });
});

test('field selectors: those that the version declares', async () => {
  await post(V1, cronTab('selected', { image: 'special' }));
  const { json } = await ask(`${V1}?fieldSelector=spec.image%3Dspecial`);
  expect(json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
    'selected',
  ]);
  const refused = await ask(`${V1}?fieldSelector=spec.replicas%3D1`);
  expect(refused.json).toMatchObject({
    code: 400,
    message: 'field label not supported: spec.replicas',
  });
});

test('a table has the declared columns', async () => {
  await post(V1, cronTab('row', { replicas: 3 }));
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  const { json } = await ask(`${V1}/row`, { headers });
  expect(json.columnDefinitions).toMatchObject([
    { name: 'Name', format: 'name' },
    { name: 'Spec', type: 'string', description: 'when', priority: 0 },
    { name: 'Replicas', type: 'integer', priority: 1 },
  ]);
  expect(json.rows[0].cells).toEqual(['row', '* * * * */5', 3]);
});

test.each([
  ['POST', DEFINITIONS],
  ['PUT', `${DEFINITIONS}/crontabs.stable.example.com`],
  ['PUT', `${DEFINITIONS}/absent.example.com/status`],
])("a definition without anything in it is the client's fault: %s %s", async (method, path) => {
  const { status } = await ask(path, { method, body: {} });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
});

test('names that somebody has are not given again', async () => {
  const other = cronTabs(({ metadata, spec }) => {
    Object.assign(metadata ?? {}, { name: 'others.stable.example.com' });
    spec.names = { plural: 'others', kind: 'Other', shortNames: ['ct'] };
  });
  await post(DEFINITIONS, other);
  await vi.waitFor(async () => {
    const { json } = await ask(`${DEFINITIONS}/others.stable.example.com`);
    expect(json.status.conditions).toMatchObject([
      {
        type: 'NamesAccepted',
        status: 'False',
        reason: 'ShortNamesConflict',
        message: '"ct" is already in use',
      },
      { type: 'Established', status: 'False', reason: 'NotAccepted' },
    ]);
  });
  expect((await ask('/apis/stable.example.com/v1/others')).status).toBe(404);
  const body = { spec: { names: { shortNames: ['ot'] } } };
  await ask(`${DEFINITIONS}/others.stable.example.com`, { method: 'PATCH', headers: MERGE, body });
  await established('others.stable.example.com');
  expect((await ask('/apis/stable.example.com/v1/others')).status).toBe(200);
});

test('a new schema is there for old objects and new ones', async () => {
  const plural = 'evolving';
  const definition = cronTabs(({ metadata, spec }) => {
    Object.assign(metadata ?? {}, { name: `${plural}.stable.example.com` });
    spec.names = { plural, kind: 'Evolving' };
  });
  await post(DEFINITIONS, definition);
  await established(`${plural}.stable.example.com`);
  const collection = V1.replace('crontabs', plural);
  const object = { ...cronTab('old'), kind: 'Evolving' };
  await post(collection, object);
  const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties';
  const body = JSON.stringify([
    { op: 'add', path: `${path}/colour`, value: { type: 'string', default: 'blue' } },
    { op: 'remove', path: `${path}/image` },
  ]);
  const headers = { 'content-type': 'application/json-patch+json' };
  await ask(`${DEFINITIONS}/${plural}.stable.example.com`, { method: 'PATCH', headers, body });
  await vi.waitFor(async () => {
    const { json } = await ask(`${collection}/old`);
    expect(json.spec).toEqual({ cronSpec: '* * * * */5', colour: 'blue' });
  });
});

test('deleting a definition deletes its objects first, and waits for those that are held', async () => {
  const plural = 'goners';
  const name = `${plural}.stable.example.com`;
  const definition = cronTabs(({ metadata, spec }) => {
    Object.assign(metadata ?? {}, { name });
    spec.names = { plural, kind: 'Goner' };
  });
  await post(DEFINITIONS, definition);
  await established(name);
  const collection = V1.replace('crontabs', plural);
  const object = { ...cronTab('free'), kind: 'Goner' };
  await post(collection, object);
  const metadata = { name: 'held', finalizers: ['example.com/hold'] };
  await post(collection, { ...object, metadata });
  const answer = await ask(`${DEFINITIONS}/${name}`, { method: 'DELETE' });
  expect(answer.json.metadata.finalizers).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
  await vi.waitFor(async () => expect((await ask(`${collection}/free`)).status).toBe(404));
  const late = await post(collection, { ...object, metadata: { name: 'late' } });
  expect(late.json).toMatchObject({
    code: 405,
    message: 'create not allowed while custom resource definition is terminating',
  });
  const body = { metadata: { finalizers: null } };
  await ask(`${collection}/held`, { method: 'PATCH', headers: MERGE, body });
  await vi.waitFor(async () => expect((await ask(`${DEFINITIONS}/${name}`)).status).toBe(404));
  expect((await ask(collection)).status).toBe(404);
});

test('a restart keeps definitions and objects: the server is not ready before it serves them', async () => {
  await post(V1, cronTab('kept'));
  await server.restart();
  expect((await ask(`${V1}/kept`)).json).toMatchObject({ metadata: { name: 'kept' } });
});

describe('what is said of custom resources', () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

  test('aggregated discovery, with the preferred version first', async () => {
    const { json } = await ask('/apis', { headers: { accept } });
    const names = json.items.map((item: { metadata: { name: string } }) => item.metadata.name);
    expect(names.slice(0, 2)).toEqual(['apiregistration.k8s.io', 'apps']);
    expect(names.at(-1)).toBe('stable.example.com');
    const { versions } = json.items.at(-1);
    expect(versions.map(({ version }: { version: string }) => version)).toEqual(['v2', 'v1']);
    expect(versions[1].resources[0]).toMatchObject({
      resource: 'crontabs',
      responseKind: { group: 'stable.example.com', version: 'v1', kind: 'CronTab' },
      scope: 'Namespaced',
      singularResource: 'crontab',
      shortNames: ['ct'],
      subresources: [
        { subresource: 'status', verbs: ['get', 'patch', 'update'] },
        {
          subresource: 'scale',
          responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        },
      ],
    });
  });

  test('legacy discovery, with the hash of the stored version', async () => {
    const group = await ask('/apis/stable.example.com');
    expect(group.json.preferredVersion.version).toBe('v2');
    const v1 = await ask('/apis/stable.example.com/v1');
    const v2 = await ask('/apis/stable.example.com/v2');
    const hash = v1.json.resources[0].storageVersionHash;
    expect(hash).toBe('EdX2FP+L0js=');
    expect(v2.json.resources[0].storageVersionHash).toBe(hash);
    const core = (await ask('/api/v1')).json.resources;
    const pods = core.find(({ name }: { name: string }) => name === 'pods');
    expect(pods.storageVersionHash).toBe('xPOwRZ+Yhw8='); // As every real server has it.
  });

  test('OpenAPI: schemas of the kind and its list, under a hash that changes with them alone', async () => {
    const index = async () => (await ask('/openapi/v3')).json.paths;
    const before = await index();
    const path = 'apis/stable.example.com/v1';
    const url: string = before[path].serverRelativeURL;
    const document = await ask(url);
    expect(document.headers['cache-control']).toBe('public, immutable');
    const schema = document.json.components.schemas['com.example.stable.v1.CronTab'];
    expect(schema.properties.spec.properties.image).toEqual({ type: 'string', default: 'busybox' });
    const { patch } =
      document.json.paths['/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}'];
    expect(patch.requestBody.content).not.toHaveProperty([
      'application/strategic-merge-patch+json',
    ]);
    const swagger = await ask('/openapi/v2');
    expect(swagger.json.definitions).toHaveProperty(['com.example.stable.v1.CronTabList']);

    const at =
      '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/image/description';
    await ask(`${DEFINITIONS}/crontabs.stable.example.com`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: at, value: 'what to run' }]),
    });
    await vi.waitFor(async () => {
      const after = await index();
      expect(after[path].serverRelativeURL).not.toBe(url);
      expect(after['api/v1']).toEqual(before['api/v1']);
    });
    const old = await ask(url);
    expect(old.status).toBe(301);
    expect(String(old.headers.location)).toBe((await index())[path].serverRelativeURL);
  });

  test('discovery answers 304 until something changes', async () => {
    const first = await ask('/apis', { headers: { accept } });
    const headers = { accept, 'if-none-match': String(first.headers.etag) };
    expect((await ask('/apis', { headers })).status).toBe(304);
    const plural = 'changes';
    await post(
      DEFINITIONS,
      cronTabs(({ metadata, spec }) => {
        Object.assign(metadata ?? {}, { name: `${plural}.stable.example.com` });
        spec.names = { plural, kind: 'Change' };
      }),
    );
    await established(`${plural}.stable.example.com`);
    expect((await ask('/apis', { headers })).status).toBe(200);
  });
});

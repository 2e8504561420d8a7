// Resources as they are declared: other versions, handlers of their own, some that come and go while the server runs, and the routes there are.

import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KubernetesObject } from '#src/client/resources.ts';
import type { KindCodec } from '#src/codec/kind-codec.ts';
import { JSON_PATCH, MERGE_PATCH } from '#src/patch/apply-patch.ts';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import type { ResourceDefinition } from '#src/registry/resource-definition.ts';
import { define, field, status } from '#src/registry/resources/define.ts';
import { send } from '#src/server/responses.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { defineStrategy } from '#src/strategy/strategy.ts';
import { wire } from './wire.ts';

let server: TestApiServer;
beforeAll(async () => {
  server = await startTestApiServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Lamps of example.com: v1 says {spec: {watts}}, v1alpha1 said {spec: {power: '5W'}}. */
interface Lamp extends KubernetesObject {
  spec?: { watts?: number; power?: string; colour?: string };
}

const GROUP = 'example.com';
const NS = '/namespaces/default';

/** Reads JSON as it is: the kinds of these tests have no schema. */
function plainCodec(setDefaults: (lamp: Lamp) => void): KindCodec {
  return {
    decode: (bytes) => ({ object: JSON.parse(Buffer.from(bytes).toString('utf8')), warnings: [] }),
    check: (value) => ({ object: value as KubernetesObject, warnings: [] }),
    patchTypes: [JSON_PATCH, MERGE_PATCH],
    structure: undefined,
    setDefaults,
  };
}

const lamps: ResourceDefinition = define('Lamp', 'lamps', {
  group: GROUP,
  storagePrefix: '/registry/example.com/lamps/',
  unconditionalUpdate: false,
  subresources: [status('Lamp')],
  selectableFields: { 'spec.watts': field('spec.watts') },
  codec: plainCodec(() => {}),
  strategy: defineStrategy<Lamp>({
    setDefaults: ({ spec }) => {
      if (spec !== undefined) spec.colour ??= 'white';
    },
  }),
  printer: {
    columns: [{ name: 'Name' }, { name: 'Watts', type: 'integer' }],
    row: ({ metadata, spec }: Lamp) => [metadata?.name ?? '', spec?.watts ?? 0],
  },
});

const oldLamps: ResourceDefinition = define('Lamp', 'lamps', {
  group: GROUP,
  version: 'v1alpha1',
  subresources: [status('Lamp')],
  selectableFields: { 'spec.power': (object) => powerOf(object) },
  codec: plainCodec(({ spec }) => {
    if (spec !== undefined) spec.power ??= '10W';
  }),
  storedAs: {
    definition: lamps,
    toStorage: (object) => {
      const { power, ...rest } = (object as Lamp).spec ?? {};
      return { ...object, spec: { ...rest, watts: Number.parseInt(power ?? '0', 10) } } as Lamp;
    },
    fromStorage: (object) => {
      const { watts: _, ...rest } = (object as Lamp).spec ?? {};
      return { ...object, spec: { ...rest, power: powerOf(object) } } as Lamp;
    },
  },
});

function powerOf(object: ReadonlyApiObject): string {
  return `${(object as Lamp).spec?.watts ?? 0}W`;
}

const at = (version: string, rest = '') => `/apis/${GROUP}/${version}${NS}/lamps${rest}`;
const lamp = (version: string, name: string, spec: Lamp['spec']) => ({
  apiVersion: `${GROUP}/${version}`,
  kind: 'Lamp',
  metadata: { name },
  spec,
});
const post = (version: string, name: string, spec: Lamp['spec']) =>
  wire(server, at(version), { method: 'POST', body: lamp(version, name, spec) });

/** The lines of a watch; `until` collects them as far as a condition holds, and `ended` resolves when the server ends it. */
function watch(path: string) {
  const { ca, cert, key } = server.adminOptions;
  const lines: { type: string; object: Lamp }[] = [];
  const outgoing = request(server.url, { path, ca, cert, key, agent: false });
  const ended = new Promise<void>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const reader = createInterface({ input: answer });
      reader.on('error', () => {}); // Who closes it on this side is told of it as an error.
      reader.on('line', (line) => lines.push(JSON.parse(line)));
      reader.on('close', resolve);
    });
  });
  outgoing.end();
  return { lines, ended, close: () => outgoing.destroy() };
}

describe('two versions of one resource', () => {
  beforeAll(() => server.table.add([lamps, oldLamps]));
  afterAll(() => server.table.remove([lamps, oldLamps]));

  test('an object written in one is read in the other, from one place in the store', async () => {
    const made = await post('v1alpha1', 'old', { power: '40W' });
    expect([made.status, made.json]).toMatchObject([
      201,
      { apiVersion: 'example.com/v1alpha1', spec: { power: '40W', colour: 'white' } },
    ]);
    expect(made.json.spec.watts).toBeUndefined();
    const read = await wire(server, at('v1', '/old'));
    expect(read.json).toMatchObject({
      apiVersion: 'example.com/v1',
      spec: { watts: 40, colour: 'white' },
    });
    expect(read.json.metadata).toEqual(made.json.metadata);
    const { kvs } = await server.store.range({ key: '/registry/example.com/lamps/default/old' });
    expect(JSON.parse(Buffer.from(kvs[0]?.value ?? []).toString())).toMatchObject({
      apiVersion: 'example.com/v1',
      spec: { watts: 40 },
    });
  });

  test('each version has its own defaults', async () => {
    expect((await post('v1alpha1', 'a', {})).json.spec).toEqual({ power: '10W', colour: 'white' });
    expect((await post('v1', 'b', {})).json.spec).toEqual({ colour: 'white' });
  });

  test('a list converts every item, and selects by the fields of its version', async () => {
    await post('v1', 'five', { watts: 5 });
    await post('v1', 'six', { watts: 6 });
    const old = await wire(server, at('v1alpha1', '?fieldSelector=spec.power%3D5W'));
    expect(old.json).toMatchObject({
      kind: 'LampList',
      apiVersion: 'example.com/v1alpha1',
      items: [{ apiVersion: 'example.com/v1alpha1', spec: { power: '5W' } }],
    });
    expect(old.json.items).toHaveLength(1);
    const wrong = await wire(server, at('v1', '?fieldSelector=spec.power%3D5W'));
    expect([wrong.status, wrong.json.message]).toEqual([
      400,
      'field label not supported: spec.power',
    ]);
  });

  test('a patch is a patch of the version that it is sent to', async () => {
    await post('v1', 'patched', { watts: 1 });
    const patch = (version: string, type: string, body: object) =>
      wire(server, at(version, '/patched'), {
        method: 'PATCH',
        body: JSON.stringify(body),
        headers: { 'content-type': type },
      });
    const merged = await patch('v1alpha1', MERGE_PATCH, { spec: { power: '2W' } });
    expect(merged.json.spec).toMatchObject({ power: '2W' });
    const operation = { op: 'test', path: '/spec/power', value: '2W' };
    expect((await patch('v1alpha1', JSON_PATCH, [operation])).status).toBe(200);
    expect((await patch('v1', JSON_PATCH, [operation])).status).toBe(422);
    expect((await wire(server, at('v1', '/patched'))).json.spec.watts).toBe(2);
    const strategic = await patch('v1', 'application/strategic-merge-patch+json', {});
    expect([strategic.status, strategic.json.message]).toEqual([
      415,
      `the body of the request was in an unknown format - accepted media types include: ${JSON_PATCH}, ${MERGE_PATCH}`,
    ]);
  });

  test('status updates, deletions and tables speak the version too', async () => {
    const { json } = await post('v1', 'whole', { watts: 3 });
    const put = await wire(server, at('v1alpha1', '/whole/status'), {
      method: 'PUT',
      body: { ...json, apiVersion: 'example.com/v1alpha1', status: { lit: true } },
    });
    expect(put.json).toMatchObject({ spec: { power: '3W' }, status: { lit: true } });
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const table = await wire(server, at('v1alpha1', '/whole?includeObject=Object'), {
      headers: { accept },
    });
    expect(table.json.rows).toMatchObject([
      {
        cells: ['whole', 3],
        object: { apiVersion: 'example.com/v1alpha1', spec: { power: '3W' } },
      },
    ]);
    const gone = await wire(server, at('v1alpha1', '/whole'), { method: 'DELETE' });
    expect(gone.json).toMatchObject({
      status: 'Success',
      details: { name: 'whole', group: GROUP },
    });
  });

  test('a watch converts its events', async () => {
    const { lines, close } = watch(at('v1alpha1', '?watch=true&fieldSelector=spec.power%3D70W'));
    try {
      await post('v1', 'seen', { watts: 70 });
      await expect.poll(() => lines.length).toBe(1);
      expect(lines[0]).toMatchObject({
        type: 'ADDED',
        object: { apiVersion: 'example.com/v1alpha1', spec: { power: '70W' } },
      });
    } finally {
      close();
    }
  });

  test('a PUT must say what it saw, where the declaration says so', async () => {
    const { json } = await post('v1', 'strict', { watts: 1 });
    const blind = { ...json, metadata: { name: 'strict' }, spec: { watts: 2 } };
    const put = (body: object) => wire(server, at('v1', '/strict'), { method: 'PUT', body });
    const refused = await put(blind);
    expect([refused.status, refused.json.message]).toEqual([
      422,
      'lamps.example.com "strict" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    ]);
    expect((await put({ ...json, spec: { watts: 2 } })).status).toBe(200);
  });

  test('both are discovered', async () => {
    const { json } = await wire(server, `/apis/${GROUP}`);
    expect(json.versions).toEqual([
      { groupVersion: 'example.com/v1', version: 'v1' },
      { groupVersion: 'example.com/v1alpha1', version: 'v1alpha1' },
    ]);
    const list = await wire(server, `/apis/${GROUP}/v1alpha1`);
    expect(list.json.resources.map(({ name }: { name: string }) => name)).toEqual([
      'lamps',
      'lamps/status',
    ]);
  });
});

describe('a resource that comes while the server runs', () => {
  afterEach(() => {
    if (server.table.find(GROUP, 'v1', 'lamps') !== undefined) server.table.remove([lamps]);
  });

  test('is served from then on, and not a moment before', async () => {
    expect((await wire(server, at('v1'))).status).toBe(404);
    server.table.add([lamps]);
    expect((await post('v1', 'late', { watts: 1 })).status).toBe(201);
    const list = at('v1', '?resourceVersion=0&fieldSelector=metadata.name%3Dlate');
    await expect.poll(async () => (await wire(server, list)).json.items.length).toBe(1);
  });

  test('takes its watches along when it goes', async () => {
    server.table.add([lamps]);
    const { lines, ended, close } = watch(at('v1', '?watch=true'));
    try {
      await post('v1', 'watched', { watts: 1 });
      await expect.poll(() => lines.some(({ type }) => type === 'ADDED')).toBe(true);
      server.table.remove([lamps]);
      await ended;
      expect(lines.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
      expect((await wire(server, at('v1'))).status).toBe(404);
      expect((await wire(server, `/apis/${GROUP}`)).status).toBe(404);
    } finally {
      close();
    }
  });
});

test('a resource with a handler of its own stores nothing, and has only the verbs that it declares', async () => {
  const echoes = define('Echo', 'echoes', {
    group: GROUP,
    namespaced: false,
    verbs: ['create'],
    handle: ({ request: incoming, response, user }) =>
      send(incoming, response, { status: 201, body: { kind: 'Echo', user: user.name } }),
  });
  server.table.add([echoes]);
  try {
    const path = `/apis/${GROUP}/v1/echoes`;
    const made = await wire(server, path, { method: 'POST', body: {} });
    expect([made.status, made.json]).toEqual([201, { kind: 'Echo', user: 'kubernetes-admin' }]);
    expect((await wire(server, path)).status).toBe(405);
    expect((await wire(server, `${path}/x`)).status).toBe(405);
  } finally {
    server.table.remove([echoes]);
  }
});

describe('a pod is bound', () => {
  const pod = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const binding = (name: string, namespace?: string) => ({
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    target: { kind: 'Node', name: 'n1' },
  });
  const bind = (path: string, body: object) =>
    wire(server, `/api/v1${NS}${path}`, { method: 'POST', body });

  test.each([
    { way: '/bindings', name: 'by-bindings' },
    { way: '/pods/by-pod/binding', name: 'by-pod' },
  ])('by POST $way', async ({ way, name }) => {
    await bind('/pods', pod(name));
    const made = await bind(way, binding(name));
    expect([made.status, made.json.status]).toEqual([201, 'Success']);
    const { json } = await wire(server, `/api/v1${NS}/pods/${name}`);
    expect(json.spec.nodeName).toBe('n1');
    expect(json.status.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    expect((await bind(way, binding(name))).status).toBe(409);
  });

  test.each([
    { name: 'a pod that is not there', body: binding('none'), status: 404 },
    { name: 'no name', body: binding(''), status: 400 },
    { name: 'another namespace', body: binding('by-pod', 'other'), status: 400 },
  ])('not with $name', async ({ body, status: code }) => {
    expect((await bind('/bindings', body)).status).toBe(code);
  });

  test.each(['GET', 'DELETE'])('and %s bindings is no method', async (method) => {
    expect((await wire(server, `/api/v1${NS}/bindings`, { method })).status).toBe(405);
  });
});

describe('routes that are not there', () => {
  const message = 'the server does not allow this method on the requested resource';
  test.each([
    { method: 'POST', path: '/api/v1/pods', code: 405 },
    { method: 'DELETE', path: '/api/v1/pods', code: 405 },
    { method: 'PUT', path: '/api/v1/pods', code: 405 },
    { method: 'PUT', path: `/api/v1${NS}/pods`, code: 405 },
    { method: 'PATCH', path: `/api/v1${NS}/pods`, code: 405 },
    { method: 'POST', path: `/api/v1${NS}/pods/x`, code: 405 },
    { method: 'POST', path: '/api/v1/nodes/x', code: 405 },
    { method: 'GET', path: '/api/v1/pods/x', code: 404 },
    { method: 'PUT', path: '/api/v1/pods/x', code: 404 },
    { method: 'DELETE', path: '/api/v1/pods/x', code: 404 },
    { method: 'GET', path: '/api/v1/pods/x/log', code: 404 },
    { method: 'GET', path: `/api/v1${NS}/nodes`, code: 404 },
    { method: 'GET', path: `/api/v1${NS}/pods/x/nothing`, code: 404 },
    { method: 'GET', path: `/api/v1${NS}/pods/x/status/more`, code: 404 },
  ])('$method $path → $code', async ({ method, path, code }) => {
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
    const answer = await wire(server, path, { method, ...body });
    expect([answer.status, answer.json.kind]).toEqual([code, 'Status']);
    if (code === 405) expect(answer.json).toMatchObject({ message, reason: 'MethodNotAllowed' });
  });

  test('nothing was deleted by them', async () => {
    await wire(server, `/api/v1${NS}/configmaps`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'stays' } },
    });
    await wire(server, '/api/v1/configmaps', { method: 'DELETE' });
    expect((await wire(server, `/api/v1${NS}/configmaps/stays`)).status).toBe(200);
  });
});

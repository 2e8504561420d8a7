// Server-side apply and managedFields over the wire: what is answered, and what is refused in which words.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type WireAnswer, type WireOptions, wire } from '../server/wire.ts';

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

const DEADLINE = { timeout: 30_000, interval: 20 };

let server: TestApiServer;

beforeAll(async () => {
  server = await startTestApiServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (path: string, options: WireOptions = {}): Promise<WireAnswer> =>
  wire(server, path, options);

const patch = (path: string, body: object | string, type: string): Promise<WireAnswer> =>
  ask(path, { method: 'PATCH', body, headers: { 'content-type': type, 'user-agent': 'test/1.0' } });

const apply = (path: string, body: object | string): Promise<WireAnswer> =>
  patch(path, body, APPLY);

const map = (name: string, data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

function owners({ json }: WireAnswer): string[] {
  const entries: { manager: string; operation: string; subresource?: string }[] =
    json.metadata.managedFields ?? [];
  return entries.map(({ manager, operation, subresource = '' }) =>
    [manager, operation, subresource].join(' ').trim(),
  );
}

describe('an apply', () => {
  test('makes what is not there, and changes what is', async () => {
    const made = await apply(`${MAPS}/made?fieldManager=a`, map('made', { x: '1' }));
    expect(made.status).toBe(201);
    expect(made.json.metadata.managedFields).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'v1',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:x': {} } },
      },
    ]);
    const changed = await apply(`${MAPS}/made?fieldManager=a`, map('made', { y: '2' }));
    expect([changed.status, changed.json.data]).toEqual([200, { y: '2' }]);
  });

  test('takes YAML, and the name and namespace of the path', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: "1" # a comment\n';
    const made = await apply(`${MAPS}/yaml?fieldManager=a`, yaml);
    expect(made).toMatchObject({
      status: 201,
      json: { metadata: { name: 'yaml', namespace: 'default' }, data: { a: '1' } },
    });
  });

  test('of the same thing writes nothing', async () => {
    const path = `${MAPS}/same?fieldManager=a`;
    const first = await apply(path, map('same', { a: '1' }));
    const second = await apply(path, map('same', { a: '1' }));
    expect(second.json).toEqual(first.json);
  });

  test('that is a dry run writes nothing', async () => {
    const answer = await apply(`${MAPS}/dry?fieldManager=a&dryRun=All`, map('dry', { a: '1' }));
    expect([answer.status, owners(answer)]).toEqual([201, ['a Apply']]);
    expect((await ask(`${MAPS}/dry`)).status).toBe(404);
  });

  test('that conflicts is refused unless it is forced', async () => {
    await apply(`${MAPS}/conflict?fieldManager=a`, map('conflict', { x: '1' }));
    const path = `${MAPS}/conflict?fieldManager=b`;
    const refused = await apply(path, map('conflict', { x: '2' }));
    expect(refused.json).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Apply failed with 1 conflict: conflict with "a": .data.x',
      reason: 'Conflict',
      details: {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "a"', field: '.data.x' },
        ],
      },
      code: 409,
    });
    const forced = await apply(`${path}&force=true`, map('conflict', { x: '2' }));
    expect([forced.status, owners(forced)]).toEqual([200, ['b Apply']]);
  });

  test('of a status owns the status only', async () => {
    const labels = { app: 'x' };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    const typed = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'status' } };
    await apply(`${DEPLOYMENTS}/status?fieldManager=a`, { ...typed, spec });
    const answer = await apply(`${DEPLOYMENTS}/status/status?fieldManager=b`, {
      ...typed,
      spec: { replicas: 9 },
      status: { replicas: 3 },
    });
    expect(answer.json).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 3 } });
    const [first, second] = answer.json.metadata.managedFields;
    expect([first, second].map(({ manager }) => manager).sort()).toEqual(['a', 'b']);
    const status = [first, second].find(({ manager }) => manager === 'b');
    expect(status).toMatchObject({
      subresource: 'status',
      fieldsV1: { 'f:status': { 'f:replicas': {} } },
    });
    const absent = await apply(`${DEPLOYMENTS}/absent/status?fieldManager=b`, {
      ...typed,
      metadata: { name: 'absent' },
    });
    expect(absent.status).toBe(404);
  });

  test('says of fields that stand there twice what fieldValidation wants', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: "1"\n  a: "2"\n';
    const twice = 'yaml: unmarshal errors:\n  line 5: key "a" already set in map';
    const path = `${MAPS}/twice?fieldManager=a&dryRun=All&fieldValidation=`;
    const strict = await apply(`${path}Strict`, yaml);
    expect([strict.status, strict.json.message]).toEqual([
      400,
      `error strict decoding YAML: error converting YAML to JSON: ${twice}`,
    ]);
    const warned = await apply(`${path}Warn`, yaml);
    expect([warned.status, warned.json.data]).toEqual([201, { a: '2' }]);
    expect(String(warned.headers.warning)).toBe('299 - "line 5: key \\"a\\" already set in map"');
    expect((await apply(`${path}Ignore`, yaml)).headers.warning).toBeUndefined();
  });
});

describe('an apply is refused', () => {
  const good = map('refused', { a: '1' });
  test.each([
    {
      name: 'without a manager',
      query: '',
      body: good,
      says: '422 PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    },
    {
      name: 'with a manager of odd letters',
      query: 'fieldManager=a%09',
      body: good,
      says: '422 PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\t": invalid character U+0009 (at position 1)',
    },
    {
      name: 'with a force that is neither yes nor no',
      query: 'fieldManager=a&force=maybe',
      body: good,
      says: '400 strconv.ParseBool: parsing "maybe": invalid syntax',
    },
    {
      name: 'that is no YAML',
      query: 'fieldManager=a',
      body: 'a: [',
      says: /^400 error decoding YAML: error converting YAML to JSON: yaml: line 1:/,
    },
    {
      name: 'that is a list',
      query: 'fieldManager=a',
      body: '[1]',
      says: '400 error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
    },
    {
      name: 'that is empty',
      query: 'fieldManager=a',
      body: '{}',
      says: '400 invalid object type: /, Kind=',
    },
    {
      name: 'of another kind',
      query: 'fieldManager=a',
      body: { ...good, kind: 'Secret' },
      says: '400 invalid object type: /v1, Kind=Secret',
    },
    {
      name: 'with a list of managers',
      query: 'fieldManager=a',
      body: map('refused', {}, { managedFields: [{}] }),
      says: '400 metadata.managedFields must be nil',
    },
    {
      name: 'with a field that there is not',
      query: 'fieldManager=a',
      body: { ...good, nope: 1 },
      says: '400 failed to create typed patch object (/refused; /v1, Kind=ConfigMap): .nope: field not declared in schema',
    },
    {
      name: 'with another name',
      query: 'fieldManager=a',
      body: map('other', {}),
      says: '400 the name of the object (other) does not match the name on the URL (refused)',
    },
    {
      name: 'with another namespace',
      query: 'fieldManager=a',
      body: map('refused', {}, { namespace: 'other' }),
      says: '400 the namespace of the provided object does not match the namespace sent on the request',
    },
    {
      name: 'of an object that was',
      query: 'fieldManager=a',
      body: map('refused', {}, { uid: 'u-1' }),
      says: '409 Operation cannot be fulfilled on configmaps "refused": uid mismatch: the provided object specified uid u-1, and no existing object was found',
    },
  ])('$name', async ({ query, body, says }) => {
    const { status, json } = await apply(`${MAPS}/refused?${query}`, body);
    const said = `${status} ${json.message}`;
    if (typeof says === 'string') expect(said).toBe(says);
    else expect(said).toMatch(says);
    expect((await ask(`${MAPS}/refused`)).status).toBe(404);
  });

  test('in CBOR, which is not spoken here', async () => {
    const type = 'application/apply-patch+cbor';
    const { status, json } = await patch(`${MAPS}/refused?fieldManager=a`, 'x', type);
    expect([status, json.message]).toEqual([
      415,
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
    ]);
  });

  test('and force with any other patch', async () => {
    const { status, json } = await patch(`${MAPS}/refused?force=true`, {}, MERGE);
    expect([status, json.message]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
  });
});

describe('managedFields of other writes', () => {
  test('name the writer by ?fieldManager=, or by its User-Agent', async () => {
    const named = await ask(`${MAPS}?fieldManager=me`, { method: 'POST', body: map('named', {}) });
    expect(owners(named)).toEqual([]); // Nothing in it can be owned.
    const path = `${MAPS}/named`;
    expect(owners(await patch(path, { data: { a: '1' } }, MERGE))).toEqual([]);
    await ask(MAPS, {
      method: 'POST',
      body: map('agent', { a: '1' }),
      headers: { 'user-agent': 'curl/8.0 (x)' },
    });
    const next = await patch(`${MAPS}/agent`, { data: { b: '2' } }, MERGE);
    expect(owners(next)).toEqual(['curl Update', 'test Update']);
  });

  test('are reset by an empty list, and handed over by another', async () => {
    const made = await ask(MAPS, { method: 'POST', body: map('reset', { a: '1' }) });
    expect(owners(made)).toHaveLength(1);
    const path = `${MAPS}/reset`;
    const list = made.json.metadata.managedFields.map((entry: object) => ({
      ...entry,
      manager: 'heir',
      operation: 'Apply',
    }));
    const heir = await patch(path, { metadata: { managedFields: list } }, MERGE);
    expect(owners(heir)).toEqual(['heir Apply']);
    const none = await patch(path, { metadata: { managedFields: [] } }, MERGE);
    expect(none.json.metadata.managedFields).toBeUndefined();
  });

  test.each([
    {
      type: 'application/json-patch+json',
      changes: (fields: string) => [
        { op: 'remove', path: `${fields}/f:metadata` },
        { op: 'add', path: `${fields}/f:data/f:b`, value: {} },
      ],
    },
    {
      type: 'application/strategic-merge-patch+json',
      changes: () => ({ metadata: { labels: { a: '1' } }, data: { b: '2' } }),
    },
    { type: MERGE, changes: () => ({ metadata: { labels: null }, data: { a: '2', b: '3' } }) },
  ])('of one object say nothing of another that was made alike: $type', async (row) => {
    const [series, kind] = ['alike', row.type.replace(/.*\/|\+.*/g, '')];
    const names = [1, 2, 3].map((number) => `${series}-${kind}-${number}`);
    for (const name of names) {
      const body = map(name, { a: '1' }, { labels: { x: 'y' } });
      await ask(MAPS, { method: 'POST', body });
    }
    const [first = '', ...others] = names;
    const fieldsOf = async (name: string) =>
      (await ask(`${MAPS}/${name}`)).json.metadata.managedFields[0].fieldsV1;
    const before = await fieldsOf(first);
    const changes = row.changes('/metadata/managedFields/0/fieldsV1');
    const { status } = await patch(`${MAPS}/${first}`, changes, row.type);
    expect(status).toBe(200);
    expect((await ask(`${MAPS}/${first}`)).json.metadata.managedFields).not.toEqual([
      expect.objectContaining({ fieldsV1: before }),
    ]);
    for (const name of others) expect(await fieldsOf(name)).toEqual(before);
    const again = map(`${series}-${kind}-4`, { a: '1' }, { labels: { x: 'y' } });
    const made = await ask(MAPS, { method: 'POST', body: again });
    expect(made.json.metadata.managedFields[0].fieldsV1).toEqual(before);
  });

  test('survive a PUT that does not know them', async () => {
    const made = await ask(MAPS, { method: 'POST', body: map('put', { a: '1' }) });
    const body = map('put', { a: '1', b: '2' });
    const put = await ask(`${MAPS}/put?fieldManager=p`, { method: 'PUT', body });
    // The later one stands last, when a second began between them.
    expect(owners(put).sort()).toEqual([...owners(made), 'p Update'].sort());
  });

  test('of what the server fills in there are none', async () => {
    const body = {
      kind: 'Service',
      apiVersion: 'v1',
      metadata: { name: 'filled' },
      spec: { ports: [{ port: 80 }] },
    };
    const made = await ask('/api/v1/namespaces/default/services', { method: 'POST', body });
    const [{ fieldsV1 }] = made.json.metadata.managedFields;
    expect(made.json.spec.clusterIP).toMatch(/^\d/);
    expect(fieldsV1['f:spec']['f:clusterIP']).toBeUndefined();
    expect(Object.keys(fieldsV1['f:spec']).sort()).toEqual([
      'f:internalTrafficPolicy',
      'f:ports',
      'f:sessionAffinity',
      'f:type',
    ]);
  });

  test('do not grow by what nobody can own: a binding, a deletion mark', async () => {
    const metadata = { name: 'bound', finalizers: ['x.io/y'] };
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await ask('/api/v1/namespaces/default/pods', {
      method: 'POST',
      body: { kind: 'Pod', apiVersion: 'v1', metadata, spec },
    });
    const path = '/api/v1/namespaces/default/pods/bound';
    const before = owners(await ask(path));
    const target = { kind: 'Node', name: 'n1' };
    const binding = { kind: 'Binding', apiVersion: 'v1', metadata: { name: 'bound' }, target };
    expect((await ask(`${path}/binding`, { method: 'POST', body: binding })).status).toBe(201);
    await ask(path, { method: 'DELETE' });
    expect(owners(await ask(path))).toEqual(before);
  });
});

describe('an apply of a scale', () => {
  const scale = (name: string, spec: object) => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name },
    spec,
  });
  const entryOf = ({ json }: WireAnswer, manager: string) =>
    json.metadata.managedFields.find((entry: { manager: string }) => entry.manager === manager);

  async function deployment(name: string): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { replicas: 2, selector: { matchLabels: labels }, template };
    const typed = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } };
    const made = await apply(`${DEPLOYMENTS}/${name}?fieldManager=maker`, { ...typed, spec });
    expect(made.status).toBe(201);
  }

  test('conflicts with who owns the number, or takes it by force', async () => {
    await deployment('scaled');
    const at = `${DEPLOYMENTS}/scaled/scale?fieldManager=scaler`;
    const refused = await apply(at, scale('scaled', { replicas: 5 }));
    expect([refused.status, refused.json.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "maker": .spec.replicas',
    ]);
    const forced = await apply(`${at}&force=true`, scale('scaled', { replicas: 5 }));
    expect(forced.json).toMatchObject({ kind: 'Scale', spec: { replicas: 5 } });
    const seen = await ask(`${DEPLOYMENTS}/scaled`);
    expect([seen.json.spec.replicas, owners(seen)]).toEqual([
      5,
      ['maker Apply', 'scaler Apply scale'],
    ]);
    expect(entryOf(seen, 'scaler')).toMatchObject({
      apiVersion: 'apps/v1',
      subresource: 'scale',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    });
    expect(entryOf(seen, 'maker').fieldsV1['f:spec']['f:replicas']).toBeUndefined();
  });

  test('shares the number with who wants the same', async () => {
    await deployment('shared');
    const at = `${DEPLOYMENTS}/shared/scale?fieldManager=scaler`;
    expect((await apply(at, scale('shared', { replicas: 2 }))).status).toBe(200);
    const seen = await ask(`${DEPLOYMENTS}/shared`);
    for (const manager of ['maker', 'scaler']) {
      expect(entryOf(seen, manager).fieldsV1['f:spec']).toHaveProperty('f:replicas');
    }
  });

  test('without the number lets go of it, and then it is 0', async () => {
    await deployment('freed');
    const at = `${DEPLOYMENTS}/freed/scale?fieldManager=scaler`;
    await apply(`${at}&force=true`, scale('freed', { replicas: 3 }));
    expect((await apply(at, scale('freed', {}))).status).toBe(200);
    const seen = await ask(`${DEPLOYMENTS}/freed`);
    expect([seen.json.spec.replicas, owners(seen)]).toEqual([0, ['maker Apply']]);
  });

  test.each([
    ['of another kind', { kind: 'Deployment', apiVersion: 'apps/v1' }, 400, 'invalid object type'],
    ['of another object', { metadata: { name: 'other' } }, 400, 'the name of the object (other)'],
    ['of an unknown field', { spec: { size: 1 } }, 400, '.spec.size: field not declared in schema'],
    ['of less than nothing', { spec: { replicas: -1 } }, 422, 'greater than or equal to 0'],
    ['of one that was', { metadata: { name: 'bad', uid: 'x' } }, 409, 'UID in precondition: x'],
  ])('%s is refused', async (_name, change, code, why) => {
    if ((await ask(`${DEPLOYMENTS}/bad`)).status === 404) await deployment('bad');
    const body = { ...scale('bad', { replicas: 2 }), ...change };
    const { json } = await apply(`${DEPLOYMENTS}/bad/scale?fieldManager=scaler&force=1`, body);
    expect(json).toMatchObject({ code, message: expect.stringContaining(why) });
  });

  test('needs a manager and an object, and is one of the patches of a scale', async () => {
    const nobody = await apply(`${DEPLOYMENTS}/scaled/scale`, scale('scaled', { replicas: 1 }));
    expect([nobody.status, nobody.json.message]).toEqual([
      422,
      expect.stringContaining('fieldManager: Required value: is required for apply patch'),
    ]);
    const absent = `${DEPLOYMENTS}/absent/scale?fieldManager=scaler`;
    expect((await apply(absent, scale('absent', { replicas: 1 }))).status).toBe(404);
    const odd = await patch(`${DEPLOYMENTS}/scaled/scale`, {}, 'text/plain');
    expect([odd.status, odd.json.message]).toEqual([415, expect.stringContaining(APPLY)]);
  });
});

describe('a resource of several versions', () => {
  const V1 = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers';
  const V2 = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const typed = (version: string) => ({
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
  });

  test('keeps each owner in the version that it spoke', async () => {
    const one = { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 };
    const made = await apply(`${V1}/h?fieldManager=a`, { ...typed('v1'), spec: one });
    expect(made.status).toBe(201);
    const two = { ...typed('v2'), spec: { maxReplicas: 5 } };
    const refused = await apply(`${V2}/h?fieldManager=b`, two);
    expect(refused.json.message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.maxReplicas',
    );
    const forced = await apply(`${V2}/h?fieldManager=b&force=true`, two);
    expect(forced.status).toBe(200);
    const entries: { manager: string; apiVersion: string; fieldsV1: object }[] =
      forced.json.metadata.managedFields;
    expect(entries.map(({ manager, apiVersion }) => [manager, apiVersion]).sort()).toEqual([
      ['a', 'autoscaling/v1'],
      ['b', 'autoscaling/v2'],
    ]);
    expect(entries.find(({ manager }) => manager === 'a')?.fieldsV1).toEqual({
      'f:spec': { 'f:scaleTargetRef': {}, 'f:targetCPUUtilizationPercentage': {} },
    });
  });
});

describe('a custom resource', () => {
  const CRONS = '/apis/stable.example.com/v1/namespaces/default/crontabs';
  const text = { type: 'string' };
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
          jobs: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: {
              type: 'object',
              required: ['name'],
              properties: { name: text, image: text },
            },
          },
          words: { type: 'array', items: text },
        },
      },
    },
  };
  const cron = (spec: object) => ({
    apiVersion: 'stable.example.com/v1',
    kind: 'CronTab',
    metadata: { name: 'c' },
    spec,
  });

  beforeAll(async () => {
    const names = { plural: 'crontabs', singular: 'crontab', kind: 'CronTab' };
    const version = { name: 'v1', served: true, storage: true };
    const versions = [{ ...version, schema: { openAPIV3Schema: schema } }];
    const body = {
      metadata: { name: 'crontabs.stable.example.com' },
      spec: { group: 'stable.example.com', scope: 'Namespaced', names, versions },
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect((await ask(definitions, { method: 'POST', body })).status).toBe(201);
    await vi.waitFor(async () => expect((await ask(CRONS)).status).toBe(200), DEADLINE);
  });

  test('is merged as its schema says', async () => {
    const path = `${CRONS}/c?fieldManager=`;
    const first = { tags: ['a'], jobs: [{ name: 'x', image: '1' }], words: ['w'] };
    expect((await apply(`${path}a`, cron(first))).status).toBe(201);
    const second = { tags: ['b'], jobs: [{ name: 'y', image: '2' }] };
    const merged = await apply(`${path}b`, cron(second));
    expect(merged.json.spec).toEqual({
      tags: ['a', 'b'],
      jobs: [
        { name: 'x', image: '1' },
        { name: 'y', image: '2' },
      ],
      words: ['w'],
    });
    const refused = await apply(`${path}b`, cron({ ...second, words: ['other'] }));
    expect(refused.json.message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.words',
    );
    const left = await apply(`${path}a`, cron({ tags: ['a'] }));
    expect(left.json.spec).toEqual({ tags: ['a', 'b'], jobs: [{ name: 'y', image: '2' }] });
  });

  test('is refused with a field that its schema does not have', async () => {
    const { status, json } = await apply(`${CRONS}/d?fieldManager=a`, {
      ...cron({ nope: 1 }),
      metadata: { name: 'd' },
    });
    expect([status, json.message]).toEqual([
      400,
      'failed to create typed patch object (/d; stable.example.com/v1, Kind=CronTab): .spec.nope: field not declared in schema',
    ]);
  });
});

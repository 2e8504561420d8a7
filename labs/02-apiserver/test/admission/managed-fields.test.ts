// What webhooks may do to the list of owners: what they change is nobody's, and a list that they break is mended.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type Scene, sceneOf } from './scene.ts';
import { patching, startWebhookServer, type WebhookServer } from './webhook-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const OWNERS = '/metadata/managedFields';
let server: TestApiServer;
let scene: Scene;
let hooks: WebhookServer;

beforeAll(async () => {
  hooks = await startWebhookServer();
  server = await startTestApiServer();
  scene = sceneOf(server);
  const made = await scene.post(
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'owners' },
      webhooks: [
        {
          name: 'owners.example.com',
          clientConfig: { url: `${hooks.url}/owners`, caBundle: hooks.caBundle },
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['configmaps'],
              operations: ['CREATE', 'UPDATE'],
            },
          ],
          objectSelector: { matchLabels: { hooked: 'yes' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    },
  );
  expect(made.status, made.text).toBe(201);
  const resource = 'mutatingwebhookconfigurations';
  const { cache } = server.table.registry('admissionregistration.k8s.io', resource).storage;
  await vi.waitFor(() => expect(cache.size).toBe(1));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});

function map(name: string): object {
  return { metadata: { name, labels: { hooked: 'yes' } }, data: { a: '1' } };
}

test('what a webhook adds belongs to nobody: neither to it nor to who sent the request', async () => {
  hooks.answers.set('/owners', patching([{ op: 'add', path: '/data/b', value: '2' }]));
  const { json } = await scene.post(`${MAPS}?fieldManager=me`, map('added'));
  expect(json.data).toEqual({ a: '1', b: '2' });
  expect(json.metadata.managedFields).toHaveLength(1);
  expect(json.metadata.managedFields[0]).toMatchObject({ manager: 'me', operation: 'Update' });
  expect(json.metadata.managedFields[0].fieldsV1['f:data']).toEqual({ '.': {}, 'f:a': {} });
});

test('a webhook may change owners, as long as others can read them', async () => {
  hooks.answers.set(
    '/owners',
    patching([{ op: 'replace', path: `${OWNERS}/0/manager`, value: 'other' }]),
  );
  const { json, headers } = await scene.post(`${MAPS}?fieldManager=me`, map('renamed'));
  expect(json.metadata.managedFields).toMatchObject([{ manager: 'other' }]);
  expect(headers.warning).toBeUndefined();
});

test.each([
  ['removes the type', { op: 'remove', path: `${OWNERS}/0/fieldsType` }, 'missing fieldsType in'],
  [
    'invents a type',
    { op: 'replace', path: `${OWNERS}/0/fieldsType`, value: 'X' },
    'invalid fieldsType',
  ],
  [
    'removes the version',
    { op: 'remove', path: `${OWNERS}/0/apiVersion` },
    'apiVersion must not be empty',
  ],
  [
    'invents an operation',
    { op: 'replace', path: `${OWNERS}/0/operation`, value: 'Guess' },
    'operation must be `Apply` or `Update`',
  ],
  [
    'writes what are no fields',
    { op: 'replace', path: `${OWNERS}/0/fieldsV1`, value: { 'k:{': {} } },
    'error decoding versioned set',
  ],
])(
  'owners are as they were, and the client is warned, when a webhook %s',
  async (name, patch, why) => {
    hooks.answers.set('/owners', patching([patch, { op: 'add', path: '/data/b', value: '2' }]));
    const made = await scene.post(`${MAPS}?fieldManager=me`, map(name.replaceAll(' ', '-')));
    expect([made.status, made.json.data.b]).toEqual([201, '2']);
    expect(made.json.metadata.managedFields).toMatchObject([
      { manager: 'me', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' },
    ]);
    expect(made.headers.warning).toContain(
      '.metadata.managedFields was in an invalid state after admission',
    );
    expect(made.headers.warning).toContain(why.replaceAll('"', '\\"'));
  },
);

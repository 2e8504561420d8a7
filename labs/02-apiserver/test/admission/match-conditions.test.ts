// matchConditions of webhooks: which requests reach a webhook, and what comes of a condition that fails. Over real HTTPS.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { matchConditionProblem } from '#src/cel/match-conditions.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type Scene, sceneOf } from './scene.ts';
import { patching, startWebhookServer, type WebhookServer } from './webhook-server.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';

describe('matchConditionProblem()', () => {
  test.each<{ expression: string; want: string | undefined }>([
    { expression: "request.operation == 'CREATE'", want: undefined },
    { expression: "object.metadata.name.startsWith('a') || oldObject == null", want: undefined },
    { expression: "!('system:nodes' in request.userInfo.groups)", want: undefined },
    { expression: 'has(object.spec) && object.spec.replicas > 3', want: undefined },
    { expression: '1', want: 'must evaluate to bool' },
    { expression: 'object.x', want: 'must evaluate to bool' },
    {
      expression: "request.nonsense == ''",
      want: `compilation failed: ERROR: <input>:1:8: undefined field 'nonsense'
 | request.nonsense == ''
 | .......^`,
    },
    {
      expression: 'nothing == 1',
      want: `compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')
 | nothing == 1
 | ^`,
    },
    {
      expression: "authorizer.group('').resource('pods').check('get').allowed()",
      want: `this server does not offer the authorizer to expressions: compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')
 | authorizer.group('').resource('pods').check('get').allowed()
 | ^`,
    },
    {
      expression: 'object.a ==',
      want: `compilation failed: ERROR: <input>:1:12: Syntax error: unexpected token: EOF
 | object.a ==
 | ...........^`,
    },
  ])('$expression', ({ expression, want }) => {
    expect(matchConditionProblem(expression)).toBe(want);
  });
});

describe('a webhook with matchConditions', () => {
  let server: TestApiServer;
  let scene: Scene;
  let hooks: WebhookServer;
  let registered: string[] = [];

  beforeAll(async () => {
    server = await startTestApiServer();
    scene = sceneOf(server);
    hooks = await startWebhookServer(['hook.default.svc']);
  });
  afterAll(async () => {
    await hooks[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const path of registered) await scene.remove(path);
    registered = [];
    for (const kind of ['mutating', 'validating']) {
      await vi.waitFor(() => expect(known(kind)).toHaveLength(0));
    }
  });

  const known = (kind: string) =>
    server.table
      .registry('admissionregistration.k8s.io', `${kind}webhookconfigurations`)
      .storage.cache.list();

  const configuration = (
    kind: 'Mutating' | 'Validating',
    expressions: readonly string[],
    rest: object = {},
  ) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: 'conditional' },
    webhooks: [
      {
        name: 'conditional.example.com',
        clientConfig: { url: `${hooks.url}/conditional`, caBundle: hooks.caBundle },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            resources: ['configmaps'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
          },
        ],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        matchConditions: expressions.map((expression, index) => ({
          name: `c${index}`,
          expression,
        })),
        ...rest,
      },
    ],
  });

  async function register(
    kind: 'Mutating' | 'Validating',
    expressions: readonly string[],
    rest: object = {},
  ) {
    const path = `${REGISTRATION}/${kind.toLowerCase()}webhookconfigurations`;
    const made = await scene.post(path, configuration(kind, expressions, rest));
    expect(made.status, made.text).toBe(201);
    registered.push(`${path}/conditional`);
    await vi.waitFor(() => expect(known(kind.toLowerCase())).toHaveLength(1));
  }

  const configMap = (name: string, data: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });
  const denying = { response: () => ({ allowed: false, status: { message: 'asked' } }) };

  test('is refused with what is wrong with them', async () => {
    const answer = await scene.post(
      `${REGISTRATION}/validatingwebhookconfigurations`,
      configuration('Validating', ['true', 'object.metadata.name']),
    );
    expect(answer.status).toBe(422);
    expect(answer.json.details.causes).toEqual([
      {
        field: 'webhooks[0].matchConditions[1].expression',
        message: 'Invalid value: "object.metadata.name": must evaluate to bool',
        reason: 'FieldValueInvalid',
      },
    ]);
  });

  test('is asked about the requests for which all of them hold', async () => {
    await register('Validating', [
      "object.metadata.name.startsWith('deny')",
      "request.operation == 'CREATE' && request.namespace == 'default'",
      "request.userInfo.username != 'nobody' && request.kind.kind == 'ConfigMap'",
    ]);
    hooks.answers.set('/conditional', denying);
    expect((await scene.post(MAPS, configMap('deny-a'))).json.message).toContain('asked');
    expect((await scene.post(MAPS, configMap('let-a'))).status).toBe(201);
  });

  test('sees the object before and after a change, and null where there is none', async () => {
    expect((await scene.post(MAPS, configMap('changing', { size: '1' }))).status).toBe(201);
    await register('Validating', [
      "request.operation == 'DELETE' ? object == null : oldObject.data.size != object.data.size",
    ]);
    hooks.answers.set('/conditional', denying);
    const put = (data: Record<string, string>) =>
      scene.put(`${MAPS}/changing`, configMap('changing', data));
    expect((await put({ size: '1', other: 'x' })).status).toBe(200);
    expect((await put({ size: '2' })).json.message).toContain('asked');
    expect((await scene.remove(`${MAPS}/changing`)).json.message).toContain('asked');
  });

  test('a failing one refuses the request when failurePolicy says Fail', async () => {
    await register('Validating', ["object.data.absent == 'x'"], { failurePolicy: 'Fail' });
    const answer = await scene.post(MAPS, configMap('failing', { a: '1' }));
    expect(answer.status).toBe(403);
    expect(answer.json.message).toBe(
      "configmaps \"failing\" is forbidden: expression 'object.data.absent == 'x'' resulted in error: no such key: absent",
    );
    expect(hooks.reviews.some(({ request }) => request.name === 'failing')).toBe(false);
  });

  test('a failing one leaves the webhook out when failurePolicy says Ignore', async () => {
    await register('Validating', ["object.data.absent == 'x'"], { failurePolicy: 'Ignore' });
    hooks.answers.set('/conditional', denying);
    expect((await scene.post(MAPS, configMap('ignored'))).status).toBe(201);
  });

  test('one that is false counts more than one that fails', async () => {
    await register('Validating', ["object.data.absent == 'x'", 'false']);
    hooks.answers.set('/conditional', denying);
    expect((await scene.post(MAPS, configMap('outvoted'))).status).toBe(201);
  });

  test('cannot hold up the server', async () => {
    await register('Validating', [
      'object.data.all(a, object.data.all(b, object.data.all(c, object.data[a] + object.data[b] + object.data[c] != "")))',
    ]);
    const data = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 'v']));
    const answer = await scene.post(MAPS, configMap('large', data));
    expect(answer.status).toBe(403);
    expect(answer.json.message).toContain('running out of cost budget');
  });

  test('that mutates changes only what they let through', async () => {
    await register('Mutating', ["'patch' in object.data"]);
    hooks.answers.set('/conditional', patching([{ op: 'add', path: '/data/b', value: '2' }]));
    const patched = await scene.post(MAPS, configMap('patched', { patch: 'yes' }));
    expect(patched.json.data).toEqual({ patch: 'yes', b: '2' });
    expect((await scene.post(MAPS, configMap('left', { a: '1' }))).json.data).toEqual({ a: '1' });
  });
});

// Webhooks over real HTTPS: who is asked about what, what they may change, and every way in which they fail.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { namespace, pod, type Scene, sceneOf } from './scene.ts';
import { patching, startWebhookServer, type WebhookServer } from './webhook-server.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';

let server: TestApiServer;
let scene: Scene;
let hooks: WebhookServer;
let configurations: string[] = [];

beforeAll(async () => {
  server = await startTestApiServer();
  scene = sceneOf(server);
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  hooks = await startWebhookServer(['hook.default.svc']);
});
afterEach(async () => {
  for (const path of configurations) await scene.remove(path);
  configurations = [];
  for (const kind of ['mutating', 'validating'])
    await vi.waitFor(() => expect(cached(kind)).toHaveLength(0));
  await hooks[Symbol.asyncDispose]();
});

function cached(kind: string) {
  const resource = `${kind}webhookconfigurations`;
  return server.table.registry('admissionregistration.k8s.io', resource).storage.cache.list();
}

function rule(resources: string[], operations = ['CREATE'], rest: object = {}): object {
  return { apiGroups: ['*'], apiVersions: ['*'], resources, operations, ...rest };
}

function webhook(name: string, rest: object = {}): object {
  return {
    name: `${name}.example.com`,
    clientConfig: { url: `${hooks.url}/${name}`, caBundle: hooks.caBundle },
    rules: [rule(['configmaps'])],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...rest,
  };
}

/** Registers, and waits until the server knows. */
async function register(kind: 'Mutating' | 'Validating', webhooks: object[], name = 'test') {
  const path = `${REGISTRATION}/${kind.toLowerCase()}webhookconfigurations`;
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks,
  };
  const made = await scene.post(path, body);
  expect(made.status, made.text).toBe(201);
  configurations.push(`${path}/${name}`);
  const known = () =>
    cached(kind.toLowerCase()).some(({ object }) => object.metadata.name === name);
  await vi.waitFor(() => expect(known()).toBe(true));
}

let count = 0;
function configMap(labels: Record<string, string> = {}) {
  count += 1;
  const metadata = { name: `map-${count}`, labels };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } };
}

describe('a validating webhook', () => {
  test('gets the review that upstream sends, and its no is what the client hears', async () => {
    await register('Validating', [webhook('deny')]);
    hooks.answers.set('/deny', {
      response: () => ({ allowed: false, status: { code: 403, message: 'not today' } }),
    });
    const body = configMap();
    const answer = await scene.post(`${MAPS}?fieldManager=me`, body);
    expect(answer.json).toMatchObject({
      code: 403,
      message: 'admission webhook "deny.example.com" denied the request: not today',
    });
    const resource = { group: '', version: 'v1', resource: 'configmaps' };
    const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
    const [review] = hooks.reviews;
    expect(review).toMatchObject({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' });
    expect(review.request).toEqual({
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: body.metadata.name,
      namespace: 'default',
      operation: 'CREATE',
      userInfo: {
        username: 'kubernetes-admin',
        groups: ['system:masters', 'system:authenticated'],
        extra: expect.anything(),
      },
      object: expect.objectContaining({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } }),
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    });
    expect(hooks.paths).toEqual(['/deny?timeout=10s']);
  });

  test.each([
    [{ allowed: false }, 400, 'denied the request without explanation'],
    [
      { allowed: false, status: { reason: 'Conflict', code: 409 } },
      409,
      'denied the request: Conflict',
    ],
    [{ allowed: false, status: { code: 200, message: 'odd' } }, 400, 'denied the request: odd'],
    [
      { allowed: false, status: { code: 'x', message: {}, reason: 7, details: 'no' } },
      400,
      'denied the request without explanation',
    ],
  ])('%o', async (response, code, message) => {
    await register('Validating', [webhook('deny')]);
    hooks.answers.set('/deny', { response: () => response });
    const answer = await scene.post(MAPS, configMap());
    expect(answer.status).toBe(code);
    expect(answer.json.message).toBe(`admission webhook "deny.example.com" ${message}`);
  });

  test('sees updates with the old object, and deletions without a new one', async () => {
    await register('Validating', [
      webhook('see', { rules: [rule(['configmaps'], ['UPDATE', 'DELETE'])] }),
    ]);
    const body = configMap();
    await scene.post(MAPS, body);
    await scene.patch(`${MAPS}/${body.metadata.name}`, { data: { a: '2' } });
    await scene.remove(`${MAPS}/${body.metadata.name}`);
    const seen = hooks.reviews.map(({ request }) => [
      request.operation,
      request.object?.data,
      request.oldObject?.data,
      request.options.kind,
    ]);
    expect(seen).toEqual([
      ['UPDATE', { a: '2' }, { a: '1' }, 'PatchOptions'],
      ['DELETE', undefined, { a: '2' }, 'DeleteOptions'],
    ]);
  });

  test('warnings reach the client', async () => {
    await register('Validating', [webhook('warn')]);
    hooks.answers.set('/warn', { response: () => ({ allowed: true, warnings: ['beware'] }) });
    const answer = await scene.post(MAPS, configMap());
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toBe('299 - "beware"');
  });

  test('a dry run asks only those without side effects', async () => {
    await register('Validating', [webhook('effects', { sideEffects: 'NoneOnDryRun' })]);
    expect((await scene.post(`${MAPS}?dryRun=All`, configMap())).status).toBe(201);
    expect(hooks.reviews[0].request.dryRun).toBe(true);
  });

  test('is not asked about webhooks, and rules say about what it is', async () => {
    await register('Validating', [
      webhook('all', { rules: [rule(['*/*'], ['*'], { scope: 'Cluster' })] }),
    ]);
    await register('Validating', [webhook('more')], 'more');
    await scene.post(MAPS, configMap());
    await scene.post('/api/v1/namespaces', namespace('seen'));
    const seen = hooks.reviews.map(({ request }) => `${request.resource.resource}/${request.name}`);
    expect(seen.filter((one) => one.startsWith('configmaps'))).toHaveLength(1);
    expect(seen.filter((one) => !one.startsWith('configmaps'))).toEqual(['namespaces/seen']);
  });

  test('namespaceSelector and objectSelector narrow it down', async () => {
    const objectSelector = { matchLabels: { watched: 'yes' } };
    const namespaceSelector = { matchLabels: { team: 'a' } };
    await register('Validating', [webhook('narrow', { objectSelector, namespaceSelector })]);
    await scene.post('/api/v1/namespaces', namespace('team-a', { team: 'a' }));
    const inTeam = '/api/v1/namespaces/team-a/configmaps';
    await scene.post(MAPS, configMap({ watched: 'yes' }));
    await scene.post(inTeam, configMap());
    await scene.post(inTeam, configMap({ watched: 'yes' }));
    expect(hooks.reviews.map(({ request }) => request.namespace)).toEqual(['team-a']);
  });

  test('matchPolicy Equivalent shows the version that the rule names, Exact does not match', async () => {
    const rules = [
      {
        apiGroups: ['autoscaling'],
        apiVersions: ['v1'],
        resources: ['horizontalpodautoscalers'],
        operations: ['CREATE'],
      },
    ];
    await register('Validating', [
      webhook('same', { rules }),
      webhook('exact', { rules, matchPolicy: 'Exact' }),
    ]);
    const spec = {
      maxReplicas: 3,
      scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' },
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
        },
      ],
    };
    const made = await scene.post(
      '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
      {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'x' },
        spec,
      },
    );
    expect(made.status, made.text).toBe(201);
    expect(hooks.reviews).toHaveLength(1);
    expect(hooks.reviews[0].request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1' },
      requestKind: { group: 'autoscaling', version: 'v2' },
      object: { apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 50 } },
    });
  });

  test('a binding is the creation of a Binding, scaling the update of a Scale', async () => {
    const rules = [rule(['pods/binding'], ['CREATE']), rule(['replicasets/scale'], ['UPDATE'])];
    await register('Validating', [webhook('sub', { rules })]);
    await scene.post(PODS, pod('bound'));
    await scene.post(`${PODS}/bound/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound' },
      target: { kind: 'Node', name: 'n' },
    });
    const sets = '/apis/apps/v1/namespaces/default/replicasets';
    const labels = { app: 's' };
    await scene.post(sets, {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 's' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    await scene.patch(`${sets}/s/scale`, { spec: { replicas: 3 } });
    expect(hooks.reviews.map(({ request }) => request)).toMatchObject([
      {
        operation: 'CREATE',
        kind: { kind: 'Binding' },
        subResource: 'binding',
        object: { target: { name: 'n' } },
        oldObject: null,
      },
      {
        operation: 'UPDATE',
        kind: { kind: 'Scale' },
        subResource: 'scale',
        object: { spec: { replicas: 3 } },
        oldObject: { spec: { replicas: 1 } },
      },
    ]);
  });

  test('behind a service it must prove to be the service', async () => {
    await scene.post('/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hook' },
      spec: { ports: [{ port: 443, name: 'https' }] },
    });
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
      addressType: 'IPv4',
      ports: [{ name: 'https', port: hooks.port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    };
    // Loopback addresses are no endpoints for clients; the server of the test puts it there itself.
    const slices = server.table.registry('discovery.k8s.io', 'endpointslices');
    const { storage } = slices;
    await storage.write({
      key: '/registry/endpointslices/default/hook-1',
      seenRevision: 0,
      object: { ...slice, metadata: { ...slice.metadata, namespace: 'default' } },
    });
    await vi.waitFor(() =>
      expect(storage.cache.get('/registry/endpointslices/default/hook-1')).toBeDefined(),
    );
    const service = { name: 'hook', namespace: 'default', path: '/deny' };
    await register('Validating', [
      webhook('deny', { clientConfig: { service, caBundle: hooks.caBundle } }),
    ]);
    hooks.answers.set('/deny', {
      response: () => ({ allowed: false, status: { message: 'by service' } }),
    });
    expect((await scene.post(MAPS, configMap())).json.message).toContain(
      'denied the request: by service',
    );
  });
});

describe('a mutating webhook', () => {
  test('changes the object by a JSON patch, before it is validated', async () => {
    await register('Mutating', [webhook('patch')]);
    hooks.answers.set('/patch', patching([{ op: 'add', path: '/data/b', value: '2' }]));
    const body = configMap();
    expect((await scene.post(MAPS, body)).json.data).toEqual({ a: '1', b: '2' });
    expect((await scene.get(`${MAPS}/${body.metadata.name}`)).json.data).toEqual({
      a: '1',
      b: '2',
    });
    expect(hooks.reviews[0].request.object.metadata).not.toHaveProperty('uid');
  });

  test('what it makes wrong is found by validation; what is the server’s it cannot change', async () => {
    await register('Mutating', [webhook('wrong')]);
    hooks.answers.set(
      '/wrong',
      patching([{ op: 'add', path: '/metadata/labels', value: { a: '-' } }]),
    );
    expect((await scene.post(MAPS, configMap())).status).toBe(422);
    hooks.answers.set(
      '/wrong',
      patching([
        { op: 'add', path: '/metadata/namespace', value: 'kube-system' },
        { op: 'add', path: '/metadata/uid', value: 'mine' },
      ]),
    );
    const answer = await scene.post(MAPS, configMap());
    expect(answer.json.metadata).toMatchObject({ namespace: 'default' });
    expect(answer.json.metadata.uid).toHaveLength(36);
  });

  test('gets defaults for what it adds, and limits judge what it made', async () => {
    await register('Mutating', [webhook('sidecar', { rules: [rule(['pods'])] })]);
    const sidecar = { name: 'side', image: 'side', ports: [{ containerPort: 80 }] };
    hooks.answers.set(
      '/sidecar',
      patching([{ op: 'add', path: '/spec/containers/-', value: sidecar }]),
    );
    const { json } = await scene.post(PODS, pod('with-sidecar'));
    expect(json.spec.containers[1]).toMatchObject({
      name: 'side',
      imagePullPolicy: 'Always',
      ports: [{ protocol: 'TCP' }],
    });
  });

  test('reinvocationPolicy IfNeeded sees once more what a later one changed', async () => {
    await register('Mutating', [
      webhook('first', { reinvocationPolicy: 'IfNeeded' }),
      webhook('never'),
      webhook('last'),
    ]);
    hooks.answers.set('/last', patching([{ op: 'add', path: '/data/last', value: '1' }]));
    expect((await scene.post(MAPS, configMap())).status).toBe(201);
    expect(hooks.paths.map((path) => path.split('?')[0])).toEqual([
      '/first',
      '/never',
      '/last',
      '/first',
    ]);
    expect(hooks.reviews[3].request.object.data).toEqual({ a: '1', last: '1' });
  });

  test('a patch of a deletion is an error', async () => {
    const body = configMap();
    await scene.post(MAPS, body);
    await register('Mutating', [webhook('gone', { rules: [rule(['configmaps'], ['DELETE'])] })]);
    hooks.answers.set('/gone', patching([{ op: 'add', path: '/data/b', value: '2' }]));
    const answer = await scene.remove(`${MAPS}/${body.metadata.name}`);
    expect(answer.json.message).toBe(
      'Internal error occurred: admission webhook "gone.example.com" attempted to modify the object, which is not supported for this operation',
    );
  });

  test('a patch of 3 MB ends as an answer', async () => {
    await register('Mutating', [webhook('large')]);
    hooks.answers.set(
      '/large',
      patching([{ op: 'add', path: '/data/b', value: 'x'.repeat(3_000_000) }]),
    );
    const answer = await scene.post(MAPS, configMap());
    expect(answer.status, answer.text.slice(0, 300)).toBe(422);
    expect(answer.json.message).toContain('Too long');
  });
});

describe('a webhook that fails', () => {
  const failed = 'Internal error occurred: failed calling webhook "bad.example.com": ';
  const called = `${failed}failed to call webhook: `;
  test.each([
    [
      'no response',
      (uid: string) => ({ response: undefined, uid }),
      'received invalid webhook response: webhook response was absent',
    ],
    [
      'another uid',
      () => ({ response: { uid: 'other', allowed: true } }),
      /received invalid webhook response: expected response.uid=".{36}", got "other"/,
    ],
    [
      'another version',
      (uid: string) => ({
        apiVersion: 'admission.k8s.io/v1beta1',
        response: { uid, allowed: true },
      }),
      'received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1beta1, Kind=AdmissionReview',
    ],
    [
      'a patch without type',
      (uid: string) => ({ response: { uid, allowed: true, patch: 'W10=' } }),
      'received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
    [
      'a patch of another type',
      (uid: string) => ({ response: { uid, allowed: true, patch: 'W10=', patchType: 'Merge' } }),
      'received invalid webhook response: webhook returned invalid response.patchType of "Merge"',
    ],
    [
      'a patch that is none',
      (uid: string) => ({
        response: { uid, allowed: true, patch: 'e30=', patchType: 'JSONPatch' },
      }),
      'received undecodable patch in webhook response: ',
    ],
  ])('%s', async (_name, answer, message) => {
    await register('Mutating', [webhook('bad')]);
    hooks.answers.set('/bad', {
      raw: (_request, response, review) => {
        response.end(
          JSON.stringify({ ...review, request: undefined, ...answer(review.request.uid) }),
        );
      },
    });
    const { json } = await scene.post(MAPS, configMap());
    expect(json).toMatchObject({ code: 500, reason: 'InternalError' });
    if (typeof message === 'string') expect(json.message).toContain(failed + message);
    else expect(json.message).toMatch(message);
  });

  test.each([
    [404, 'the server could not find the requested resource'],
    [500, 'an error on the server ("oops") has prevented the request from succeeding'],
    [
      200,
      "couldn't get version/kind; json parse error: invalid character 'o' looking for beginning of value",
    ],
  ])('answers %i and no review', async (code, message) => {
    await register('Validating', [webhook('bad')]);
    hooks.answers.set('/bad', {
      raw: (_request, response) => void response.writeHead(code).end('oops'),
    });
    expect((await scene.post(MAPS, configMap())).json.message).toBe(called + message);
  });

  test('begins an answer and never ends it', async () => {
    await register('Validating', [webhook('bad', { timeoutSeconds: 1 })]);
    hooks.answers.set('/bad', {
      raw: (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{');
      },
    });
    expect((await scene.post(MAPS, configMap())).json.message).toBe(
      `${called}Post "${hooks.url}/bad?timeout=1s": context deadline exceeded`,
    );
  });

  test('answers more than anybody may', async () => {
    await register('Validating', [webhook('bad')]);
    hooks.answers.set('/bad', {
      raw: (_request, response) => void response.end(Buffer.alloc(17 * 1024 * 1024, ' ')),
    });
    expect((await scene.post(MAPS, configMap())).json.message).toBe(
      `${called}the answer is larger than 16777216 bytes`,
    );
  });

  test('takes too long', async () => {
    await register('Validating', [webhook('bad', { timeoutSeconds: 1 })]);
    hooks.answers.set('/bad', { raw: () => {} });
    expect((await scene.post(MAPS, configMap())).json.message).toBe(
      `${called}Post "${hooks.url}/bad?timeout=1s": context deadline exceeded`,
    );
  });

  test('cuts the connection, before and within the answer', async () => {
    await register('Validating', [webhook('bad')]);
    hooks.answers.set('/bad', { raw: (request) => void request.socket.destroy() });
    const message = `${called}Post "${hooks.url}/bad?timeout=10s": EOF`;
    expect((await scene.post(MAPS, configMap())).json.message).toBe(message);
    hooks.answers.set('/bad', {
      raw: (request, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{', () => request.socket.destroy());
      },
    });
    expect((await scene.post(MAPS, configMap())).json.message).toBe(message);
  });

  test('is not there, or is somebody else', async () => {
    await using other = await startWebhookServer();
    await register('Validating', [
      webhook('bad', { clientConfig: { url: `${hooks.url}/bad`, caBundle: other.caBundle } }),
    ]);
    expect((await scene.post(MAPS, configMap())).json.message).toBe(
      `${called}Post "${hooks.url}/bad?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
    await register(
      'Validating',
      [webhook('bad', { clientConfig: { url: 'https://127.0.0.1:1/bad' } })],
      'a-first',
    );
    expect((await scene.post(MAPS, configMap())).json.message).toBe(
      `${called}Post "https://127.0.0.1:1/bad?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused`,
    );
  });

  test('with failurePolicy Ignore the request goes on, but a no is a no', async () => {
    await register('Validating', [webhook('bad', { failurePolicy: 'Ignore' })]);
    hooks.answers.set('/bad', { raw: (_request, response) => void response.writeHead(500).end() });
    expect((await scene.post(MAPS, configMap())).status).toBe(201);
    hooks.answers.set('/bad', { response: () => ({ allowed: false }) });
    expect((await scene.post(MAPS, configMap())).status).toBe(400);
  });

  test('one with side effects is not asked in a dry run', async () => {
    // Only those of old versions may still say so; the strategy takes no new ones.
    const { storage } = server.table.registry(
      'admissionregistration.k8s.io',
      'validatingwebhookconfigurations',
    );
    const key = '/registry/validatingwebhookconfigurations/old';
    const object = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'old', uid: 'u' },
      webhooks: [webhook('old', { sideEffects: 'Unknown' })],
    };
    await storage.write({ key, seenRevision: 0, object });
    configurations.push(`${REGISTRATION}/validatingwebhookconfigurations/old`);
    await vi.waitFor(() => expect(storage.cache.get(key)).toBeDefined());
    expect((await scene.post(`${MAPS}?dryRun=All`, configMap())).json.message).toBe(
      'admission webhook "old.example.com" does not support dry run',
    );
  });
});

test('one that refuses everything cannot keep the server from starting, nor itself from being removed', async () => {
  await using own = await startTestApiServer();
  const other = sceneOf(own);
  const path = `${REGISTRATION}/validatingwebhookconfigurations`;
  await other.post(path, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'all' },
    webhooks: [
      webhook('all', {
        rules: [rule(['*/*'], ['*'])],
        clientConfig: { url: 'https://127.0.0.1:1/all' },
      }),
    ],
  });
  await own.restart();
  expect((await other.post(MAPS, configMap())).status).toBe(500);
  expect((await other.remove(`${path}/all`)).status).toBe(200);
  await vi.waitFor(async () => expect((await other.post(MAPS, configMap())).status).toBe(201));
});

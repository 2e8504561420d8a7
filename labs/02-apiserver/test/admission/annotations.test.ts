// What admission leaves in the audit log: levels of pod security, and what webhooks did and said.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Auditor } from '#src/audit/auditor.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { ownNamespace, pod, type Scene, sceneOf } from './scene.ts';
import { patching, startWebhookServer, type WebhookServer } from './webhook-server.ts';

let server: TestApiServer;
let scene: Scene;
let hooks: WebhookServer;
/** Of the request that came last. */
let noted: Record<string, string> = {};

const auditor: Auditor = {
  begin() {
    const annotations: Record<string, string> = {};
    noted = annotations;
    return {
      auditID: 'x',
      stage() {},
      annotate(key, value) {
        annotations[key] = value;
      },
      impersonated() {},
      requestObject() {},
      responseObject() {},
    };
  },
};

beforeAll(async () => {
  server = await startTestApiServer({ audit: auditor });
  scene = sceneOf(server);
  hooks = await startWebhookServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});

test('pod security notes the level that was enforced, and what breaks that of the audit', async () => {
  const at = await ownNamespace(scene, 'audited', {
    'pod-security.kubernetes.io/audit': 'baseline',
    'pod-security.kubernetes.io/audit-version': 'v1.30',
  });
  await scene.post(`${at}/pods`, pod('p', { securityContext: { privileged: true } }));
  expect(noted).toMatchObject({
    'pod-security.kubernetes.io/enforce-policy': 'privileged:latest',
    'pod-security.kubernetes.io/audit-violations':
      'would violate PodSecurity "baseline:v1.30": privileged (container "c" must not set securityContext.privileged=true)',
  });
});

test('webhooks leave what they say, whether they changed anything, and that they could not be asked', async () => {
  const webhook = (name: string, rest: object = {}) => ({
    name: `${name}.example.com`,
    clientConfig: { url: `${hooks.url}/${name}`, caBundle: hooks.caBundle },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'], operations: ['*'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...rest,
  });
  const url = 'https://127.0.0.1:1/';
  await scene.post('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'test' },
    webhooks: [
      webhook('says'),
      webhook('changes'),
      webhook('away', { clientConfig: { url }, failurePolicy: 'Ignore' }),
    ],
  });
  const { cache } = server.table.registry(
    'admissionregistration.k8s.io',
    'mutatingwebhookconfigurations',
  ).storage;
  await vi.waitFor(() => expect(cache.size).toBe(1));
  hooks.answers.set('/says', {
    response: () => ({ allowed: true, auditAnnotations: { why: 'because' } }),
  });
  hooks.answers.set(
    '/changes',
    patching([{ op: 'add', path: '/metadata/labels', value: { a: 'b' } }]),
  );
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
  const made = await scene.post('/api/v1/namespaces/default/secrets', secret);
  expect(made.json.metadata.labels).toEqual({ a: 'b' });
  const mutation = (webhook: string, mutated: boolean) =>
    JSON.stringify({ configuration: 'test', webhook: `${webhook}.example.com`, mutated });
  expect(noted).toMatchObject({
    'says.example.com/why': 'because',
    'mutation.webhook.admission.k8s.io/round_0_index_0': mutation('says', false),
    'mutation.webhook.admission.k8s.io/round_0_index_1': mutation('changes', true),
    'failed-open.mutation.webhook.admission.k8s.io/round_0_index_2': 'away.example.com',
  });
});

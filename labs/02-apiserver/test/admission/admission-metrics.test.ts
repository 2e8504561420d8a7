// What /metrics tells of admission: each plugin and each step, by operation and outcome, under upstream's names.
import { Registry } from 'prom-client';
import { describe, expect, test, vi } from 'vitest';
import { AdmissionChain, type AdmissionRequest } from '#src/admission/admission.ts';
import { admissionMetrics } from '#src/admission/admission-metrics.ts';
import { forbidden } from '#src/api-error.ts';
import { startTestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';
import { sceneOf } from './scene.ts';
import { patching, startWebhookServer } from './webhook-server.ts';

const PLUGIN = 'apiserver_admission_controller_admission_duration_seconds';
const STEP = 'apiserver_admission_step_admission_duration_seconds';
const WEBHOOK = 'apiserver_admission_webhook';

function request(operation: AdmissionRequest['operation']): AdmissionRequest {
  return { operation, name: 'x', dryRun: false } as AdmissionRequest;
}

/** Lines without the time that it took. */
function linesOf(text: string, ...wanted: readonly RegExp[]): string[] {
  return text.split('\n').filter((line) => wanted.some((pattern) => pattern.test(line)));
}

test('a chain tells how often each plugin and each step admitted or refused', async () => {
  const metrics = admissionMetrics(new Registry());
  const refuses = () => {
    throw forbidden({ group: '', resource: 'pods' }, 'x', 'no');
  };
  const chain = new AdmissionChain(
    [
      { name: 'Adds', mutate: () => undefined },
      { name: 'Asks', mutate: async () => undefined, validate: async () => undefined },
      { name: 'Refuses', validate: refuses },
      { name: 'Late', validate: () => undefined },
    ],
    metrics,
  );
  await chain.mutate(request('CREATE'));
  await chain.mutate(request('CREATE'));
  await expect(chain.validate(request('CREATE'))).rejects.toThrow('is forbidden: no');
  const counts = linesOf(metrics.text(), /_count/);
  expect(counts.sort()).toEqual([
    `${PLUGIN}_count{name="Adds",type="admit",operation="CREATE",rejected="false"} 2`,
    `${PLUGIN}_count{name="Asks",type="admit",operation="CREATE",rejected="false"} 2`,
    `${PLUGIN}_count{name="Asks",type="validate",operation="CREATE",rejected="false"} 1`,
    `${PLUGIN}_count{name="Refuses",type="validate",operation="CREATE",rejected="true"} 1`,
    `${STEP}_count{type="admit",operation="CREATE",rejected="false"} 2`,
    `${STEP}_count{type="validate",operation="CREATE",rejected="true"} 1`,
  ]);
});

test('a histogram counts in each bucket what is not longer', () => {
  const metrics = admissionMetrics(new Registry());
  const observe = metrics.plugin('P', 'admit');
  for (const ms of [1, 5, 6, 500, 9000]) observe('UPDATE', ms, false);
  const labels = 'name="P",type="admit",operation="UPDATE",rejected="false"';
  expect(linesOf(metrics.text(), /"P"/)).toEqual([
    `${PLUGIN}_bucket{${labels},le="0.005"} 2`,
    `${PLUGIN}_bucket{${labels},le="0.025"} 3`,
    `${PLUGIN}_bucket{${labels},le="0.1"} 3`,
    `${PLUGIN}_bucket{${labels},le="0.5"} 4`,
    `${PLUGIN}_bucket{${labels},le="1"} 4`,
    `${PLUGIN}_bucket{${labels},le="2.5"} 4`,
    `${PLUGIN}_bucket{${labels},le="+Inf"} 5`,
    `${PLUGIN}_sum{${labels}} 9.512`,
    `${PLUGIN}_count{${labels}} 5`,
  ]);
});

describe('a webhook', () => {
  test.each([
    { what: 'that admits', code: 200, lines: [] },
    {
      what: 'that refuses',
      code: 403,
      rejectedBy: 'no_error' as const,
      lines: [['rejection_count', 'error_type="no_error",rejection_code="403"']],
    },
    {
      what: 'with a senseless code',
      code: 99_999,
      rejectedBy: 'no_error' as const,
      lines: [['rejection_count', 'error_type="no_error",rejection_code="600"']],
    },
    {
      what: 'that does not answer',
      code: 0,
      rejectedBy: 'calling_webhook_error' as const,
      lines: [['rejection_count', 'error_type="calling_webhook_error",rejection_code="0"']],
    },
  ])('$what is counted', async ({ code, rejectedBy, lines }) => {
    const registry = new Registry();
    const metrics = admissionMetrics(registry);
    const hook = { name: 'h.io', type: 'admit', operation: 'CREATE' } as const;
    metrics.webhook({ ...hook, ms: 3, code, rejectedBy });
    const rejected = String(rejectedBy !== undefined);
    const labels = 'name="h.io",type="admit",operation="CREATE"';
    const counters = linesOf(await registry.metrics(), /h\.io/);
    expect(counters).toEqual([
      ...lines.map(([name, rest]) => `${WEBHOOK}_${name}{${labels},${rest}} 1`),
      `${WEBHOOK}_request_total{${labels},code="${Math.min(code, 600)}",rejected="${rejected}"} 1`,
    ]);
    const duration = `${WEBHOOK}_admission_duration_seconds`;
    expect(metrics.text()).toContain(
      `${duration}_bucket{${labels},rejected="${rejected}",le="25"} 1`,
    );
  });

  test('that is overlooked is counted as failed open', async () => {
    const registry = new Registry();
    const hook = { name: 'h.io', type: 'validating', operation: 'DELETE' } as const;
    admissionMetrics(registry).webhook({ ...hook, ms: 3, code: 0, isFailedOpen: true });
    const text = await registry.metrics();
    expect(text).toContain(`${WEBHOOK}_fail_open_count{name="h.io",type="validating"} 1`);
    expect(linesOf(text, /rejection_count\{/)).toEqual([]);
  });
});

test('/metrics has them for real requests', async () => {
  await using server = await startTestApiServer();
  const path = '/api/v1/namespaces/nowhere/configmaps';
  const made = await wire(server, path, { method: 'POST', body: { metadata: { name: 'x' } } });
  expect(made.status).toBe(404);
  const { text } = await wire(server, '/metrics');
  expect(text).toMatch(
    /_controller_admission_duration_seconds_count\{name="NamespaceLifecycle",type="validate",operation="CREATE",rejected="true"\} 1\n/,
  );
  expect(text).toContain(`# TYPE ${STEP} histogram\n`);
});

test('/metrics tells of webhooks that refuse, are away, are overlooked, or break the object', async () => {
  await using hooks = await startWebhookServer();
  await using server = await startTestApiServer();
  const scene = sceneOf(server);
  const register = async (kind: string, name: string, rest: object = {}): Promise<void> => {
    const resource = `${kind}webhookconfigurations`;
    const made = await scene.post(`/apis/admissionregistration.k8s.io/v1/${resource}`, {
      metadata: { name },
      webhooks: [
        {
          name: `${name}.example.com`,
          clientConfig: { url: `${hooks.url}/${name}`, caBundle: hooks.caBundle },
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['configmaps'],
              operations: ['CREATE'],
            },
          ],
          objectSelector: { matchLabels: { ask: name } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          ...rest,
        },
      ],
    });
    expect(made.status, made.text).toBe(201);
    const { cache } = server.table.registry('admissionregistration.k8s.io', resource).storage;
    await vi.waitFor(() => {
      expect(cache.list().some(({ object }) => object.metadata.name === name)).toBe(true);
    });
  };
  const no = { response: () => ({ allowed: false, status: { code: 418 } }) };
  hooks.answers.set('/refuses', no);
  hooks.answers.set('/breaks', patching([{ op: 'remove', path: '/data/nothing' }]));
  for (const name of ['away', 'overlooked']) {
    hooks.answers.set(`/${name}`, { raw: (_request, response) => response.writeHead(502).end() });
  }
  await register('mutating', 'admits');
  await register('mutating', 'breaks');
  await register('validating', 'refuses');
  await register('validating', 'away');
  await register('validating', 'overlooked', { failurePolicy: 'Ignore' });
  const ask = async (name: string): Promise<number> => {
    const metadata = { name, labels: { ask: name } };
    return (await scene.post('/api/v1/namespaces/default/configmaps', { metadata })).status;
  };
  const statuses = [];
  for (const name of ['admits', 'breaks', 'refuses', 'away', 'overlooked']) {
    statuses.push(await ask(name));
  }
  expect(statuses).toEqual([201, 500, 418, 500, 201]);
  const { text } = await scene.get('/metrics');
  const counted = linesOf(text, /_(rejection_count|fail_open_count|request_total)\{name=.*\} 1$/)
    .filter((line) => line.startsWith(WEBHOOK))
    .map((line) => line.slice(WEBHOOK.length + 1).replaceAll('.example.com', ''));
  const create = 'operation="CREATE"';
  expect(counted.sort()).toEqual([
    'fail_open_count{name="overlooked",type="validating"} 1',
    `rejection_count{name="away",type="validating",${create},error_type="calling_webhook_error",rejection_code="502"} 1`,
    `rejection_count{name="breaks",type="admit",${create},error_type="apiserver_internal_error",rejection_code="0"} 1`,
    `rejection_count{name="refuses",type="validating",${create},error_type="no_error",rejection_code="418"} 1`,
    `request_total{name="admits",type="admit",${create},code="200",rejected="false"} 1`,
    `request_total{name="away",type="validating",${create},code="502",rejected="true"} 1`,
    `request_total{name="breaks",type="admit",${create},code="0",rejected="true"} 1`,
    `request_total{name="overlooked",type="validating",${create},code="502",rejected="false"} 1`,
    `request_total{name="refuses",type="validating",${create},code="418",rejected="true"} 1`,
  ]);
});

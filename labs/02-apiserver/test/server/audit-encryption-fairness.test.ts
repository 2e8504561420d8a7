// What a running server writes into its audit log, how secrets lie in the store, and who waits while somebody floods it.
import { Agent, fetch } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { buildAuditor } from '#src/audit/build-auditor.ts';
import { readAuditPolicy } from '#src/audit/policy.ts';
import { FakeClock } from '#src/client/clock.ts';
import { readEncryptionConfig } from '#src/encryption/config.ts';
import { buildFlowController } from '#src/fairness/build-flow-controller.ts';
import type { FlowController } from '#src/fairness/flow-controller.ts';
import type { ApiServerOptions } from '#src/server/api-server-options.ts';
import { startTestApiServer } from '#src/server/test-api-server.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const secret = (name: string, data = 'aHVudGVyMg==') => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  data: { password: data },
});

async function serverWith(options: Partial<ApiServerOptions>) {
  const server = await startTestApiServer(options);
  const { cert = '', key = '', ca = '' } = server.adminOptions;
  const agent = new Agent({ connect: { ca, cert, key, timeout: 60_000 }, connections: 64 });
  onTestFinished(async () => {
    await agent.close();
    await server[Symbol.asyncDispose]();
  });
  const call = async (method: string, path: string, body?: object, headers = {}) => {
    const init = { method, headers: { 'content-type': 'application/json', ...headers } };
    const answer = await fetch(`${server.url}${path}`, {
      ...init,
      dispatcher: agent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { code: answer.status, headers: answer.headers, body: parsed(await answer.text()) };
  };
  return { server, call };
}

/** Health answers `ok`, everything else JSON. */
function parsed(text: string) {
  return text === 'ok' ? text : JSON.parse(text);
}

interface Line {
  readonly stage: string;
  readonly auditID: string;
  readonly verb: string;
  readonly [field: string]: unknown;
}

test('the audit log: stages, ids, who, what, the code, and bodies as far as the policy asks for them', async () => {
  const lines: Line[] = [];
  const policy = readAuditPolicy(
    `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- { level: Metadata, resources: [{ resources: [secrets] }] }
- { level: RequestResponse, resources: [{ resources: [configmaps] }], omitStages: [RequestReceived] }
- { level: None }`,
    'p.yaml',
  );
  const sink = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const { call } = await serverWith({ audit: buildAuditor({ policy, sink }) });

  const made = await call('POST', `${NAMESPACE}/secrets`, secret('db'), { 'audit-id': 'mine' });
  expect([made.code, made.headers.get('audit-id')]).toEqual([201, 'mine']);
  expect(lines.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseComplete']);
  expect(JSON.stringify(lines)).not.toContain('aHVudGVyMg');
  expect(lines[1]).toMatchObject({
    level: 'Metadata',
    auditID: 'mine',
    verb: 'create',
    requestURI: `${NAMESPACE}/secrets`,
    user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['127.0.0.1'],
    objectRef: { resource: 'secrets', namespace: 'default', apiVersion: 'v1' },
    responseStatus: { code: 201 },
  });

  lines.length = 0;
  const again = await call('POST', `${NAMESPACE}/secrets`, secret('db'));
  expect(again.code).toBe(409);
  expect(lines[1]?.responseStatus).toMatchObject({
    code: 409,
    status: 'Failure',
    reason: 'AlreadyExists',
    message: 'secrets "db" already exists',
  });
  expect(lines[1]?.auditID).toBe(again.headers.get('audit-id'));

  lines.length = 0;
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: '1' } };
  await call('POST', `${NAMESPACE}/configmaps`, map);
  await call('GET', '/version');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    stage: 'ResponseComplete',
    requestObject: { data: { a: '1' } },
    responseObject: { metadata: { name: 'm', namespace: 'default' }, data: { a: '1' } },
  });
});

test('secrets lie encrypted in the store, are read as ever, and are brought to the newest key by a write', async () => {
  const config = (first: string, second: string) => `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers: [{ ${first} }, { ${second} }]`;
  const key = (provider: string) =>
    `${provider}: { keys: [{ name: k, secret: "${Buffer.alloc(32, 9).toString('base64')}" }] }`;
  const transformed = (text: string) => {
    const transformerOf = readEncryptionConfig(text, 'e.yaml');
    return (definition: { resource: string; group: string }) =>
      transformerOf(definition.resource, definition.group);
  };
  const before = await serverWith({
    transformerOf: transformed(config('identity: {}', key('aesgcm'))),
  });
  const { store } = before.server;
  const stored = async (name: string) => {
    const { kvs } = await store.range({ key: `/registry/secrets/default/${name}` });
    return Buffer.from(kvs[0]?.value ?? '').toString('latin1');
  };
  await before.call('POST', `${NAMESPACE}/secrets`, secret('old'));
  expect(await stored('old')).toContain('aHVudGVyMg==');

  const after = await serverWith({
    store,
    transformerOf: transformed(config(key('aesgcm'), 'identity: {}')),
  });
  await after.call('POST', `${NAMESPACE}/secrets`, secret('new'));
  expect(await stored('new')).toMatch(/^k8s:enc:aesgcm:v1:k:/);
  expect(await stored('new')).not.toContain('aHVudGVyMg');
  const list = await after.call('GET', `${NAMESPACE}/secrets`);
  const read = list.body.items.map((item: ReturnType<typeof secret>) => [
    item.metadata.name,
    item.data.password,
  ]);
  expect(read).toEqual([
    ['new', 'aHVudGVyMg=='],
    ['old', 'aHVudGVyMg=='],
  ]);
  // A write that changes nothing, as `kubectl get secrets -o json | kubectl replace -f -` sends it.
  const old = await after.call('GET', `${NAMESPACE}/secrets/old`);
  const replaced = await after.call('PUT', `${NAMESPACE}/secrets/old`, old.body);
  expect(replaced.code).toBe(200);
  expect(await stored('old')).toMatch(/^k8s:enc:aesgcm:v1:k:/);
  const maps = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'm' },
    data: { a: 'plain' },
  };
  await after.call('POST', `${NAMESPACE}/configmaps`, maps);
  const { kvs } = await store.range({ key: '/registry/configmaps/default/m' });
  expect(Buffer.from(kvs[0]?.value ?? '').toString()).toContain('plain');
});

test('a flood of one client waits for itself: another one is served in its turn', async () => {
  const arrived: string[] = [];
  const order: string[] = [];
  // On this clock nobody waits too long: sixty connections take as long as they take.
  const clock = new FakeClock();
  const limits = { maxRequestsInFlight: 1, maxMutatingRequestsInFlight: 1, clock };
  const real = buildFlowController(limits);
  let free: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const flowController: FlowController = {
    admit: async (request, signal) => {
      const agent = request.request.headers['user-agent'] ?? '';
      const admitted = real.admit(request, signal);
      arrived.push(agent);
      // Only once the other one stands in line the flood goes on: a quick server would be through with it before.
      if (agent === 'other') free();
      const release = await admitted;
      order.push(agent);
      if (agent === 'flood') await held;
      return release;
    },
  };
  const { call } = await serverWith({ flowController });
  const as = (agent: string) => ({ 'user-agent': agent });
  await call('GET', `${NAMESPACE}/configmaps`, undefined, as('warm'));
  order.length = 0;
  const flood = Array.from({ length: 60 }, () =>
    call('GET', `${NAMESPACE}/configmaps`, undefined, as('flood')),
  );
  await expect.poll(() => arrived.filter((name) => name === 'flood')).toHaveLength(60);
  const other = await call('GET', `${NAMESPACE}/configmaps`, undefined, as('other'));
  expect(other.code).toBe(200);
  expect((await Promise.all(flood)).map(({ code }) => code)).toEqual(flood.map(() => 200));
  const before = order.indexOf('other');
  expect(order.slice(before).filter((name) => name === 'flood').length).toBeGreaterThan(0);
});

test('when the line of a flow is full, its next request is told to come again, and health is still seen', async () => {
  let free: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const waitingMax = 5;
  const clock = new FakeClock();
  const limits = { maxRequestsInFlight: 1, maxMutatingRequestsInFlight: 1, waitingMax, clock };
  const real = buildFlowController(limits);
  let holding = 0;
  const { call } = await serverWith({
    flowController: {
      admit: async (request, signal) => {
        const release = await real.admit(request, signal);
        if (request.request.headers['user-agent'] === 'slow') {
          holding++;
          await held;
        }
        return release;
      },
    },
  });
  const get = (agent: string, path = `${NAMESPACE}/secrets`) =>
    call('GET', path, undefined, { 'user-agent': agent });
  const slow = [get('slow'), get('slow')];
  await expect.poll(() => holding).toBe(2);
  const codes: number[] = [];
  const flood = Array.from({ length: 12 }, async () => {
    const answer = await get('flood');
    codes.push(answer.code);
    return answer;
  });
  await expect.poll(() => codes).toHaveLength(12 - waitingMax);
  expect(new Set(codes)).toEqual(new Set([429]));
  expect((await get('flood', '/version')).code).toBe(429);
  expect((await get('flood', '/livez')).code).toBe(200);
  free();
  const answers = await Promise.all([...slow, ...flood]);
  const refused = answers.filter((answer) => answer.code === 429);
  expect(refused).toHaveLength(12 - waitingMax);
  expect(answers.filter((answer) => answer.code === 200)).toHaveLength(2 + waitingMax);
  expect(refused[0]?.headers.get('retry-after')).toBe('1');
  expect(refused[0]?.body).toMatchObject({
    reason: 'TooManyRequests',
    message: 'Too many requests, please try again later.',
  });
});

// Who may ask the kubelet for what: every endpoint for every kind of caller, with a real API server that has RBAC and tokens.

import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import {
  Client,
  createCertificateAuthority,
  FakeClock,
  issueCertificate,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PodManager } from '#src/config/pod-manager.ts';
import { authentication } from '#src/server/authentication.ts';
import { authorization, subresourcesOf } from '#src/server/authorization.ts';
import { startKubeletServer } from '#src/server/kubelet-server.ts';
import { ReviewCache } from '#src/server/review-cache.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { pod } from './objects.ts';
import { openServer } from './open-server.ts';

interface Caller {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', group: 'rbac.authorization.k8s.io' };
const type = (kind: string, resource: string) =>
  ({ group: rbac.group, version: 'v1', resource, kind, namespaced: false }) as const;
const clock = new FakeClock();
const callers: Record<string, Caller> = { nobody: {} };
const counts = { reviews: 0 };
let api: TestApiServer;
let ca: string;
let clients: readonly Client[];
let closed: { port: number } & AsyncDisposable;
let open: { port: number } & AsyncDisposable;

beforeAll(async () => {
  const authority = await createCertificateAuthority('cluster');
  ca = authority.cert;
  const certificate = (commonName: string, ...organizations: string[]) =>
    issueCertificate(authority, { commonName, organizations, client: true });
  api = await startTestApiServer({
    clientCa: ca,
    authorization: { modes: ['Node', 'RBAC'] },
    tokens: [
      { token: 'admin', user: 'admin', groups: ['system:masters'] },
      { token: 'meter', user: 'meter' },
      { token: 'watcher', user: 'watcher' },
    ],
  });
  const { server, ca: apiCa } = api.adminOptions;
  const address = { server, ...(apiCa === undefined ? {} : { ca: apiCa }) };
  const admin = new Client({ ...address, token: 'admin' });
  const kubelet = new Client({
    ...address,
    ...(await certificate('system:node:n1', 'system:nodes')),
  });
  clients = [admin, kubelet];
  await allow(admin, 'meter', ['nodes/metrics', 'nodes/stats']);
  await allow(admin, 'watcher', ['nodes/pods', 'nodes/healthz', 'nodes/configz']);
  await bind(admin, 'api', 'system:kubelet-api-admin');
  Object.assign(callers, {
    'the API server': await certificate('apiserver', 'system:masters'),
    'an API server without group': await certificate('api'),
    'a user with a certificate of their own': await certificate('ann', 'developers'),
    'another node': await certificate('system:node:n2', 'system:nodes'),
    'this node itself': await certificate('system:node:n1', 'system:nodes'),
    'somebody of another authority': await issueCertificate(await createCertificateAuthority('x'), {
      ...{ commonName: 'apiserver', organizations: ['system:masters'], client: true },
    }),
    "a server's certificate": await issueCertificate(authority, {
      ...{ commonName: 'apiserver', organizations: ['system:masters'], server: true },
    }),
    'a token for figures': { token: 'meter' },
    'a token for pods': { token: 'watcher' },
    'a token of nobody': { token: 'wrong' },
  });
  closed = await serve(kubelet, false);
  open = await serve(kubelet, true);
});
afterAll(async () => {
  await closed[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  for (const client of clients) await client[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

async function serve(client: Client, anonymous: boolean) {
  const own = await createCertificateAuthority('own');
  const tls = await issueCertificate(own, { commonName: 'n1', server: true });
  const pods = new PodManager();
  pods.set(pod());
  const limits = { authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 };
  const counting = new Proxy(client, {
    get(target, key) {
      if (key === 'create') counts.reviews += 1;
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return startKubeletServer({
    ...openServer,
    ...{ address: '127.0.0.1', port: 0, tls: { ...tls, clientCa: ca }, pods },
    stats: {
      machine: () => ({ cpus: 1, memoryBytes: 1, diskBytes: 1 }),
      summary: async () => ({
        node: {
          ...{ nodeName: 'n1', startTime: '2015-11-09T10:00:00Z', network: {} },
          ...{ cpu: {}, memory: {}, fs: {} },
        },
        pods: [],
      }),
      prometheus: async () => '',
    },
    runtime: new FakeRuntime(),
    statusOf: () => undefined,
    authenticate: authentication({
      ...{ client: counting, clock, certificates: true, anonymous },
      ...{ tokenWebhook: true, tokenCacheTtlMs: 120_000 },
    }),
    authorize: authorization({
      client: counting,
      clock,
      nodeName: 'n1',
      mode: 'Webhook',
      ...limits,
    }),
  });
}

async function allow(admin: Client, user: string, resources: string[]): Promise<void> {
  const { apiVersion } = rbac;
  const role = {
    ...{ apiVersion, kind: 'ClusterRole', metadata: { name: user } },
    rules: [{ apiGroups: [''], resources, verbs: ['get'] }],
  };
  await admin.create(type('ClusterRole', 'clusterroles'), role);
  await bind(admin, user, user);
}

async function bind(admin: Client, user: string, name: string): Promise<void> {
  const { apiVersion, group: apiGroup } = rbac;
  await admin.create(type('ClusterRoleBinding', 'clusterrolebindings'), {
    ...{ apiVersion, kind: 'ClusterRoleBinding', metadata: { name: user } },
    ...{ roleRef: { apiGroup, kind: 'ClusterRole', name } },
    ...{ subjects: [{ apiGroup, kind: 'User', name: user }] },
  });
}

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  'Sec-WebSocket-Protocol': 'v5.channel.k8s.io',
};

async function ask(
  { token, ...certificate }: Caller,
  path: string,
  { port = closed.port, method = 'GET' } = {},
): Promise<{ status: number; body: string }> {
  const isStream = /^\/(exec|attach|portForward)/.test(path);
  const headers = {
    ...(isStream ? UPGRADE : {}),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  };
  const target = { host: '127.0.0.1', port, path, method, agent: false, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const answered = async (response: IncomingMessage) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      resolve({ status: response.statusCode ?? 0, body });
    };
    request({ ...target, ...certificate, headers })
      .on('response', (response) => answered(response).catch(reject))
      .on('upgrade', (_, socket) => {
        socket.destroy();
        resolve({ status: 101, body: '' });
      })
      .on('error', reject)
      .end();
  });
}

const ENDPOINTS = {
  figures: [
    '/metrics',
    '/metrics/cadvisor',
    '/metrics/probes',
    '/metrics/resource',
    '/stats/summary',
  ],
  pods: ['/pods', '/pods/', '/runningpods/', '/healthz', '/healthz/ping', '/configz'],
  rest: [
    '/containerLogs/default/web/c',
    '/exec/default/web/c?command=id&output=1',
    '/attach/default/web/c?output=1',
    '/portForward/default/web?port=80',
    '/nothing',
    '/',
    // What looks like a smaller part of the node and is none.
    '/metrics/../exec/default/web/c?command=id',
    '/stats/%2e%2e/containerLogs/default/web/c',
    '//exec/default/web/c',
    '/metricsx',
  ],
} as const;
type Group = keyof typeof ENDPOINTS;
const ALL: readonly Group[] = ['figures', 'pods', 'rest'];

describe('every endpoint, for', () => {
  test.each<{ who: string; may: readonly Group[]; else?: number }>([
    { who: 'the API server', may: ALL },
    { who: 'an API server without group', may: ALL },
    { who: 'a user with a certificate of their own', may: [] },
    { who: 'another node', may: [] },
    { who: 'this node itself', may: [] },
    { who: 'somebody of another authority', may: [], else: 401 },
    { who: "a server's certificate", may: [], else: 401 },
    { who: 'a token for figures', may: ['figures'] },
    { who: 'a token for pods', may: ['pods'] },
    { who: 'a token of nobody', may: [], else: 401 },
    { who: 'nobody', may: [], else: 401 },
  ])('$who', async ({ who, may, else: refusal = 403 }) => {
    const caller = callers[who] ?? {};
    for (const group of ALL) {
      for (const path of ENDPOINTS[group]) {
        const { status } = await ask(caller, path);
        const verdict = status === 401 || status === 403 ? status : 'let in';
        expect({ path, verdict }).toEqual({
          path,
          verdict: may.includes(group) ? 'let in' : refusal,
        });
      }
    }
  });
});

test("answers are in upstream's words", async () => {
  const ann = callers['a user with a certificate of their own'] ?? {};
  expect(await ask({}, '/pods')).toEqual({ status: 401, body: 'Unauthorized' });
  expect(await ask(ann, '/exec/default/web/c?command=id')).toEqual({
    status: 403,
    body: 'Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[proxy])\n',
  });
  expect((await ask(ann, '/pods', { method: 'POST' })).body).toBe(
    'Forbidden (user=ann, verb=create, resource=nodes, subresource(s)=[pods proxy])\n',
  );
  const server = callers['the API server'] ?? {};
  expect(await ask(server, '/pods', { method: 'DELETE' })).toEqual({
    status: 405,
    body: 'Method Not Allowed',
  });
  expect(await ask(server, '/healthz')).toEqual({ status: 200, body: 'ok' });
  expect(await ask(server, '/nothing')).toEqual({ status: 404, body: '404 page not found' });
});

test('with anonymous requests nobody is somebody, who may do what system:anonymous may; a bad token stays bad', async () => {
  const { port } = open;
  expect((await ask({}, '/pods', { port })).body).toContain('user=system:anonymous');
  expect((await ask({ token: 'wrong' }, '/pods', { port })).status).toBe(401);
  expect(
    (await ask(callers['somebody of another authority'] ?? {}, '/pods', { port })).status,
  ).toBe(401);
});

test('answers are kept: a yes for five minutes, a no for 30 seconds, a token for two minutes', async () => {
  const asked = async (caller: Caller, path: string) => {
    const before = counts.reviews;
    await ask(caller, path);
    return counts.reviews - before;
  };
  const ann = callers['a user with a certificate of their own'] ?? {};
  clock.advance(600_000);
  expect(await asked({ token: 'meter' }, '/metrics')).toBe(2);
  expect(await asked({ token: 'meter' }, '/metrics')).toBe(0);
  expect(await asked(ann, '/metrics')).toBe(1);
  expect(await asked(ann, '/metrics')).toBe(0);
  clock.advance(30_000);
  expect(await asked(ann, '/metrics')).toBe(1);
  clock.advance(90_000);
  expect(await asked({ token: 'meter' }, '/metrics')).toBe(1);
  clock.advance(180_000);
  expect(await asked({ token: 'meter' }, '/metrics')).toBe(2);
});

test('without an API server, what it allowed lately is still allowed, and nothing else', async () => {
  const client = new Client({ server: 'https://127.0.0.1:1' });
  await using _ = client;
  const limits = { authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 };
  const authorize = authorization({ client, clock, nodeName: 'n1', mode: 'Webhook', ...limits });
  const user = { name: 'ann', groups: [] };
  await expect(authorize(user, { method: 'GET', path: '/stats/summary' })).rejects.toMatchObject({
    status: 500,
    message: 'Authorization error (user=ann, verb=get, resource=nodes, subresource=stats)',
  });
  const free = authorization({ client, clock, nodeName: 'n1', mode: 'AlwaysAllow', ...limits });
  await free(user, { method: 'POST', path: '/exec/default/web/c' });
});

test('ReviewCache asks once for all who ask at the same time, forgets failures, and is bounded', async () => {
  let asked = 0;
  const cache = new ReviewCache<number>(clock, () => 1_000);
  const next = async () => ++asked;
  expect(await Promise.all([cache.get('a', next), cache.get('a', next)])).toEqual([1, 1]);
  await expect(cache.get('b', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await cache.get('b', next)).toBe(2);
  for (let count = 0; count < 1_000; count++) await cache.get(`many ${count}`, next);
  expect(await cache.get('a', next)).toBe(1_003);
});

test.each([
  { path: '/stats', want: ['stats'] },
  { path: '/stats/summary', want: ['stats'] },
  { path: '/statsx', want: ['proxy'] },
  { path: '/metrics/probes', want: ['metrics'] },
  { path: '/logs/x', want: ['log'] },
  { path: '/runningpods/', want: ['pods', 'proxy'] },
  { path: '/constructor', want: ['proxy'] },
  { path: '', want: ['proxy'] },
])('subresourcesOf($path)', ({ path, want }) => {
  expect(subresourcesOf(path)).toEqual(want);
});

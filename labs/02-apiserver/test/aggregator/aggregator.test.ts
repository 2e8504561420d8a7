// Group-versions that another server answers, over real TLS between the two.
import { once } from 'node:events';
import { Agent, createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { resourcesIn } from '#src/aggregator/remote-discovery.ts';
import { remoteHeaders, sendRemote } from '#src/aggregator/remote-request.ts';
import { resolveService } from '#src/aggregator/service-resolver.ts';
import {
  type CertificatePair,
  createCertificateAuthority,
  issueCertificate,
} from '#src/server/pki.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { apiServiceStrategy } from '#src/strategy/api-service.ts';
import { texts } from '../crd/definitions.ts';
import { type WireOptions, wire } from '../server/wire.ts';
import {
  apiServiceOf,
  GROUP_VERSION,
  type MetricsServer,
  NAME,
  SERVICE,
  startMetricsServer,
} from './metrics-server.ts';

const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const SERVICES = '/api/v1/namespaces/kube-system/services';
const REF = { ...SERVICE, port: 443 };

describe('a metrics server behind an APIService', () => {
  let server: TestApiServer;
  let metrics: MetricsServer;
  let proxyCa: CertificatePair;
  const ask = (path: string, options?: WireOptions) => wire(server, path, options);
  const available = async () => {
    const { json } = await ask(`${API_SERVICES}/${NAME}`);
    return (json.status?.conditions ?? [])[0];
  };

  beforeAll(async () => {
    proxyCa = await createCertificateAuthority('front-proxy');
    const proxyClient = await issueCertificate(proxyCa, {
      commonName: 'front-proxy-client',
      client: true,
    });
    metrics = await startMetricsServer(proxyCa.cert);
    server = await startTestApiServer({
      proxyClient,
      authentication: {
        requestHeader: { clientCa: proxyCa.cert, allowedNames: ['front-proxy-client'] },
      },
    });
    await ask(API_SERVICES, { method: 'POST', body: apiServiceOf(metrics) });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await metrics[Symbol.asyncDispose]();
  });

  test('is not available while its service is missing, and says so', async () => {
    await vi.waitFor(async () =>
      expect(await available()).toMatchObject({
        status: 'False',
        reason: 'ServiceNotFound',
        message: 'service/metrics-server in "kube-system" is not present',
      }),
    );
    const { status, text, headers } = await ask(`/apis/${GROUP_VERSION}/nodes`);
    expect([status, text, headers['content-type']]).toEqual([
      503,
      'service unavailable\n',
      'text/plain; charset=utf-8',
    ]);
  });

  test('is available as soon as its service is there, and the server behind it answers', async () => {
    const body = {
      metadata: { name: REF.name },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    };
    const { status } = await ask(SERVICES, { method: 'POST', body });
    expect(status).toBe(201);
    await vi.waitFor(async () =>
      expect(await available()).toMatchObject({
        status: 'True',
        reason: 'Passed',
        message: 'all checks passed',
      }),
    );
  });

  test('is asked in the name of the user, by this server, and its answer comes back as it is', async () => {
    const headers = { 'x-remote-user': 'root', 'x-remote-group': 'system:masters', cookie: 'c' };
    const { status, json } = await ask(`/apis/${GROUP_VERSION}/nodes?limit=500`, { headers });
    expect(status).toBe(200);
    expect(json.items[0].metadata.name).toBe('node-1');
    // This server asks for itself as well, whenever something about the APIService changed.
    const path = `/apis/${GROUP_VERSION}/nodes?limit=500`;
    const last = metrics.seen.findLast((request) => request.path === path);
    expect(last).toMatchObject({ path, commonName: 'front-proxy-client' });
    expect(last?.headers['x-remote-user']).toBe('kubernetes-admin');
    expect(last?.headers['x-remote-group']).toBe('system:masters, system:authenticated');
    expect(last?.headers).not.toHaveProperty('cookie');
    expect((await ask(`/apis/${GROUP_VERSION}/widgets`)).status).toBe(404);
  });

  test('can learn from a ConfigMap whom to trust, and which headers to read', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
    const read = async () => (await ask(path)).json.data;
    await vi.waitFor(async () =>
      expect(await read()).toEqual({
        'client-ca-file': server.adminOptions.ca,
        'requestheader-client-ca-file': proxyCa.cert,
        'requestheader-allowed-names': '["front-proxy-client"]',
        'requestheader-username-headers': '["x-remote-user"]',
        'requestheader-uid-headers': '[]',
        'requestheader-group-headers': '["x-remote-group"]',
        'requestheader-extra-headers-prefix': '["x-remote-extra-"]',
      }),
    );
  });

  test("stands in discovery like the server's own groups", async () => {
    const legacy = await ask('/apis');
    expect(legacy.json.groups.at(-1)).toMatchObject({
      name: 'metrics.k8s.io',
      preferredVersion: { version: 'v1beta1' },
    });
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { json } = await ask('/apis', { headers: { accept } });
    expect(json.items.at(-1)).toMatchObject({
      metadata: { name: 'metrics.k8s.io' },
      versions: [
        {
          version: 'v1beta1',
          freshness: 'Current',
          resources: [
            {
              resource: 'nodes',
              scope: 'Cluster',
              responseKind: { kind: 'NodeMetrics', group: 'metrics.k8s.io' },
            },
            { resource: 'pods', scope: 'Namespaced' },
          ],
        },
      ],
    });
    expect((await ask(`/apis/${GROUP_VERSION}`)).json.kind).toBe('APIResourceList');
  });

  test('is described in OpenAPI by what it says itself, asked for once', async () => {
    const { json } = await ask('/openapi/v3');
    const { serverRelativeURL } = json.paths[`apis/${GROUP_VERSION}`];
    expect(serverRelativeURL).toMatch(
      /^\/openapi\/v3\/apis\/metrics\.k8s\.io\/v1beta1\?hash=[0-9A-F]+$/,
    );
    const { json: document } = await ask(serverRelativeURL);
    expect(document.components.schemas.NodeMetrics.description).toBe('What a node uses.');
    const reads = metrics.seen.filter(({ path }) => path.startsWith('/openapi/v3/apis'));
    expect(reads).toHaveLength(1);
  });

  test('is missed when it is gone, and found again', async () => {
    await metrics.stop();
    expect((await ask(`/apis/${GROUP_VERSION}/nodes`)).status).toBe(503);
    await ask(`${SERVICES}/${REF.name}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { annotations: { seen: 'again' } } },
    });
    await vi.waitFor(async () => {
      const condition = await available();
      expect(condition).toMatchObject({ status: 'False', reason: 'FailedDiscoveryCheck' });
      expect(condition.message).toMatch(
        /^failing or missing response from https:\/\/localhost:\d+\/apis\/metrics\.k8s\.io\/v1beta1: Get /,
      );
    });
    expect((await ask(`/apis/${GROUP_VERSION}/nodes`)).text).toBe('service unavailable\n');
    await metrics.start();
    await vi.waitFor(async () => expect(await available()).toMatchObject({ status: 'True' }));
    expect((await ask(`/apis/${GROUP_VERSION}/nodes`)).status).toBe(200);
  });

  test('every group-version of the server has an APIService, which is available at once', async () => {
    const { json } = await ask(`${API_SERVICES}/v1.apps`);
    expect(json).toMatchObject({
      metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
      spec: { group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 },
      status: {
        conditions: [
          {
            type: 'Available',
            status: 'True',
            reason: 'Local',
            message: 'Local APIServices are always available',
          },
        ],
      },
    });
    expect((await ask(`${API_SERVICES}/v1.`)).json.spec).toEqual({
      version: 'v1',
      groupPriorityMinimum: 18000,
      versionPriority: 1,
    });
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const table = await ask(`${API_SERVICES}/${NAME}`, { headers });
    expect(table.json.rows[0].cells.slice(0, 3)).toEqual([
      NAME,
      'kube-system/metrics-server',
      'True',
    ]);
  });

  test('those of custom resources come and go with them', async () => {
    const { cronTabs } = await import('../crd/definitions.ts');
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await ask(path, { method: 'POST', body: cronTabs() });
    const name = `${API_SERVICES}/v1.stable.example.com`;
    await vi.waitFor(async () =>
      expect((await ask(name)).json).toMatchObject({
        metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } },
        spec: { groupPriorityMinimum: 1000, versionPriority: 100 },
      }),
    );
    await ask(`${path}/crontabs.stable.example.com`, { method: 'DELETE' });
    await vi.waitFor(async () => expect((await ask(name)).status).toBe(404));
  });
});

describe('resolveService()', () => {
  const service = (rest = {}) => ({ spec: { ports: [{ name: 'web', port: 443 }], ...rest } });
  const slice = (rest = {}) => ({
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['10.0.0.1'] },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
    ],
    ports: [{ name: 'web', port: 8443 }],
    ...rest,
  });
  test.each([
    { name: 'no service', service: undefined, slices: [], want: 'ServiceNotFound' },
    {
      name: 'another port',
      service: service({ ports: [{ port: 80 }] }),
      slices: [],
      want: 'ServicePortError',
    },
    { name: 'no slices', service: service(), slices: [], want: 'EndpointsNotFound' },
    {
      name: 'nobody is ready',
      service: service(),
      slices: [slice({ endpoints: [] })],
      want: 'MissingEndpoints',
    },
    {
      name: 'one is ready',
      service: service(),
      slices: [slice()],
      want: [{ host: '10.0.0.1', port: 8443 }],
    },
    {
      name: 'a name outside',
      service: service({ type: 'ExternalName', externalName: 'api.example.com' }),
      slices: [],
      want: [{ host: 'api.example.com', port: 443 }],
    },
  ])('$name', ({ service: found, slices, want }) => {
    const resolution = resolveService(REF, found, slices);
    expect(resolution.kind === 'addresses' ? resolution.addresses : resolution.reason).toEqual(
      want,
    );
  });
});

test('a kept connection that is closed just when it is used again is made anew for a read; what writes is not sent twice', async () => {
  const authority = await createCertificateAuthority('metrics');
  const tls = await issueCertificate(authority, { commonName: 'metrics-server', server: true });
  const used = new Set<Socket>();
  const server = createServer(tls, ({ socket }, response) => {
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    response.end('answered');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  onTestFinished(() => {
    agent.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = (method: string, more: { body?: Readable } = {}) => {
    const user = { name: 'zoë', groups: [] };
    const { signal } = new AbortController();
    const request = { method, path: '/', headers: {}, user, signal, ...more };
    return sendRemote(agent, { host: '127.0.0.1', port }, request);
  };
  const read = async () => {
    expect(await text(await ask('GET'))).toBe('answered');
    // It is kept once the answer is read.
    await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(1);
  };
  for (let count = 1; count <= 3; count += 1) await read();
  expect(used.size).toBe(3);
  await expect(ask('POST', { body: Readable.from(['x']) })).rejects.toThrow('hang up');
  await read();
  await expect(ask('DELETE')).rejects.toThrow('hang up');
});

test('remoteHeaders() says who asks, and passes on no claim of the client', () => {
  const user = {
    name: 'zoë',
    uid: '7',
    groups: ['a', 'b'],
    extra: { 'example.com/scopes': ['x'] },
  };
  const headers = remoteHeaders(
    {
      accept: 'a/b',
      authorization: 'Bearer t',
      'x-remote-group': 'root',
      'impersonate-user': 'root',
      host: 'h',
    },
    user,
  );
  expect(headers).toEqual({
    accept: 'a/b',
    'x-remote-user': Buffer.from('zoë').toString('latin1'),
    'x-remote-uid': '7',
    'x-remote-group': ['a', 'b'],
    'x-remote-extra-example.com%2fscopes': ['x'],
  });
});

test('resourcesIn() reads a legacy list, subresources under their resources', () => {
  const resources = [
    { name: 'things', namespaced: true, kind: 'Thing', verbs: ['get'] },
    { name: 'things/scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['update'] },
  ];
  expect(resourcesIn(JSON.stringify({ resources }), { group: 'g', version: 'v1' })).toEqual([
    {
      resource: 'things',
      responseKind: { group: 'g', version: 'v1', kind: 'Thing' },
      scope: 'Namespaced',
      singularResource: '',
      verbs: ['get'],
      subresources: [
        {
          subresource: 'scale',
          responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
          verbs: ['update'],
        },
      ],
    },
  ]);
});

test.each([
  { name: 'v1.example.com', spec: {}, want: [] },
  {
    name: 'other',
    spec: {},
    want: [
      'metadata.name: Invalid value: "other": must be `spec.version+"."+spec.group`: "v1.example.com"',
    ],
  },
  {
    name: 'v1.example.com',
    spec: { groupPriorityMinimum: 0 },
    want: ['spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000'],
  },
  {
    name: 'v1.example.com',
    spec: { insecureSkipTLSVerify: true },
    want: [
      'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ],
  },
  {
    name: 'v1.example.com',
    spec: { service: { name: 's' } },
    want: ['spec.service.namespace: Required value'],
  },
])('an APIService $name with $spec', ({ name, spec, want }) => {
  const object = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name },
    spec: {
      group: 'example.com',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 10,
      ...spec,
    },
  };
  expect(texts(apiServiceStrategy.validate(object))).toEqual(want);
});

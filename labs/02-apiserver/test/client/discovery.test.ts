// What a client learns of a server: from aggregated discovery on the real one, from the older documents of one that has only those.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Client } from '#src/client/client.ts';
import {
  discoveryFailure,
  type ServerResources,
  serverPreferredResources,
  serverResources,
} from '#src/client/discovery.ts';
import { Informer } from '#src/client/informer.ts';
import { type KubernetesObject, type ResourceType, resources } from '#src/client/resources.ts';
import { RESOURCES } from '#src/registry/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';

const WAIT = { timeout: 30_000, interval: 25 };
const named = ({ resources: all }: ServerResources, name: string) =>
  all
    .filter(({ resource }) => resource === name)
    .map(({ group, version }) => `${group}/${version}`);

const apiServices: ResourceType<KubernetesObject & { spec: object }> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  resource: 'apiservices',
  kind: 'APIService',
  namespaced: false,
};

describe('on the real server', () => {
  let server: TestApiServer;
  let client: Client;
  beforeAll(async () => {
    server = await startTestApiServer();
    client = server.client();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('serverResources() gives all that is served, with verbs and scope', async () => {
    const found = await serverResources(client);
    expect(found.failures.size).toBe(0);
    for (const { group, version, resource, kind, namespaced, verbs } of RESOURCES) {
      expect(found.resources).toContainEqual({ group, version, resource, kind, namespaced, verbs });
    }
    expect(named(found, 'horizontalpodautoscalers')).toEqual(['autoscaling/v2', 'autoscaling/v1']);
  });

  test('serverPreferredResources() gives each resource once; a name in two groups is two', async () => {
    const found = await serverPreferredResources(client);
    expect(named(found, 'horizontalpodautoscalers')).toEqual(['autoscaling/v2']);
    expect(named(found, 'events').sort()).toEqual(['/v1', 'events.k8s.io/v1']);
  });

  test('a group-version whose server is away is a failure beside everything else', async () => {
    const spec = {
      group: 'away.example.com',
      version: 'v1',
      service: { name: 'nobody', namespace: 'default' },
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
    };
    await client.create(apiServices, { metadata: { name: 'v1.away.example.com' }, spec });
    const sentence = async () => discoveryFailure(await serverPreferredResources(client));
    await vi.waitFor(
      async () =>
        expect(await sentence()).toBe(
          'unable to retrieve the complete list of server APIs: away.example.com/v1: stale GroupVersion discovery: away.example.com/v1',
        ),
      WAIT,
    );
    expect(named(await serverPreferredResources(client), 'pods')).toEqual(['/v1']);
    await client.delete(apiServices, { name: 'v1.away.example.com' });
    await vi.waitFor(async () => expect(await sentence()).toBeUndefined(), WAIT);
  });

  test('metadataOnly: lists and watches bring no more than metadata, under their own kind', async () => {
    const map = (name: string) => ({ metadata: { name, namespace: 'default' }, data: { a: 'b' } });
    await client.create(resources.configMaps, map('listed'));
    const informer = new Informer(client, resources.configMaps, {
      namespace: 'default',
      metadataOnly: true,
      transform: ({ metadata: { managedFields: _dropped, ...kept } = {}, ...rest }) => ({
        ...rest,
        metadata: kept,
      }),
    });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    try {
      await informer.synced(stop.signal);
      await client.create(resources.configMaps, map('watched'));
      await vi.waitFor(() => expect(informer.get('default/watched')).toBeDefined(), WAIT);
      for (const name of ['listed', 'watched']) {
        const object = informer.get(`default/${name}`);
        expect(Object.keys(object ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
        expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
        expect(object?.metadata).not.toHaveProperty('managedFields');
      }
    } finally {
      stop.abort();
      await running;
    }
  });
});

describe('on a server without aggregated discovery', () => {
  const kind = (name: string, of: string, namespaced: boolean, verbs: string[]) => {
    return { name, kind: of, namespaced, verbs, singularName: '' };
  };
  const versions = (group: string, preferred: string, ...all: string[]) => ({
    name: group,
    versions: all.map((version) => ({ groupVersion: `${group}/${version}`, version })),
    preferredVersion: { groupVersion: `${group}/${preferred}`, version: preferred },
  });
  const documents: Readonly<Record<string, unknown>> = {
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/api/v1': {
      resources: [
        kind('pods', 'Pod', true, ['list', 'delete']),
        kind('pods/log', 'Pod', true, ['get']),
      ],
    },
    '/apis': {
      kind: 'APIGroupList',
      groups: [versions('a.io', 'v1', 'v2beta1', 'v1'), versions('gone.io', 'v1', 'v1')],
    },
    '/apis/a.io/v1': { resources: [kind('things', 'Thing', false, ['get'])] },
    '/apis/a.io/v2beta1': {
      resources: [kind('things', 'Thing', false, ['get']), kind('news', 'New', true, ['list'])],
    },
  };

  async function withServer(
    answers: Readonly<Record<string, unknown>>,
    run: (client: Client) => Promise<void>,
  ): Promise<void> {
    const server = createServer((request, response) => {
      const body = answers[request.url ?? ''];
      response.writeHead(body === undefined ? 503 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { kind: 'Status', code: 503, message: 'is away' }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new Client({ server: `http://127.0.0.1:${port}` });
    try {
      await run(client);
    } finally {
      await client[Symbol.asyncDispose]();
      server.close();
    }
  }

  test('every group-version is asked for by itself; subresources are no resources', () =>
    withServer(documents, async (client) => {
      const found = await serverPreferredResources(client);
      expect(found.resources).toEqual([
        {
          group: '',
          version: 'v1',
          resource: 'pods',
          kind: 'Pod',
          namespaced: true,
          verbs: ['list', 'delete'],
        },
        {
          group: 'a.io',
          version: 'v1',
          resource: 'things',
          kind: 'Thing',
          namespaced: false,
          verbs: ['get'],
        },
        {
          group: 'a.io',
          version: 'v2beta1',
          resource: 'news',
          kind: 'New',
          namespaced: true,
          verbs: ['list'],
        },
      ]);
      expect([...found.failures]).toEqual([['gone.io/v1', 'is away']]);
    }));

  test('nothing at all is an error', () =>
    withServer({}, async (client) => {
      await expect(serverResources(client)).rejects.toMatchObject({ code: 503 });
    }));
});

// Quotas under writes beside each other, also through two servers on one store: never exceeded, and exact in the end.
import { type KeyValueStore, openEtcd3Store, openMemoryStore } from '@kube-labs/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { Client } from '#src/client/client.ts';
import { resources } from '#src/client/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { startEtcd } from '../../../01-store/test/support/etcd.ts';
import { ownNamespace, pod, quota, type Scene, sceneOf } from './scene.ts';

const AT = '/api/v1/namespaces/race';
/** The last in a line of two hundred waits for all of them to be on the disk. */
const PATIENCE_MS = 300_000;

describe.each(['our store', 'etcd'])('on %s', (kind) => {
  const opened: AsyncDisposable[] = [];
  let servers: TestApiServer[] = [];
  let clients: Client[] = [];
  let scene: Scene;

  async function openStore(): Promise<KeyValueStore> {
    if (kind === 'our store') return openMemoryStore();
    const etcd = await startEtcd();
    opened.push(etcd);
    return openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: PATIENCE_MS });
  }

  beforeEach(async () => {
    const store = await openStore();
    opened.push(store);
    const options = { store, requestTimeoutMs: PATIENCE_MS };
    servers = [await startTestApiServer(options), await startTestApiServer(options)];
    opened.push(...servers);
    clients = servers.map(
      ({ adminOptions }) => new Client({ ...adminOptions, timeoutMs: PATIENCE_MS }),
    );
    opened.push(...clients);
    scene = sceneOf(servers[0] as TestApiServer);
    await ownNamespace(scene, 'race');
  });
  afterEach(async () => {
    for (const part of opened.splice(0).reverse()) await part[Symbol.asyncDispose]();
  });

  const clientOf = (index: number): Client => clients[index % clients.length] as Client;

  async function make(client: Client, name: string): Promise<boolean> {
    try {
      const body = pod(name) as { metadata: object };
      const metadata = { ...body.metadata, namespace: 'race' };
      await client.create(resources.pods, { ...body, metadata } as never);
      return true;
    } catch (error) {
      if (ApiError.is(error, 'Forbidden') && error.message.includes('exceeded quota')) return false;
      throw error;
    }
  }

  async function usedPods(): Promise<string> {
    return (await scene.get(`${AT}/resourcequotas/q`)).json.status.used.pods;
  }

  test(
    'of 200 pods made at once under a limit of 50, exactly 50 are',
    async () => {
      expect((await scene.post(`${AT}/resourcequotas`, quota('q', { pods: '50' }))).status).toBe(
        201,
      );
      const made = await Promise.all(
        Array.from({ length: 200 }, (_, index) => make(clientOf(index), `p${index}`)),
      );
      expect(made.filter(Boolean)).toHaveLength(50);
      expect((await scene.get(`${AT}/pods`)).json.items).toHaveLength(50);
      expect(await usedPods()).toBe('50');
    },
    PATIENCE_MS,
  );

  test(
    'a quota made while pods come and go counts them exactly',
    async () => {
      const run = async (index: number): Promise<void> => {
        const client = clientOf(index);
        await make(client, `p${index}`);
        if (index === 10) await scene.post(`${AT}/resourcequotas`, quota('q', { pods: '1000' }));
        if (index % 3 === 0) {
          const ref = { namespace: 'race', name: `p${index}` };
          await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 });
        }
      };
      await Promise.all(Array.from({ length: 60 }, (_, index) => run(index)));
      await make(clientOf(0), 'last');
      expect((await scene.get(`${AT}/pods`)).json.items).toHaveLength(41);
      expect(await usedPods()).toBe('41');
    },
    PATIENCE_MS,
  );
});

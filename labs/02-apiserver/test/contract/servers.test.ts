// Several API servers beside each other on one etcd: what is written through one is read and watched through the others; the service
// `kubernetes` lists those that are there; and one that is killed takes nothing along.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KeyValueStore, openEtcd3Store } from '@kube-labs/store';
import type { Endpoints } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client } from '#src/client/client.ts';
import { resources } from '#src/client/resources.ts';
import { MasterLeases } from '#src/server/master-leases.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type Etcd, startEtcd } from '../../../01-store/test/support/etcd.ts';
import { startServerProcess } from '../support/server-process.ts';

/** A killed server's lease has 15 seconds, and the others look every ten. */
const GONE = { timeout: 60_000, interval: 100 };
/** They look every ten seconds when nothing hurries them. */
const SOON = { timeout: 60_000, interval: 50 };
const WRITES = 200;
const KUBERNETES = { namespace: 'default', name: 'kubernetes' };

let etcd: Etcd;
let store: KeyValueStore;
let first: TestApiServer;
let folder: string;
const advertising = (address: string) => [
  `--etcd-servers=${etcd.endpoint}`,
  `--advertise-address=${address}`,
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-servers-'));
  etcd = await startEtcd();
  store = await openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: 60_000 });
  first = await startTestApiServer({ store, advertiseAddress: '10.0.0.1' });
});
afterAll(async () => {
  await first?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Where the service `kubernetes` leads, as Endpoints and as a slice of them say. */
async function listed(client: Client): Promise<string[]> {
  const { subsets = [] } = (await client.get(resources.endpoints, KUBERNETES)) as Endpoints;
  return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).sort();
}

/** At which revision, after `since`, the Endpoints no longer had this address. */
async function firstWithout(ip: string, client: Client, since: string): Promise<number> {
  const { signal } = new AbortController();
  const options = { namespace: 'default', resourceVersion: since };
  for await (const { object } of client.watch(resources.endpoints, options, signal)) {
    const { metadata, subsets = [] } = object as Endpoints;
    const has = subsets.some(({ addresses = [] }) => addresses.some((one) => one.ip === ip));
    if (metadata?.name === KUBERNETES.name && !has) return Number(metadata.resourceVersion);
  }
  throw new Error('the watch of the Endpoints ended');
}

/** The names of config maps as a watch tells of them, in its order. */
async function watchNames(client: Client, signal: AbortSignal, names: string[]): Promise<void> {
  try {
    const { resourceVersion } = await client.list(resources.configMaps, { namespace: 'default' });
    const options = { namespace: 'default', resourceVersion };
    for await (const { type, object } of client.watch(resources.configMaps, options, signal)) {
      if (type === 'ADDED') names.push(object.metadata?.name ?? '');
    }
  } catch (error) {
    // The server of this watch was killed.
    if (!signal.aborted && names.length === 0) throw error;
  }
}

async function create(client: Client, name: string): Promise<void> {
  const metadata = { name, namespace: 'default' };
  await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
}

test('what two servers write both watch, in one order; one is killed, and nothing it acknowledged is lost', async () => {
  await using second = startServerProcess(folder, advertising('10.0.0.2'));
  const [one, two] = [first.client(), await second.client()];
  await vi.waitFor(async () => {
    expect(await listed(one)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(await listed(two)).toEqual(['10.0.0.1', '10.0.0.2']);
  }, SOON);

  const ending = new AbortController();
  const seen: [string[], string[]] = [[], []];
  const watches = [
    watchNames(one, ending.signal, seen[0]),
    watchNames(two, ending.signal, seen[1]),
  ];
  try {
    // The first object that both know proves that both watch.
    await vi.waitFor(async () => {
      await create(one, `start-${seen[0].length}-${seen[1].length}-${Date.now()}`);
      expect(Math.min(seen[0].length, seen[1].length)).toBeGreaterThan(0);
    }, SOON);
    const acknowledged: string[] = [];
    const write = async (client: Client, name: string) => {
      await create(client, name);
      acknowledged.push(name);
    };
    for (let n = 0; n < WRITES / 2; n += 1) {
      await Promise.all([write(one, `one-${n}`), write(two, `two-${n}`)]);
    }
    await vi.waitFor(() => {
      for (const names of seen) expect(names).toEqual(expect.arrayContaining(acknowledged));
    }, SOON);
    const common = seen[0].slice(seen[0].indexOf(seen[1][0] ?? ''));
    expect(seen[1].slice(seen[1].indexOf(common[0] ?? ''))).toEqual(common);

    const writing = (async () => {
      for (let n = 0; ; n += 1) await write(two, `last-${n}`);
    })();
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(WRITES + 20), SOON);
    second.child.kill('SIGKILL');
    await expect(writing).rejects.toThrow();
    const { items } = await one.list(resources.configMaps, { namespace: 'default' });
    const there = new Set(items.map(({ metadata }) => metadata?.name));
    expect(acknowledged.filter((name) => !there.has(name))).toEqual([]);
    await vi.waitFor(() => expect(seen[0]).toEqual(expect.arrayContaining(acknowledged)), SOON);
    expect(new Set(seen[0]).size).toBe(seen[0].length);
  } finally {
    ending.abort();
    await Promise.all(watches);
  }
  await vi.waitFor(async () => expect(await listed(one)).toEqual(['10.0.0.1']), GONE);
  // It is written behind the Endpoints.
  await vi.waitFor(async () => {
    const slice = await one.get(resources.endpointSlices, KUBERNETES);
    expect(slice).toMatchObject({ endpoints: [{ addresses: ['10.0.0.1'] }] });
  }, SOON);
}, 300_000);

test('a server that is told to end is off the list before it is gone', async () => {
  await using second = startServerProcess(folder, advertising('10.0.0.3'));
  await second.client();
  const one = first.client();
  await vi.waitFor(async () => expect(await listed(one)).toContain('10.0.0.3'), SOON);
  const { metadata } = await one.get(resources.endpoints, KUBERNETES);
  second.child.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0 });
  const { kvs, revision } = await store.range({ key: '/registry/masterleases/10.0.0.3' });
  expect(kvs).toEqual([]);
  // What was said before that counts: the first server may write once more what it had read before.
  const since = metadata?.resourceVersion ?? '';
  expect(await firstWithout('10.0.0.3', one, since)).toBeLessThanOrEqual(revision);
});

describe('MasterLeases', () => {
  const own = (ip: string, port = 6443, ttlSeconds = 60) =>
    new MasterLeases(store, { ip, port }, { ttlSeconds });

  test('lists who renewed, and not who released', async () => {
    const [a, b] = [own('10.1.0.1'), own('10.1.0.2')];
    await a.renew();
    await b.renew();
    const ips = async () =>
      (await a.list()).map(({ ip }) => ip).filter((ip) => ip.startsWith('10.1.'));
    expect(await ips()).toEqual(['10.1.0.1', '10.1.0.2']);
    await a.release();
    await a.release();
    expect(await ips()).toEqual(['10.1.0.2']);
    await b.release();
    expect(await ips()).toEqual([]);
  });

  test('a release does not take away what another server at the same address has said since', async () => {
    const [before, after] = [own('10.1.0.9', 1), own('10.1.0.9', 2)];
    await before.renew();
    await after.renew();
    await before.release();
    expect(await before.list()).toContainEqual({ ip: '10.1.0.9', port: 2 });
    await after.release();
  });

  test('who does not renew is forgotten', async () => {
    const silent = own('10.1.0.5', 6443, 2);
    await silent.renew();
    await vi.waitFor(async () => {
      expect(await silent.list()).not.toContainEqual({ ip: '10.1.0.5', port: 6443 });
    }, SOON);
  });

  test('what somebody else wrote under these keys is no address', async () => {
    const key = '/registry/masterleases/strange';
    await store.put({ key, value: Buffer.from('k8s\0…') });
    expect((await own('10.1.0.6').list()).map(({ ip }) => ip)).not.toContain('strange');
    await store.deleteRange({ key });
  });
});

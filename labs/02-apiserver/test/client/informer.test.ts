// The informer on the real server, with a network that breaks in between.

import { createLogger } from '@kube-labs/store';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Informer, type InformerOptions } from '../../src/client/informer.ts';
import { resources } from '../../src/client/resources.ts';
import { startTestApiServer } from '../../src/server/test-api-server.ts';
import { type FaultyLink, faultyLink } from './faulty-link.ts';

const WAIT = { timeout: 30_000, interval: 10 };

let server: Awaited<ReturnType<typeof startTestApiServer>>;
let direct: Client;
let link: FaultyLink;
let client: Client;
let stop: AbortController;
let running: Promise<void>[];
let namespace: string;
let count = 0;

beforeAll(async () => {
  server = await startTestApiServer();
  direct = server.client();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  link = await faultyLink(Number(new URL(server.url).port));
  client = new Client({
    ...server.adminOptions,
    server: `https://127.0.0.1:${link.port}`,
    watchIdleMs: 500,
    timeoutMs: 2_000,
  });
  stop = new AbortController();
  running = [];
  namespace = `informer-${++count}`;
  await direct.create(resources.namespaces, { metadata: { name: namespace } });
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await client[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
});

/** An informer with what its handlers heard. */
function start(options: InformerOptions<ConfigMap> = {}) {
  const informer = new Informer(client, resources.configMaps, {
    namespace,
    backoff: { baseMs: 20, maxMs: 100 },
    ...options,
  });
  const heard: string[] = [];
  const say = (what: string, { metadata, data }: ConfigMap) =>
    heard.push(`${what} ${metadata?.name}${data?.v === undefined ? '' : `=${data.v}`}`);
  informer.addHandler({
    onAdd: (object) => say('add', object),
    onUpdate: (_previous, object) => say('update', object),
    onDelete: (object) => say('delete', object),
  });
  running.push(informer.run(stop.signal));
  return { informer, heard };
}

const put = (name: string, v: string) =>
  direct.create(resources.configMaps, { metadata: { name, namespace }, data: { v } });
const change = (name: string, v: string) =>
  direct.patch(resources.configMaps, { namespace, name }, { data: { v } }, { type: 'merge' });
const remove = (name: string) => direct.delete(resources.configMaps, { namespace, name });

describe('Informer', () => {
  test('delivers what is there, is then synced, and follows every change', async () => {
    await put('a', '1');
    const { informer, heard } = start();
    expect(informer.hasSynced).toBe(false);
    await informer.synced();
    expect(heard).toEqual(['add a=1']);
    await put('b', '1');
    await change('a', '2');
    await remove('b');
    await expect
      .poll(() => heard, WAIT)
      .toEqual(['add a=1', 'add b=1', 'update a=2', 'delete b=1']);
    expect(informer.list().map((each) => each.metadata?.name)).toEqual(['a']);
    expect(informer.get(`${namespace}/a`)?.data).toEqual({ v: '2' });
  });

  test('a handler that comes late is told of what is there, and one that fails disturbs nobody', async () => {
    await put('a', '1');
    const { informer, heard } = start();
    informer.addHandler({
      onAdd() {
        throw new Error('broken handler');
      },
    });
    await informer.synced();
    const late: string[] = [];
    informer.addHandler({ onAdd: ({ metadata }) => late.push(metadata?.name ?? '') });
    expect(late).toEqual(['a']);
    await put('b', '1');
    await expect.poll(() => heard, WAIT).toEqual(['add a=1', 'add b=1']);
    expect(late).toEqual(['a', 'b']);
  });

  test('goes on where it was when connections are reset, without listing again', async () => {
    const { informer, heard } = start();
    await informer.synced();
    for (let n = 1; n <= 5; n++) {
      await put(`a${n}`, '1');
      link.cut();
    }
    const want = [1, 2, 3, 4, 5].map((n) => `add a${n}=1`);
    await expect.poll(() => heard, WAIT).toEqual(want);
  });

  test('starts before the server can be reached, and survives its absence', async () => {
    link.block();
    const { informer, heard } = start();
    await put('a', '1');
    expect(informer.hasSynced).toBe(false);
    link.unblock();
    await informer.synced(AbortSignal.timeout(WAIT.timeout));
    link.block();
    await change('a', '2');
    await put('b', '1');
    link.unblock();
    await expect.poll(() => heard, WAIT).toEqual(['add a=1', 'update a=2', 'add b=1']);
  });

  test('notices a connection that is dead without being closed', async () => {
    const { informer, heard } = start();
    await informer.synced();
    await expect.poll(() => link.accepted, WAIT).toBeGreaterThanOrEqual(2);
    link.silence();
    await put('a', '1');
    await expect.poll(() => heard, WAIT).toEqual(['add a=1']);
  });

  test('lists again when its version is too old, and tells the difference', async () => {
    await put('changed', '1');
    await put('deleted', '1');
    await put('same', '1');
    const replaced = await put('replaced', '1');
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const { informer, heard } = start({ log: createLogger('test', { verbosity: 4, destination }) });
    await informer.synced();
    heard.length = 0;
    link.block();
    await change('changed', '2');
    await remove('deleted');
    await remove('replaced');
    const again = await put('replaced', '2');
    expect(again.metadata?.uid).not.toBe(replaced.metadata?.uid);
    await put('added', '1');
    await forgetHistory();
    link.unblock();
    await expect
      .poll(() => [...heard].sort(), WAIT)
      .toEqual([
        'add added=1',
        'add replaced=2',
        'delete deleted=1',
        'delete replaced=1',
        'update changed=2',
      ]);
    expect(heard.indexOf('delete replaced=1')).toBeLessThan(heard.indexOf('add replaced=2'));
    expect(lines.filter((line) => line.includes('listAgain=true'))).toHaveLength(1);
    await put('after', '1');
    await expect.poll(() => heard.at(-1), WAIT).toBe('add after=1');
  });

  test('survives a restart of the server', async () => {
    const { informer, heard } = start();
    await informer.synced();
    await put('a', '1');
    await expect.poll(() => heard, WAIT).toEqual(['add a=1']);
    await server.restart();
    await put('b', '1');
    await expect.poll(() => heard, WAIT).toEqual(['add a=1', 'add b=1']);
  });

  test('keeps its indexes', async () => {
    const { informer } = start({ indexers: { v: ({ data }) => [data?.v ?? ''] } });
    await put('a', 'x');
    await put('b', 'x');
    await expect.poll(() => informer.byIndex('v', 'x').length, WAIT).toBe(2);
    await change('a', 'y');
    await expect.poll(() => informer.byIndex('v', 'y').length, WAIT).toBe(1);
    expect(informer.byIndex('v', 'x')).toHaveLength(1);
  });

  test('resync tells everything again', async () => {
    await put('a', '1');
    const { heard } = start({ resyncMs: 50 });
    await expect
      .poll(() => heard.slice(0, 3), WAIT)
      .toEqual(['add a=1', 'update a=1', 'update a=1']);
  });

  test('synced() rejects when its signal aborts first', async () => {
    link.block();
    const { informer } = start();
    await expect(informer.synced(AbortSignal.timeout(20))).rejects.toThrow();
  });
});

/** Makes the server forget every version so far: what it remembers itself, and what the store does. */
async function forgetHistory(): Promise<void> {
  const { revision } = await server.store.status();
  await server.store.compact(revision);
  await server.restart();
}

// Lists in pages at one revision, and watches that miss nothing: the promises that every controller stands on.
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../src/api-error.ts';
import type { Client, WatchEvent } from '../../src/client/client.ts';
import { resources } from '../../src/client/resources.ts';
import { startTestApiServer, type TestApiServer } from '../../src/server/test-api-server.ts';
import { wire } from './wire.ts';

let server: TestApiServer;
let client: Client;
let namespace = '';
let counter = 0;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  counter += 1;
  namespace = `test-${counter}`;
  await client.create(resources.namespaces, { metadata: { name: namespace } });
});

const make = (name: string, labels: Record<string, string> = {}): Promise<ConfigMap> =>
  client.create(resources.configMaps, { metadata: { name, namespace, labels } });

/** Reads so many events, then ends the watch. */
async function take(
  count: number,
  options: Parameters<Client['watch']>[1],
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<WatchEvent<ConfigMap>[]> {
  const stop = new AbortController();
  const events: WatchEvent<ConfigMap>[] = [];
  const acting = meanwhile();
  for await (const event of client.watch(resources.configMaps, options, stop.signal)) {
    events.push(event);
    if (events.length === count) break;
  }
  stop.abort();
  await acting;
  return events;
}

const told = (events: readonly WatchEvent<ConfigMap>[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata?.name}`);

describe('a list in pages', () => {
  test('is one moment, however much changes between its pages', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name);
    const first = await client.list(resources.configMaps, { namespace, limit: 2 });
    await make('ab');
    await client.delete(resources.configMaps, { namespace, name: 'e' });
    const token = first.continue ?? '';
    const second = await client.list(resources.configMaps, {
      namespace,
      limit: 2,
      continue: token,
    });
    const third = await client.list(resources.configMaps, {
      namespace,
      limit: 2,
      continue: second.continue ?? '',
    });
    const names = [first, second, third].flatMap(({ items }) =>
      items.map(({ metadata }) => metadata?.name),
    );
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(third.continue).toBeUndefined();
  });

  test('tells how many remain', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    const { json } = await wire(server, `/api/v1/namespaces/${namespace}/configmaps?limit=1`);
    expect(json.metadata.remainingItemCount).toBe(2);
  });

  test('whose revision was compacted away is Expired, with a token to go on', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    const first = await client.list(resources.configMaps, { namespace, limit: 1 });
    await make('later');
    await server.store.compact((await server.store.status()).revision);
    const path = `/api/v1/namespaces/${namespace}/configmaps?limit=1&continue=${first.continue}`;
    const { status, json } = await wire(server, path);
    expect(status).toBe(410);
    expect(json.reason).toBe('Expired');
    const rest = await client.list(resources.configMaps, {
      namespace,
      continue: json.metadata.continue,
    });
    expect(rest.items.map(({ metadata }) => metadata?.name)).toEqual(['b', 'c', 'later']);
  });
});

describe('a watch', () => {
  test('from the revision of a list tells every change after it, once, in order', async () => {
    await make('before');
    const { resourceVersion } = await client.list(resources.configMaps, { namespace });
    const events = await take(4, { namespace, resourceVersion }, async () => {
      await make('x');
      await make('y');
      await client.patch(
        resources.configMaps,
        { namespace, name: 'x' },
        { data: { a: '1' } },
        { type: 'merge' },
      );
      await client.delete(resources.configMaps, { namespace, name: 'y' });
    });
    expect(told(events)).toEqual(['ADDED x', 'ADDED y', 'MODIFIED x', 'DELETED y']);
    const revisions = events.map(({ object }) => Number(object.metadata?.resourceVersion));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  });

  test('without a revision begins with what is there', async () => {
    await make('a');
    await make('b');
    expect(told(await take(2, { namespace }))).toEqual(['ADDED a', 'ADDED b']);
  });

  test('with a selector sees objects come and go as their labels change', async () => {
    const { resourceVersion } = await client.list(resources.configMaps, { namespace });
    const options = { namespace, resourceVersion, labelSelector: 'tier=front' };
    const relabel = (tier: string) =>
      client.patch(
        resources.configMaps,
        { namespace, name: 'x' },
        { metadata: { labels: { tier } } },
        { type: 'merge' },
      );
    const events = await take(4, options, async () => {
      await make('other', { tier: 'back' });
      await make('x', { tier: 'front' });
      await relabel('back');
      await relabel('front');
      await client.delete(resources.configMaps, { namespace, name: 'x' });
    });
    expect(told(events)).toEqual(['ADDED x', 'DELETED x', 'ADDED x', 'DELETED x']);
  });

  test('from a revision before the server remembers is 410 Expired', async () => {
    await server.restart();
    const watching = (async () => {
      const options = { namespace, resourceVersion: '1' };
      for await (const _ of client.watch(
        resources.configMaps,
        options,
        new AbortController().signal,
      ));
    })();
    await expect(watching).rejects.toSatisfy(
      (error) => ApiError.is(error, 'Expired') || ApiError.is(error, 'Gone'),
    );
  });

  test('ends at its timeout, with a bookmark of where it was', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=1`;
    const { text } = await wire(server, path);
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1' },
    });
    expect(Number(last.object.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  test('with sendInitialEvents marks the end of the initial events', async () => {
    await make('a');
    const query =
      'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
    const { text } = await wire(server, `/api/v1/namespaces/${namespace}/configmaps?${query}`);
    const [first, second] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    expect(second.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });
});

// The table of what is served: lookups, what may stand beside what, and what the listeners hear.

import { type KeyValueStore, openMemoryStore, silentLogger } from '@kube-labs/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AdmissionChain } from '#src/admission/admission.ts';
import { realClock } from '#src/client/clock.ts';
import { buildResourceTable } from '#src/registry/build-resources.ts';
import { isStored, type ResourceDefinition } from '#src/registry/resource-definition.ts';
import type { ResourceTable, TableChange } from '#src/registry/resource-table.ts';
import { define } from '#src/registry/resources/define.ts';
import { RESOURCES } from '#src/registry/resources.ts';

const widgets = define('Widget', 'widgets', { group: 'example.com' });
const oldWidgets = define('Widget', 'widgets', {
  group: 'example.com',
  version: 'v1beta1',
  storedAs: { definition: widgets },
});
const review = define('Review', 'reviews', { verbs: ['create'], handle: async () => {} });

let store: KeyValueStore;
let stop: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  store = await openMemoryStore();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  running = undefined;
  await store[Symbol.asyncDispose]();
});

function build(definitions: readonly ResourceDefinition[]): ResourceTable {
  const admission = () => new AdmissionChain([]);
  return buildResourceTable({ store, clock: realClock, log: silentLogger, admission, definitions });
}

const names = (table: ResourceTable): string[] =>
  table.definitions().map(({ group, version, resource }) => `${group}/${version}/${resource}`);

describe('ResourceTable.find()', () => {
  test.each([
    ['example.com', 'v1', 'widgets', true],
    ['example.com', 'v1beta1', 'widgets', true],
    ['example.com', 'v2', 'widgets', false],
    ['', 'v1', 'widgets', false],
    ['example.com', 'v1', 'gadgets', false],
    ['example.com/v1', 'widgets', '', false],
    ['', 'v1', 'constructor', false],
  ])('%s %s %s: %s', (group, version, resource, found) => {
    const table = build([widgets, oldWidgets, review]);
    expect(table.find(group, version, resource) !== undefined).toBe(found);
  });

  test('versions share the registry of the stored one; a virtual resource has none', () => {
    const table = build([widgets, oldWidgets, review]);
    const stored = table.find('example.com', 'v1', 'widgets');
    const other = table.find('example.com', 'v1beta1', 'widgets');
    expect(other?.registry).toBe(stored?.registry);
    expect(stored?.registry).toBe(table.registry('example.com', 'widgets'));
    expect(table.find('', 'v1', 'reviews')?.registry).toBeUndefined();
    expect(() => table.registry('', 'reviews')).toThrow('Cannot find the resource /reviews');
  });
});

describe('ResourceTable.add() refuses', () => {
  const nested = define('Nested', 'nested', { storagePrefix: '/registry/widgets/inner/' });
  test.each([
    { name: 'what is served already', given: [widgets, widgets], why: 'it is served already' },
    {
      name: 'a version without the stored one',
      given: [oldWidgets],
      why: 'Cannot serve widgets in example.com/v1beta1: it is stored as widgets in example.com/v1, which is not served',
    },
    {
      name: 'keys within the keys of another',
      given: [widgets, nested],
      why: 'Cannot keep objects below /registry/widgets/inner/: other objects are kept below /registry/widgets/',
    },
  ])('$name', ({ given, why }) => {
    const table = build([]);
    expect(() => table.add(given)).toThrow(why);
    expect(names(table)).toEqual([]);
  });
});

test('ResourceTable.replace() is one change, which listeners hear of afterwards', () => {
  const table = build([widgets]);
  const heard: TableChange[] = [];
  const end = table.onChange((change) => {
    heard.push(change);
    expect(names(table)).toEqual(['example.com/v1/widgets', 'example.com/v1beta1/widgets']);
  });
  const before = table.definitions();
  expect(table.definitions()).toBe(before);
  const next = define('Widget', 'widgets', { group: 'example.com', shortNames: ['w'] });
  const both = [next, { ...oldWidgets, storedAs: { definition: next } }];
  table.replace([widgets], both);
  expect(heard).toEqual([{ added: both, removed: [widgets] }]);
  expect(table.definitions()).not.toBe(before);
  end();
  table.remove(both);
  expect(heard).toHaveLength(1);
  expect(names(table)).toEqual([]);
});

test('a removed resource ends its cache and subscribers; one that comes late gets a cache', async () => {
  const table = build([widgets]);
  running = table.run(stop.signal);
  await table.ready();
  const { cache } = table.registry('example.com', 'widgets').storage;
  let ended = false;
  const onEnd = () => {
    ended = true;
  };
  cache.subscribe(cache.revision, { onEvent() {}, onEnd });
  table.remove([widgets]);
  await expect.poll(() => ended).toBe(true);
  await expect(cache.ready()).rejects.toThrow('The resource is not served any more.');
  table.add([widgets]);
  const { cache: next } = table.registry('example.com', 'widgets').storage;
  await next.ready();
  expect(next).not.toBe(cache);
});

test('what the server offers of itself has one place in the store for each resource, and no two alike', () => {
  expect(names(build(RESOURCES)).length).toBe(RESOURCES.length);
  for (const definition of RESOURCES.filter(isStored)) {
    expect(definition.storagePrefix).toMatch(/^\/registry\/[^/]+(\/[^/]+)*\/$/);
  }
});

test.each([
  ['', 'nodes', '/registry/minions/'],
  ['', 'services', '/registry/services/specs/'],
  ['', 'endpoints', '/registry/services/endpoints/'],
  ['', 'replicationcontrollers', '/registry/controllers/'],
  ['', 'pods', '/registry/pods/'],
  ['apps', 'deployments', '/registry/deployments/'],
  ['coordination.k8s.io', 'leases', '/registry/leases/'],
  [
    'apiextensions.k8s.io',
    'customresourcedefinitions',
    '/registry/apiextensions.k8s.io/customresourcedefinitions/',
  ],
])('%s/%s is kept below %s', (group, resource, prefix) => {
  const found = RESOURCES.find((one) => one.group === group && one.resource === resource);
  expect(found?.storagePrefix).toBe(prefix);
});

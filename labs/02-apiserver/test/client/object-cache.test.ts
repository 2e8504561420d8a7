import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { ObjectCache } from '../../src/client/object-cache.ts';
import { keyOf } from '../../src/client/resources.ts';

function pod(name: string, node: string, namespace = 'default'): Pod {
  return { metadata: { name, namespace }, spec: { nodeName: node, containers: [] } };
}

const byNode = { node: (object: Pod) => [object.spec?.nodeName ?? ''] };
const names = (pods: readonly Pod[]) => pods.map((each) => each.metadata?.name).sort();

describe('ObjectCache', () => {
  test('keeps an index as objects are added, moved and deleted', () => {
    const cache = new ObjectCache<Pod>(byNode);
    cache.set(pod('a', 'n1'));
    cache.set(pod('b', 'n1'));
    expect(names(cache.byIndex('node', 'n1'))).toEqual(['a', 'b']);
    cache.set(pod('a', 'n2'));
    expect(names(cache.byIndex('node', 'n1'))).toEqual(['b']);
    expect(names(cache.byIndex('node', 'n2'))).toEqual(['a']);
    cache.delete('default/b');
    expect(cache.byIndex('node', 'n1')).toEqual([]);
  });

  test('a list that was handed out stays as it was, and is made again only after a change', () => {
    const cache = new ObjectCache<Pod>(byNode);
    cache.set(pod('a', 'n1'));
    const before = cache.list();
    expect(cache.list()).toBe(before);
    expect(cache.list('default')).toBe(cache.list('default'));
    cache.set(pod('b', 'n1'));
    expect(names(before)).toEqual(['a']);
    expect(names(cache.list())).toEqual(['a', 'b']);
  });

  test('list(namespace) gives the objects of that namespace only', () => {
    const cache = new ObjectCache<Pod>();
    cache.set(pod('a', 'n1', 'default'));
    cache.set(pod('a', 'n1', 'other'));
    expect(cache.list('other').map(keyOf)).toEqual(['other/a']);
    expect(cache.list('nowhere')).toEqual([]);
  });

  test('objects outside namespaces are those of the empty one, and the namespace is an index like any other', () => {
    const cache = new ObjectCache<Pod>();
    const node: Pod = { metadata: { name: 'n1' } };
    const nameless: Pod = {};
    for (const one of [node, nameless, pod('a', 'n1', 'other')]) cache.set(one);
    expect(cache.list('')).toEqual([node, nameless]);
    expect(cache.byIndex('namespace', 'other').map(keyOf)).toEqual(['other/a']);
  });

  test('an object that changes keeps its place, in all lists', () => {
    const cache = new ObjectCache<Pod>(byNode);
    for (const name of ['a', 'b']) cache.set(pod(name, 'n1'));
    cache.set(pod('a', 'n1'));
    for (const list of [cache.list(), cache.list('default'), cache.byIndex('node', 'n1')]) {
      expect(list.map(keyOf)).toEqual(['default/a', 'default/b']);
    }
  });

  test('to delete what is not there changes nothing', () => {
    const cache = new ObjectCache<Pod>();
    cache.set(pod('a', 'n1'));
    const before = cache.list();
    expect(cache.delete('default/b')).toBeUndefined();
    expect(cache.list()).toBe(before);
  });

  test('an indexer may say a value twice', () => {
    const cache = new ObjectCache<Pod>({ twice: () => ['x', 'x'] });
    cache.set(pod('a', 'n1'));
    expect(cache.byIndex('twice', 'x').map(keyOf)).toEqual(['default/a']);
    expect(cache.delete('default/a')).toEqual(pod('a', 'n1'));
    expect(cache.byIndex('twice', 'x')).toEqual([]);
  });

  test('byIndex() of a name that nobody gave is our own fault', () => {
    expect(() => new ObjectCache().byIndex('nope', 'x')).toThrow(
      'Index with name nope does not exist',
    );
  });

  test('the indexes equal a full scan after any changes (seeded)', () => {
    const seed = 20151109;
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const cache = new ObjectCache<Pod>(byNode);
    for (let step = 0; step < 2_000; step++) {
      const name = `p${random(30)}`;
      if (random(3) === 0) cache.delete(`default/${name}`);
      else cache.set(pod(name, `n${random(4)}`));
      const node = `n${random(4)}`;
      const scanned = cache.list().filter((each) => each.spec?.nodeName === node);
      expect(names(cache.byIndex('node', node)), `seed ${seed}, step ${step}`).toEqual(
        names(scanned),
      );
    }
  });
});

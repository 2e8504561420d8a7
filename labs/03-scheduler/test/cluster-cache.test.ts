import { FakeClock } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { ClusterCache, uidOf } from '../src/cluster-cache.ts';
import { nodeInfo } from '../src/snapshot.ts';
import { node, pod, seeded } from './support.ts';

function on(nodeName: string, subject: Pod): Pod {
  return { ...subject, spec: { containers: [], ...subject.spec, nodeName } };
}

function setUp(...nodes: string[]) {
  const clock = new FakeClock();
  const cache = new ClusterCache(clock);
  for (const name of nodes) cache.setNode(node({ name }));
  const podsOn = (name: string) =>
    cache
      .snapshot()
      .nodes.find((each) => each.name === name)
      ?.pods.map(uidOf);
  return { clock, cache, podsOn };
}

describe('ClusterCache', () => {
  test('snapshot() is the same until something changes, and then shares what did not', () => {
    const { cache } = setUp('a', 'b');
    const before = cache.snapshot();
    expect(cache.snapshot()).toBe(before);
    cache.setPod(on('b', pod({ requests: { cpu: '1' } })));
    const after = cache.snapshot();
    expect(after.generation).toBe(before.generation + 1);
    expect(after.nodes[0]).toBe(before.nodes[0]);
    expect(before.nodes[1]?.requested.get('cpu')).toBeUndefined();
    expect(after.nodes[1]?.requested.get('cpu')).toBe(1000);
  });

  test('an assumed pod counts at once, and not after forget()', () => {
    const { cache, podsOn } = setUp('a');
    const subject = pod();
    cache.assume(on('a', subject), 'a');
    expect(podsOn('a')).toEqual([uidOf(subject)]);
    expect(cache.forget(uidOf(subject))).toBe(true);
    expect(podsOn('a')).toEqual([]);
    expect(cache.forget(uidOf(subject))).toBe(false);
  });

  test('what the watch shows wins over what was assumed', () => {
    const { cache, podsOn } = setUp('a', 'b');
    const subject = pod();
    cache.assume(on('a', subject), 'a');
    cache.setPod(on('b', subject));
    expect(cache.forget(uidOf(subject))).toBe(false);
    expect([podsOn('a'), podsOn('b')]).toEqual([[], [uidOf(subject)]]);
    cache.assertConsistent();
  });

  test('a bound pod that the watch never confirms expires after 30 s; a confirmed one never does', () => {
    const { clock, cache, podsOn } = setUp('a');
    const [lost, confirmed, binding] = [pod(), pod(), pod()];
    for (const each of [lost, confirmed, binding]) cache.assume(on('a', each), 'a');
    cache.finishBinding(uidOf(lost));
    cache.finishBinding(uidOf(confirmed));
    cache.setPod(on('a', confirmed));
    clock.advance(29_999);
    expect(cache.expire()).toBe(0);
    clock.advance(1);
    expect(cache.expire()).toBe(1);
    expect(podsOn('a')).toEqual([uidOf(confirmed), uidOf(binding)]);
  });

  test('pods are kept while their node is away', () => {
    const { cache, podsOn } = setUp();
    const subject = pod();
    cache.setPod(on('a', subject));
    expect(cache.snapshot().nodes).toEqual([]);
    cache.setNode(node({ name: 'a' }));
    expect(podsOn('a')).toEqual([uidOf(subject)]);
    cache.removeNode('a');
    expect(cache.snapshot().nodes).toEqual([]);
    cache.removePod(uidOf(subject));
    cache.assertConsistent();
  });

  test('every snapshot equals one made from scratch (seeded)', () => {
    const seed = 42;
    const random = seeded(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const { clock, cache } = setUp();
    const nodes = new Set<string>();
    const placed = new Map<string, Pod>();
    const pods = Array.from({ length: 40 }, () => pod({ requests: { cpu: '100m' } }));
    for (let step = 0; step < 2_000; step++) {
      const name = `n${below(5)}`;
      const subject = pods[below(pods.length)] as Pod;
      switch (below(5)) {
        case 0:
          nodes.add(name);
          cache.setNode(node({ name }));
          break;
        case 1:
          nodes.delete(name);
          cache.removeNode(name);
          break;
        case 2:
          placed.set(uidOf(subject), on(name, subject));
          cache.setPod(on(name, subject));
          break;
        case 3:
          placed.delete(uidOf(subject));
          cache.removePod(uidOf(subject));
          break;
        default:
          if (placed.has(uidOf(subject))) break;
          cache.assume(on(name, subject), name);
          cache.snapshot();
          cache.forget(uidOf(subject));
      }
      clock.advance(10);
      cache.assertConsistent();
      const got = cache
        .snapshot()
        .nodes.map((each) => [each.name, each.pods.length, each.requested]);
      const want = [...nodes].map((each) => {
        const there = [...placed.values()].filter(({ spec }) => spec?.nodeName === each);
        return [each, there.length, nodeInfo(node({ name: each }), there).requested];
      });
      expect(got.sort(), `seed ${seed}, step ${step}`).toEqual(want.sort());
    }
  });
});

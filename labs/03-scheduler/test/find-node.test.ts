import { describe, expect, test } from 'vitest';
import { feasibleNodesWanted, findNode, reserve } from '../src/find-node.ts';
import { fitMessage } from '../src/fit-error.ts';
import { FITS, type Plugin, rejects, type Verdict, type WeightedPlugin } from '../src/framework.ts';
import { nodeResourcesFit } from '../src/plugins/node-resources-fit.ts';
import { nodeUnschedulable } from '../src/plugins/node-unschedulable.ts';
import { taintToleration } from '../src/plugins/taint-toleration.ts';
import { info, pod, seeded, snapshotOf } from './support.ts';

const weigh = <State>(plugin: Plugin<State>, weight = 1): WeightedPlugin => ({
  plugin: plugin as Plugin,
  weight,
});
const filters = [weigh(nodeUnschedulable), weigh(taintToleration), weigh(nodeResourcesFit)];
const scoring = (name: string, scores: Record<string, number>): Plugin => ({
  name,
  score: (_pod, node) => scores[node.name] ?? 0,
});

describe('findNode()', () => {
  test('takes the node with the highest weighted sum', () => {
    const snapshot = snapshotOf(info({ name: 'a' }), info({ name: 'b' }));
    const plugins = [weigh(scoring('x', { a: 60 }), 1), weigh(scoring('y', { b: 31 }), 2)];
    const decision = findNode(pod(), snapshot, { plugins, random: () => 0 });
    expect(decision).toMatchObject({ kind: 'node', nodeName: 'b', evaluated: 2, feasible: 2 });
  });

  test('between equals chance decides, and each has the same', () => {
    const snapshot = snapshotOf(info({ name: 'a' }), info({ name: 'b' }), info({ name: 'c' }));
    const plugins = [weigh(scoring('x', { a: 1, b: 9, c: 9 }))];
    const random = seeded(7);
    const times = { a: 0, b: 0, c: 0 };
    for (let n = 0; n < 1_000; n++) {
      const decision = findNode(pod(), snapshot, { plugins, random });
      if (decision.kind === 'node') times[decision.nodeName as keyof typeof times]++;
    }
    expect(times.a).toBe(0);
    expect(Math.abs(times.b - times.c)).toBeLessThan(120);
  });

  test('says why no node fits, as kubectl shows it', () => {
    const taints = [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }];
    const snapshot = snapshotOf(
      info({ name: 'a', unschedulable: true }),
      info({ name: 'b', taints }),
      info({ name: 'c', taints }),
      info({ name: 'd', allocatable: { cpu: '1', memory: '1Gi' } }),
    );
    const subject = pod({ requests: { cpu: '2', memory: '2Gi' } });
    const decision = findNode(subject, snapshot, { plugins: filters, random: () => 0 });
    expect(decision.kind === 'none' && fitMessage(decision)).toBe(
      '0/4 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, ' +
        '1 node(s) were unschedulable, 2 node(s) had untolerated taint {gpu: yes}.',
    );
    expect(decision.kind === 'none' && [...decision.rejectedBy].sort()).toEqual([
      'NodeResourcesFit',
      'NodeUnschedulable',
      'TaintToleration',
    ]);
  });

  test('a cluster without nodes', () => {
    const decision = findNode(pod(), snapshotOf(), { plugins: filters, random: () => 0 });
    expect(decision.kind === 'none' && fitMessage(decision)).toBe(
      'no nodes available to schedule pods',
    );
  });

  test('a preFilter that rejects asks no node', () => {
    const asked: string[] = [];
    const plugins = [
      weigh({ name: 'never', preFilter: () => ({ kind: 'rejects', reasons: ['not today'] }) }),
      weigh({ name: 'asked', filter: (_pod, { name }) => noting(asked, name, FITS) }),
    ];
    const snapshot = snapshotOf(info({ name: 'a' }), info({ name: 'b' }));
    const decision = findNode(pod(), snapshot, { plugins, random: () => 0 });
    expect(decision.kind === 'none' && fitMessage(decision)).toBe(
      '0/2 nodes are available: 2 not today.',
    );
    expect(asked).toEqual([]);
  });

  test('in a big cluster it looks at enough nodes only, and next time at others', () => {
    const nodes = Array.from({ length: 1_000 }, (_, n) => info({ name: `n${n}` }));
    const seen: string[] = [];
    const spy = weigh({ name: 'spy', filter: (_pod, { name }) => noting(seen, name, FITS) });
    const options = { plugins: [spy], random: () => 0 };
    const first = findNode(pod(), snapshotOf(...nodes), options);
    expect(first).toMatchObject({ evaluated: 420, feasible: 420 });
    findNode(pod(), snapshotOf(...nodes), { ...options, startAt: 420 });
    findNode(pod(), snapshotOf(...nodes), { ...options, startAt: 840 });
    expect(new Set(seen).size).toBe(1_000);
  });

  test.each([
    [0, 0],
    [99, 99],
    [100, 100],
    [250, 120],
    [1_000, 420],
    [5_000, 500],
    [10_000, 500],
  ])('feasibleNodesWanted(%d) is %d', (count, want) => {
    expect(feasibleNodesWanted(count)).toBe(want);
  });
});

test('reserve() takes everything back when one plugin refuses', () => {
  const done: string[] = [];
  const keeper = (name: string, refuses: boolean): WeightedPlugin =>
    weigh({
      name,
      reserve: () => noting(done, `reserve ${name}`, refuses ? rejects('no room') : FITS),
      unreserve: () => done.push(`unreserve ${name}`),
    });
  const verdict = reserve(pod(), 'a', [keeper('x', false), keeper('y', true)]);
  expect(verdict).toEqual(rejects('no room'));
  expect(done).toEqual(['reserve x', 'reserve y', 'unreserve y', 'unreserve x']);
});

/** Writes down that it was asked, and gives the answer. */
function noting(list: string[], what: string, verdict: Verdict): Verdict {
  list.push(what);
  return verdict;
}

// Replica sets and replication controllers: the numbers as tables, then the loop on the real API server.
import { resources } from '@kube-labs/apiserver';
import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { isPodActive } from '../src/pod-state.ts';
import { BURST_REPLICAS, plan, statusOf } from '../src/replica-plan.ts';
import { asReplicaSet } from '../src/replication-controller.ts';
import { slowStart } from '../src/slow-start.ts';
import { eventually, NOW_MS, namesOf, pod, startCluster, WAIT, workload } from './support.ts';

const pods = (count: number): Pod[] => Array.from({ length: count }, () => pod());

describe('plan()', () => {
  test.each([
    { name: 'creates what is missing', replicas: 3, active: 1, want: { kind: 'create', count: 2 } },
    {
      name: 'creates at most 500 at once',
      replicas: 900,
      active: 0,
      want: { kind: 'create', count: BURST_REPLICAS },
    },
    { name: 'is content', replicas: 2, active: 2, want: { kind: 'none' } },
    { name: 'is content with none', replicas: 0, active: 0, want: { kind: 'none' } },
  ])('$name', ({ replicas, active, want }) => {
    expect(plan(replicas, pods(active))).toEqual(want);
  });

  test.each<{ name: string; cheap: Pod; dear: Pod }>([
    { name: 'without a node', cheap: pod({ ready: true }), dear: pod({ node: 'a' }) },
    { name: 'pending', cheap: pod({ node: 'a', phase: 'Pending' }), dear: pod({ node: 'b' }) },
    { name: 'not ready', cheap: pod({ node: 'a' }), dear: pod({ node: 'b', ready: true }) },
    {
      name: 'cheap by annotation',
      cheap: pod({
        node: 'a',
        ready: true,
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' },
      }),
      dear: pod({ node: 'b', ready: true }),
    },
    {
      name: 'young',
      cheap: pod({ node: 'a', created: '2015-11-09T01:00:00Z' }),
      dear: pod({ node: 'b', created: '2015-11-09T00:00:00Z' }),
    },
  ])('gives up first what is $name', ({ cheap, dear }) => {
    expect(plan(1, [dear, cheap])).toEqual({ kind: 'delete', pods: [cheap] });
    expect(plan(1, [cheap, dear])).toEqual({ kind: 'delete', pods: [cheap] });
  });

  test('of equals gives up one on the node that has most of the kind', () => {
    const [one, two, three] = [pod({ node: 'a' }), pod({ node: 'b' }), pod({ node: 'b' })];
    expect(plan(2, [one, two, three])).toMatchObject({ pods: [two] });
  });

  test('finished and stopping pods do not count', () => {
    const all = [
      pod({ phase: 'Succeeded' }),
      pod({ phase: 'Failed' }),
      pod({ deleting: true }),
      pod(),
    ];
    expect(all.filter(isPodActive)).toHaveLength(1);
  });
});

describe('statusOf()', () => {
  const set: ReplicaSet = {
    metadata: { generation: 4 },
    spec: { ...workload(), minReadySeconds: 10 },
  };
  test('counts labels, readiness and time', () => {
    const active = [
      pod({ ready: true, labels: { app: 'web' } }),
      pod({ labels: { app: 'web' } }),
      pod(),
    ];
    const counts = {
      replicas: 3,
      fullyLabeledReplicas: 2,
      readyReplicas: 1,
      observedGeneration: 4,
    };
    expect(statusOf(set, active, NOW_MS + 9_000)).toEqual({ ...counts, availableReplicas: 0 });
    expect(statusOf(set, active, NOW_MS + 10_000)).toEqual({ ...counts, availableReplicas: 1 });
  });

  test('ReplicaFailure comes with a failure, keeps its time, and goes', () => {
    const failure = { reason: 'FailedCreate', message: 'no', error: undefined } as const;
    const first = statusOf(set, [], NOW_MS, failure);
    expect(first.conditions).toEqual([
      {
        type: 'ReplicaFailure',
        status: 'True',
        reason: 'FailedCreate',
        message: 'no',
        lastTransitionTime: '2015-11-09T00:00:00Z',
      },
    ]);
    const again = statusOf({ ...set, status: first }, [], NOW_MS + 60_000, failure);
    expect(again.conditions).toEqual(first.conditions);
    expect(statusOf({ ...set, status: first }, [], NOW_MS)).not.toHaveProperty('conditions');
  });
});

test('slowStart() doubles its batches and stops at the first that fails', async () => {
  let tries = 0;
  const result = await slowStart(20, async (index) => {
    tries++;
    if (index >= 2) throw new Error(`refused ${index}`);
  });
  expect([result.succeeded, tries, String(result.error)]).toEqual([2, 3, 'Error: refused 2']);
  expect(await slowStart(20, async () => {})).toEqual({ succeeded: 20 });
});

test('a replication controller whose selector is empty selects nothing', () => {
  const { spec } = asReplicaSet({ spec: { selector: {} } });
  expect(spec?.selector).toEqual({
    matchExpressions: [{ key: 'none', operator: 'In', values: [] }],
  });
});

const RC = {
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 0, selector: { app: 'web' }, template: workload().template },
};
const ref = { name: 'web', namespace: 'default' };

describe('on the real API server', () => {
  test('0 → 20 → 5 with the controller killed on the way both times ends exact', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const scale = (replicas: number) =>
      client.patch(
        resources.replicationControllers,
        ref,
        { spec: { replicas } },
        { type: 'merge', subresource: 'scale' },
      );
    let most = 0;
    cluster.playKubelet((all) => {
      most = Math.max(most, all.filter(isPodActive).length);
    });
    await client.create(resources.replicationControllers, RC);
    let stop = cluster.start({ controllers: ['replicationcontroller-controller'] });
    await scale(20);
    await expect
      .poll(async () => (await cluster.pods()).length, { interval: 1 })
      .toBeGreaterThan(2);
    await stop();
    stop = cluster.start({ controllers: ['replicationcontroller-controller'] });
    const status = async () => (await client.get(resources.replicationControllers, ref)).status;
    await expect
      .poll(status, WAIT)
      .toMatchObject({ replicas: 20, readyReplicas: 20, availableReplicas: 20 });
    expect(await cluster.pods()).toHaveLength(20);
    await scale(5);
    await expect.poll(async () => (await cluster.pods()).length, { interval: 1 }).toBeLessThan(20);
    await stop();
    cluster.start({ controllers: ['replicationcontroller-controller'] });
    await expect.poll(status, WAIT).toMatchObject({ replicas: 5, readyReplicas: 5 });
    expect((await cluster.pods()).filter(isPodActive)).toHaveLength(5);
    expect(most).toBe(20);
  });

  test('a replica set adopts orphans, releases strays, replaces what is deleted, and says so in events', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.playKubelet();
    const { template, selector } = workload();
    await client.create(resources.pods, {
      ...template,
      metadata: { name: 'orphan', namespace: 'default', labels: { app: 'web' } },
    });
    cluster.start();
    await client.create(resources.replicaSets, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 2, selector, template },
    });
    await eventually(
      async () => (await client.get(resources.replicaSets, ref)).status?.readyReplicas,
      2,
    );
    expect(namesOf(await cluster.pods())).toContain('orphan');
    await client.patch(
      resources.pods,
      { name: 'orphan', namespace: 'default' },
      { metadata: { labels: { app: 'other' } } },
      { type: 'merge' },
    );
    await eventually(async () => (await cluster.pods('app=web')).length, 2);
    const stray = await client.get(resources.pods, { name: 'orphan', namespace: 'default' });
    expect(stray.metadata?.ownerReferences).toBeUndefined();
    const [victim] = await cluster.pods('app=web');
    await client.delete(resources.pods, {
      name: victim?.metadata?.name ?? '',
      namespace: 'default',
    });
    await eventually(async () => {
      const names = namesOf(await cluster.pods('app=web'));
      return names.length === 2 && !names.includes(victim?.metadata?.name ?? '');
    }, true);
    const reasons = async () =>
      (await client.list(resources.events)).items.map(({ reason }) => reason);
    await expect.poll(reasons).toContain('SuccessfulCreate');
  });
});

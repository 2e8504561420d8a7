// Garbage: who goes when an owner goes, in the three ways to delete; and Pods that nobody else would remove.
import { type KubernetesObject, resources } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type CollectPlan, type OwnerState, plan } from '../src/garbage-plan.ts';
import { plan as planPods } from '../src/pod-garbage-collector.ts';
import {
  eventually,
  isGone,
  namesOf,
  node,
  pod,
  referenceTo,
  startCluster,
  type TestCluster,
} from './support.ts';

const deleted = '2015-11-09T00:00:00Z';
const parent: KubernetesObject = { kind: 'ConfigMap', metadata: { name: 'parent', uid: 'p' } };
const child: KubernetesObject = {
  kind: 'ConfigMap',
  metadata: { name: 'child', uid: 'c', ownerReferences: [referenceTo(parent)] },
};
const loose: KubernetesObject = {
  metadata: {
    name: 'loose',
    uid: 'l',
    ownerReferences: [{ ...referenceTo(parent), blockOwnerDeletion: false }],
  },
};
const going = (...finalizers: string[]) => ({
  ...parent,
  metadata: { ...parent.metadata, deletionTimestamp: deleted, finalizers },
});

describe('plan()', () => {
  test.each<{
    name: string;
    object?: KubernetesObject;
    owners?: OwnerState[];
    dependents?: KubernetesObject[];
    want: CollectPlan;
  }>([
    { name: 'an object without owners stays', want: { kind: 'none' } },
    { name: 'one whose owner is there stays', owners: ['solid'], want: { kind: 'none' } },
    {
      name: 'one whose owner is gone follows',
      owners: ['absent'],
      want: { kind: 'delete', propagationPolicy: 'Background' },
    },
    {
      name: 'one of two owners is gone: only the reference goes',
      owners: ['solid', 'absent'],
      want: { kind: 'dropOwners', uids: ['owner-1'] },
    },
    {
      name: 'the owner waits for it',
      owners: ['waiting'],
      want: { kind: 'delete', propagationPolicy: 'Background' },
    },
    {
      name: 'and its own dependents go first',
      owners: ['waiting'],
      dependents: [child],
      want: { kind: 'delete', propagationPolicy: 'Foreground' },
    },
    {
      name: 'it asked to orphan',
      object: { metadata: { name: 'x', finalizers: ['orphan'] } },
      owners: ['absent'],
      want: { kind: 'delete', propagationPolicy: 'Orphan' },
    },
    {
      name: 'foreground: waits for a dependent that blocks',
      object: going('foregroundDeletion'),
      dependents: [child],
      want: { kind: 'wait', dependents: [child] },
    },
    {
      name: 'foreground: not for one that does not',
      object: going('foregroundDeletion'),
      dependents: [loose],
      want: { kind: 'removeFinalizer', finalizer: 'foregroundDeletion' },
    },
    {
      name: 'orphan: lets the dependents go',
      object: going('orphan'),
      dependents: [child],
      want: { kind: 'orphanDependents' },
    },
    {
      name: 'orphan: then itself',
      object: going('orphan'),
      want: { kind: 'removeFinalizer', finalizer: 'orphan' },
    },
    { name: 'others’ finalizers are none of ours', object: going('mine'), want: { kind: 'none' } },
  ])('$name', ({ object = child, owners = [], dependents = [], want }) => {
    const states = owners.map((state, index) => ({ uid: `owner-${index}`, state }));
    expect(plan(object, states, dependents)).toEqual(want);
  });
});

describe('planPods()', () => {
  const finished = (name: string, created: string) =>
    pod({ name, phase: 'Succeeded', created, node: 'a' });
  test.each<{ name: string; pods: Pod[]; want: string[] }>([
    {
      name: 'Pods of nodes that are gone',
      pods: [pod({ name: 'x', node: 'gone' }), pod({ name: 'y', node: 'a' })],
      want: ['x orphaned'],
    },
    {
      name: 'deleted before they had a node',
      pods: [pod({ name: 'x', deleting: true }), pod({ name: 'y', deleting: true, node: 'a' })],
      want: ['x unscheduled'],
    },
    {
      name: 'the oldest of too many that ended',
      pods: [
        finished('new', '2015-11-09T02:00:00Z'),
        finished('old', '2015-11-09T01:00:00Z'),
        finished('mid', '2015-11-09T01:30:00Z'),
      ],
      want: ['old terminated'],
    },
  ])('$name', ({ pods, want }) => {
    const garbage = planPods(pods, new Set(['gone']), 2);
    expect(garbage.map(({ pod: each, reason }) => `${each.metadata?.name} ${reason}`)).toEqual(
      want,
    );
  });
});

const at = (name: string) => ({ name, namespace: 'default' });

/** grandparent → parent → child. */
async function family({ client }: TestCluster): Promise<void> {
  let owner: KubernetesObject | undefined;
  for (const name of ['grandparent', 'parent', 'child']) {
    const ownerReferences = owner === undefined ? [] : [referenceTo(owner)];
    owner = await client.create(resources.configMaps, {
      metadata: { ...at(name), ownerReferences },
    });
  }
}

describe('on the real API server', () => {
  test.each(['Background', 'Foreground'] as const)(
    '%s: a whole family goes',
    async (propagationPolicy) => {
      await using cluster = await startCluster();
      cluster.start({ controllers: ['garbage-collector-controller'] });
      await family(cluster);
      await cluster.client.delete(resources.configMaps, at('grandparent'), { propagationPolicy });
      await eventually(
        async () =>
          namesOf(
            (await cluster.client.list(resources.configMaps, { namespace: 'default' })).items,
          ),
        [],
      );
    },
  );

  test('Foreground: the owner stays until what blocks it is gone', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.start({ controllers: ['garbage-collector-controller'] });
    await family(cluster);
    const hold = (finalizers: string[] | null) =>
      client.patch(
        resources.configMaps,
        at('child'),
        { metadata: { finalizers } },
        { type: 'merge' },
      );
    await hold(['lab.example/hold']);
    await client.delete(resources.configMaps, at('grandparent'), {
      propagationPolicy: 'Foreground',
    });
    const marked = async () =>
      (await client.get(resources.configMaps, at('child'))).metadata?.deletionTimestamp !==
      undefined;
    await eventually(marked, true);
    const { items } = await client.list(resources.configMaps, { namespace: 'default' });
    expect(namesOf(items)).toEqual(['child', 'grandparent', 'parent']);
    await hold(null);
    await eventually(() => isGone(client.get(resources.configMaps, at('grandparent'))), true);
  });

  test('Orphan: the children stay and forget their parent', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.start({ controllers: ['garbage-collector-controller'] });
    await family(cluster);
    await client.delete(resources.configMaps, at('grandparent'), { propagationPolicy: 'Orphan' });
    await eventually(() => isGone(client.get(resources.configMaps, at('grandparent'))), true);
    expect(
      (await client.get(resources.configMaps, at('parent'))).metadata?.ownerReferences,
    ).toBeUndefined();
    expect(await isGone(client.get(resources.configMaps, at('child')))).toBe(false);
  });

  test('an owner is its uid: a namesake does not count, a kind that is not served is believed', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const owner = await client.create(resources.configMaps, { metadata: at('owner') });
    const foreign = { apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: 'some-uid' };
    const namesake = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'another-uid' };
    await client.create(resources.configMaps, {
      metadata: { ...at('believed'), ownerReferences: [foreign] },
    });
    await client.create(resources.configMaps, {
      metadata: { ...at('both'), ownerReferences: [referenceTo(owner), namesake] },
    });
    await client.create(resources.configMaps, {
      metadata: { ...at('lost'), ownerReferences: [namesake] },
    });
    cluster.start({ controllers: ['garbage-collector-controller'] });
    await eventually(() => isGone(client.get(resources.configMaps, at('lost'))), true);
    const uids = async () =>
      (await client.get(resources.configMaps, at('both'))).metadata?.ownerReferences?.map(
        ({ uid }) => uid,
      );
    await eventually(uids, [owner.metadata?.uid]);
    expect(await isGone(client.get(resources.configMaps, at('believed')))).toBe(false);
  });

  test('Pods of a node that was deleted are removed without grace', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await client.create(resources.nodes, node({ name: 'a' }));
    await client.create(resources.nodes, node({ name: 'b' }));
    for (const nodeName of ['a', 'b']) {
      const spec = { nodeName, containers: [{ name: 'main', image: 'demo' }] };
      await client.create(resources.pods, { metadata: at(`on-${nodeName}`), spec });
    }
    const options = {
      controllers: ['pod-garbage-collector-controller'],
      podGcPeriodMs: 50,
      podGcQuarantineMs: 100,
    };
    cluster.start(options);
    await client.delete(resources.nodes, { name: 'a' });
    await eventually(async () => namesOf(await cluster.pods()), ['on-b']);
  });
});

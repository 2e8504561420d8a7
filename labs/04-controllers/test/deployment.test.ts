// Deployments: the arithmetic of a rollout as tables, then rollouts on the real API server.
import { resources } from '@kube-labs/apiserver';
import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import { describe, expect, test } from 'vitest';
import { plan } from '../src/deployment-plan.ts';
import { newReplicaSet, planCleanup, REVISION, splitSets } from '../src/deployment-revision.ts';
import {
  bounds,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  planRollout,
  planScale,
} from '../src/deployment-scaling.ts';
import { deploymentStatus } from '../src/deployment-status.ts';
import { isPodActive, isPodReady } from '../src/pod-state.ts';
import { eventually, NOW_MS, startCluster, type TestCluster, workload } from './support.ts';

interface Size {
  readonly name?: string;
  readonly wants: number;
  readonly has?: number;
  readonly available?: number;
  readonly desired?: number;
  readonly max?: number;
  readonly revision?: number;
}

function set({ name = 'set', wants, has = wants, available = has, ...rest }: Size): ReplicaSet {
  const annotations: Record<string, string> = {};
  if (rest.desired !== undefined) annotations[DESIRED_REPLICAS] = `${rest.desired}`;
  if (rest.max !== undefined) annotations[MAX_REPLICAS] = `${rest.max}`;
  if (rest.revision !== undefined) annotations[REVISION] = `${rest.revision}`;
  return {
    metadata: { name, generation: 1, annotations, creationTimestamp: '2015-11-09T00:00:00Z' },
    spec: { replicas: wants, ...workload('web', name) },
    status: {
      replicas: has,
      readyReplicas: available,
      availableReplicas: available,
      observedGeneration: 1,
    },
  };
}

function deployment(spec: Partial<Deployment['spec']> = {}): Deployment {
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web', generation: 2 },
    spec: {
      replicas: 3,
      ...workload(),
      strategy: { type: 'RollingUpdate', rollingUpdate },
      ...spec,
    },
  };
}

const sizes = (scalings: readonly { replicaSet: ReplicaSet; replicas: number }[]) =>
  Object.fromEntries(
    scalings.map(({ replicaSet, replicas }) => [replicaSet.metadata?.name, replicas]),
  );

describe('bounds()', () => {
  test.each([
    { replicas: 10, maxSurge: '25%', maxUnavailable: '25%', want: { surge: 3, unavailable: 2 } },
    { replicas: 3, maxSurge: 1, maxUnavailable: 0, want: { surge: 1, unavailable: 0 } },
    { replicas: 1, maxSurge: 0, maxUnavailable: '25%', want: { surge: 0, unavailable: 1 } },
    { replicas: 2, maxSurge: 0, maxUnavailable: 5, want: { surge: 0, unavailable: 2 } },
  ])(
    '$replicas replicas, $maxSurge surge, $maxUnavailable unavailable',
    ({ replicas, want, ...rollingUpdate }) => {
      expect(
        bounds(deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate } })),
      ).toEqual(want);
    },
  );
});

describe('planRollout()', () => {
  test.each([
    {
      name: 'first grows the new set into the surge',
      now: set({ name: 'new', wants: 0 }),
      old: set({ name: 'old', wants: 3 }),
      want: { new: 1 },
    },
    {
      name: 'waits while the new Pod is not available',
      now: set({ name: 'new', wants: 1, available: 0 }),
      old: set({ name: 'old', wants: 3 }),
      want: {},
    },
    {
      name: 'shrinks the old set when it is',
      now: set({ name: 'new', wants: 1 }),
      old: set({ name: 'old', wants: 3 }),
      want: { old: 2 },
    },
    {
      name: 'grows again into the room',
      now: set({ name: 'new', wants: 1 }),
      old: set({ name: 'old', wants: 2 }),
      want: { new: 2 },
    },
    {
      name: 'gives up broken old Pods first',
      now: set({ name: 'new', wants: 1, available: 0 }),
      old: set({ name: 'old', wants: 3, available: 1 }),
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 2 } },
      },
      want: { old: 1 },
    },
    {
      name: 'is done',
      now: set({ name: 'new', wants: 3 }),
      old: set({ name: 'old', wants: 0 }),
      want: {},
    },
    {
      name: 'Recreate empties the old set first',
      now: set({ name: 'new', wants: 0 }),
      old: set({ name: 'old', wants: 3 }),
      spec: { strategy: { type: 'Recreate' } },
      want: { old: 0 },
    },
  ])('$name', ({ now, old, spec, want }) => {
    expect(sizes(planRollout(deployment(spec), { newSet: now, oldSets: [old] }))).toEqual(want);
  });
});

describe('planScale()', () => {
  const annotated = { desired: 10, max: 13 };
  test.each([
    {
      name: 'the only active set takes the new size',
      replicas: 5,
      sets: [set({ name: 'new', wants: 3 })],
      want: { new: 5 },
    },
    {
      name: 'two sets share by their sizes',
      replicas: 20,
      sets: [
        set({ name: 'new', wants: 5, ...annotated }),
        set({ name: 'old', wants: 8, ...annotated }),
      ],
      want: { new: 10, old: 15 },
    },
    {
      name: 'down as well',
      replicas: 5,
      sets: [
        set({ name: 'new', wants: 5, ...annotated }),
        set({ name: 'old', wants: 8, ...annotated }),
      ],
      want: { new: 3, old: 4 },
    },
    {
      name: 'to nothing',
      replicas: 0,
      sets: [
        set({ name: 'new', wants: 5, ...annotated }),
        set({ name: 'old', wants: 8, ...annotated }),
      ],
      want: { new: 0, old: 0 },
    },
  ])('$name', ({ replicas, sets: [newSet, ...oldSets], want }) => {
    const strategy = {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
    };
    expect(
      sizes(
        planScale(deployment({ replicas, strategy }), { newSet: newSet as ReplicaSet, oldSets }),
      ),
    ).toEqual(want);
  });
});

describe('plan()', () => {
  test('creates the first set at full size, and later ones at the size of the surge', () => {
    const first = plan(deployment(), { oldSets: [] }, false);
    expect(first).toMatchObject({ kind: 'create', replicaSet: { spec: { replicas: 3 } } });
    const second = plan(
      deployment(),
      { oldSets: [set({ name: 'old', wants: 3, revision: 1 })] },
      false,
    );
    expect(second).toMatchObject({
      kind: 'create',
      replicaSet: { spec: { replicas: 1 }, metadata: { annotations: { [REVISION]: '2' } } },
    });
  });

  test('Recreate waits until the last old Pod is gone', () => {
    const recreate = deployment({ strategy: { type: 'Recreate' } });
    const oldSets = [set({ name: 'old', wants: 0 })];
    expect(plan(recreate, { oldSets }, true)).toEqual({ kind: 'wait' });
    expect(plan(recreate, { oldSets }, false)).toMatchObject({ kind: 'create' });
  });

  test('a paused Deployment is resized and nothing else', () => {
    const paused = deployment({ paused: true, replicas: 5 });
    const newSet = set({ name: 'old', wants: 3, desired: 3, revision: 1 });
    expect(plan(paused, { oldSets: [newSet] }, false)).toMatchObject({
      kind: 'scale',
      scalings: [{ replicas: 5 }],
    });
    expect(
      plan(deployment({ paused: true }), { oldSets: [set({ wants: 3, desired: 3 })] }, false),
    ).toEqual({ kind: 'wait' });
  });

  test('splitSets() finds the new set by its template, not by its name', () => {
    const owner = deployment();
    const made = newReplicaSet(owner, []);
    expect(made.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]+$/);
    expect(splitSets(owner, [set({ wants: 1 }), made]).newSet).toBe(made);
  });

  test('planCleanup() keeps revisionHistoryLimit old sets and never one with Pods', () => {
    const old = [1, 2, 3, 4].map((revision) =>
      set({ name: `r${revision}`, wants: revision === 1 ? 1 : 0, revision }),
    );
    const names = planCleanup(deployment({ revisionHistoryLimit: 1 }), old).map(
      ({ metadata }) => metadata?.name,
    );
    expect(names).toEqual(['r2', 'r3']);
  });
});

describe('deploymentStatus()', () => {
  const progressing = (status: Deployment['status']) =>
    status?.conditions?.find(({ type }) => type === 'Progressing');

  test('a rollout that stands still is out of time after progressDeadlineSeconds', () => {
    const before: Deployment = deployment({ progressDeadlineSeconds: 60 });
    const newSet = set({ name: 'new', wants: 3, available: 0 });
    const first = deploymentStatus(before, { newSet, oldSets: [] }, NOW_MS);
    expect(progressing(first)).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
    const still = deploymentStatus(
      { ...before, status: first },
      { newSet, oldSets: [] },
      NOW_MS + 60_000,
    );
    expect(progressing(still)).toMatchObject({ reason: 'ReplicaSetUpdated' });
    const late = deploymentStatus(
      { ...before, status: first },
      { newSet, oldSets: [] },
      NOW_MS + 61_000,
    );
    expect(progressing(late)).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
    });
    const healed = deploymentStatus(
      { ...before, status: late },
      { newSet: set({ name: 'new', wants: 3 }), oldSets: [] },
      NOW_MS + 90_000,
    );
    expect(progressing(healed)).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  test.each([
    { available: 3, want: 'MinimumReplicasAvailable' },
    { available: 2, want: 'MinimumReplicasUnavailable' },
  ])('with $available of 3 it is $want', ({ available, want }) => {
    const status = deploymentStatus(
      deployment(),
      { newSet: set({ wants: 3, available }), oldSets: [] },
      NOW_MS,
    );
    expect(status.conditions?.find(({ type }) => type === 'Available')?.reason).toBe(want);
  });
});

const ref = { name: 'web', namespace: 'default' };

async function deploy(
  { client }: TestCluster,
  spec: Partial<Deployment['spec']> = {},
): Promise<void> {
  await client.create(resources.deployments, {
    metadata: ref,
    spec: { replicas: 4, ...workload(), ...spec },
  });
}

function setImage({ client }: TestCluster, image: string) {
  const patch = { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
  return client.patch(resources.deployments, ref, patch, { type: 'strategic' });
}

async function complete(cluster: TestCluster, replicas: number): Promise<void> {
  const isComplete = async () => {
    const { metadata, status = {} } = await cluster.client.get(resources.deployments, ref);
    const { updatedReplicas, readyReplicas, availableReplicas } = status;
    const observed = status.observedGeneration === metadata?.generation;
    return observed && [status.replicas, updatedReplicas, readyReplicas, availableReplicas];
  };
  await eventually(isComplete, Array(4).fill(replicas));
}

async function revisions({ client }: TestCluster): Promise<Record<string, unknown[]>> {
  const { items } = await client.list(resources.replicaSets, { namespace: 'default' });
  return Object.fromEntries(
    items.map(({ metadata, spec }) => [
      metadata?.annotations?.[REVISION] ?? '',
      [spec?.template?.spec?.containers[0]?.image, spec?.replicas],
    ]),
  );
}

describe('on the real API server', () => {
  test('a rolling update keeps its bounds all the way, and can be undone', async () => {
    await using cluster = await startCluster();
    const seen = { fewestReady: 99, most: 0 };
    let watching = false;
    cluster.playKubelet((pods) => {
      if (!watching) return;
      const active = pods.filter(isPodActive);
      seen.fewestReady = Math.min(seen.fewestReady, active.filter(isPodReady).length);
      seen.most = Math.max(seen.most, active.length);
    });
    cluster.start();
    await deploy(cluster, {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
    });
    await complete(cluster, 4);
    watching = true;
    await setImage(cluster, 'demo:2');
    await complete(cluster, 4);
    expect(seen.fewestReady).toBeGreaterThanOrEqual(3);
    expect(seen.most).toBeLessThanOrEqual(5);
    expect(await revisions(cluster)).toEqual({ 1: ['demo:1', 0], 2: ['demo:2', 4] });
    await setImage(cluster, 'demo:1');
    await eventually(() => revisions(cluster), { 2: ['demo:2', 0], 3: ['demo:1', 4] });
    await eventually(
      async () =>
        (await cluster.client.get(resources.deployments, ref)).metadata?.annotations?.[REVISION],
      '3',
    );
    const messages = async () => {
      const options = { fieldSelector: 'reason=ScalingReplicaSet' };
      const { items } = await cluster.client.list(resources.events, options);
      return items.map(({ message }) => message);
    };
    await expect
      .poll(messages)
      .toContainEqual(expect.stringMatching(/^Scaled up replica set web-\w+ from 0 to 4$/));
  });

  test('Recreate never runs two versions at once; old sets beyond the limit go', async () => {
    await using cluster = await startCluster();
    let mixed = false;
    cluster.playKubelet((pods) => {
      const images = new Set(pods.map(({ spec }) => spec?.containers[0]?.image));
      mixed ||= images.size > 1;
    });
    cluster.start();
    await deploy(cluster, { strategy: { type: 'Recreate' }, revisionHistoryLimit: 1 });
    await complete(cluster, 4);
    for (const image of ['demo:2', 'demo:3']) {
      await setImage(cluster, image);
      await eventually(
        async () =>
          Object.values(await revisions(cluster)).some(
            ([name, size]) => name === image && size === 4,
          ),
        true,
      );
      await complete(cluster, 4);
    }
    expect(mixed).toBe(false);
    await eventually(() => revisions(cluster), { 2: ['demo:2', 0], 3: ['demo:3', 4] });
  });

  test('a paused Deployment does not roll out until it is resumed, but scales', async () => {
    await using cluster = await startCluster();
    cluster.playKubelet();
    cluster.start();
    await deploy(cluster, { paused: false });
    await complete(cluster, 4);
    await cluster.client.patch(
      resources.deployments,
      ref,
      { spec: { paused: true, replicas: 2 } },
      { type: 'merge' },
    );
    await setImage(cluster, 'demo:2');
    await eventually(() => revisions(cluster), { 1: ['demo:1', 2] });
    const reason = async () => {
      const { status } = await cluster.client.get(resources.deployments, ref);
      return status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
    };
    await eventually(reason, 'DeploymentPaused');
    await cluster.client.patch(
      resources.deployments,
      ref,
      { spec: { paused: false } },
      { type: 'merge' },
    );
    await eventually(() => revisions(cluster), { 1: ['demo:1', 0], 2: ['demo:2', 2] });
  });
});

// Daemon sets: which node gets a Pod, as tables, then nodes that come, go and are tainted on the real API server.
import { resources } from '@kube-labs/apiserver';
import type { DaemonSet } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { plan, statusOf } from '../src/daemon-plan.ts';
import { daemonPodFor, fitOf, REVISION_HASH, targetNodeOf } from '../src/daemon-pod.ts';
import { eventually, NOW_MS, namesOf, node, pod, startCluster, workload } from './support.ts';

const set = (spec: Partial<NonNullable<DaemonSet['spec']>> = {}): DaemonSet => ({
  metadata: { name: 'agent', namespace: 'default', uid: 'uid-agent', generation: 1 },
  spec: { ...workload('agent'), ...spec },
});
const withPodSpec = (extra: object): DaemonSet => {
  const { selector, template } = workload('agent');
  return set({ selector, template: { ...template, spec: { ...template.spec, ...extra } } });
};
const taint = (effect: string, key = 'gpu') => ({ key, effect });

describe('fitOf()', () => {
  test.each<{ name: string; set?: DaemonSet; node: Node; want: [boolean, boolean] }>([
    { name: 'any node', node: node(), want: [true, true] },
    {
      name: 'nodeSelector',
      set: withPodSpec({ nodeSelector: { disk: 'ssd' } }),
      node: node(),
      want: [false, false],
    },
    {
      name: 'nodeSelector matches',
      set: withPodSpec({ nodeSelector: { disk: 'ssd' } }),
      node: node({ labels: { disk: 'ssd' } }),
      want: [true, true],
    },
    {
      name: 'NoSchedule keeps new ones away',
      node: node({ taints: [taint('NoSchedule')] }),
      want: [false, true],
    },
    {
      name: 'NoExecute drives off',
      node: node({ taints: [taint('NoExecute')] }),
      want: [false, false],
    },
    {
      name: 'an unreachable node keeps its own',
      node: node({ taints: [taint('NoExecute', 'node.kubernetes.io/unreachable')] }),
      want: [true, true],
    },
    {
      name: 'a cordon is no obstacle',
      node: node({ taints: [taint('NoSchedule', 'node.kubernetes.io/unschedulable')] }),
      want: [true, true],
    },
    {
      name: 'its own toleration',
      set: withPodSpec({ tolerations: [{ operator: 'Exists' }] }),
      node: node({ taints: [taint('NoExecute')] }),
      want: [true, true],
    },
    {
      name: 'required affinity',
      set: withPodSpec({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }],
            },
          },
        },
      }),
      node: node(),
      want: [false, false],
    },
  ])('$name', ({ set: subject = set(), node: on, want }) => {
    const { shouldRun, mayStay } = fitOf(subject, on);
    expect([shouldRun, mayStay]).toEqual(want);
  });
});

const nodes = ['a', 'b', 'c'].map((name) => node({ name }));
const facts = { hash: 'v2', nowMs: NOW_MS + 60_000 };
const on = (name: string, version = 'v2', rest: Parameters<typeof pod>[0] = {}): Pod =>
  pod({
    name: `on-${name}-${version}`,
    node: name,
    ready: true,
    labels: { [REVISION_HASH]: version },
    ...rest,
  });

describe('plan()', () => {
  test.each<{ name: string; pods: Pod[]; set?: DaemonSet; create?: string[]; remove?: string[] }>([
    { name: 'one on each node', pods: [], create: ['a', 'b', 'c'] },
    { name: 'only where it is missing', pods: [on('a'), on('c')], create: ['b'] },
    {
      name: 'nothing beside one that is stopping',
      pods: [on('a'), on('b', 'v2', { deleting: true }), on('c')],
    },
    {
      name: 'a failed one is replaced',
      pods: [on('a', 'v2', { phase: 'Failed' }), on('b'), on('c')],
      remove: ['on-a-v2'],
    },
    {
      name: 'of two on a node the younger goes',
      pods: [on('a'), on('a', 'x', { created: '2015-11-09T01:00:00Z' }), on('b'), on('c')],
      remove: ['on-a-x'],
    },
    {
      name: 'one that was meant for a lost node goes',
      pods: [
        on('a'),
        on('b'),
        on('c'),
        { ...daemonPodFor(set(), 'gone', 'v2'), metadata: { name: 'lost' } },
      ],
      remove: ['lost'],
    },
    {
      name: 'an update takes one at a time',
      pods: [on('a', 'v1'), on('b', 'v1'), on('c', 'v1')],
      remove: ['on-a-v1'],
    },
    {
      name: 'an update waits for the new one',
      pods: [on('a', 'v2', { ready: false }), on('b', 'v1'), on('c', 'v1')],
    },
    {
      name: 'what does not work is updated at once',
      pods: [on('a', 'v1', { ready: false }), on('b', 'v1', { ready: false }), on('c', 'v1')],
      remove: ['on-a-v1', 'on-b-v1'],
    },
    {
      name: 'OnDelete leaves it to people',
      set: set({ updateStrategy: { type: 'OnDelete' } }),
      pods: [on('a', 'v1'), on('b', 'v1'), on('c', 'v1')],
    },
    {
      name: 'two at a time',
      set: set({
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%' } },
      }),
      pods: [on('a', 'v1'), on('b', 'v1'), on('c', 'v1')],
      remove: ['on-a-v1', 'on-b-v1'],
    },
  ])('$name', ({ pods, set: subject = set(), create = [], remove = [] }) => {
    const next = plan(subject, nodes, pods, facts);
    expect([next.create, namesOf(next.delete)]).toEqual([create, remove]);
  });
});

test('statusOf() counts places, not Pods', () => {
  const tainted = [...nodes, node({ name: 'd', taints: [taint('NoSchedule')] })];
  const pods = [on('a'), on('b', 'v1'), on('b', 'x'), on('c', 'v2', { ready: false }), on('d')];
  expect(statusOf(set(), tainted, pods, facts)).toEqual({
    observedGeneration: 1,
    desiredNumberScheduled: 3,
    currentNumberScheduled: 3,
    numberMisscheduled: 1,
    numberReady: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
    numberUnavailable: 1,
  });
});

describe('on the real API server', () => {
  const ref = { name: 'agent', namespace: 'default' };
  test('follows nodes as they come, go and are tainted, and rolls out a new template', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.playKubelet();
    cluster.start({ controllers: ['daemonset-controller', 'garbage-collector-controller'] });
    const { template, selector } = workload('agent');
    await client.create(resources.daemonSets, { metadata: ref, spec: { selector, template } });
    for (const name of ['a', 'b', 'c']) await client.create(resources.nodes, node({ name }));
    const targets = async () => (await cluster.pods('app=agent')).map(targetNodeOf).sort();
    await eventually(targets, ['a', 'b', 'c']);
    const [one] = await cluster.pods('app=agent');
    expect(one?.spec?.tolerations).toContainEqual({
      key: 'node.kubernetes.io/unreachable',
      operator: 'Exists',
      effect: 'NoExecute',
    });
    await client.patch(
      resources.nodes,
      { name: 'b' },
      { spec: { taints: [taint('NoExecute')] } },
      { type: 'merge' },
    );
    await eventually(targets, ['a', 'c']);
    await client.delete(resources.nodes, { name: 'c' });
    await client.create(resources.nodes, node({ name: 'd' }));
    await eventually(targets, ['a', 'd']);
    const image = {
      spec: { template: { spec: { containers: [{ name: 'main', image: 'demo:2' }] } } },
    };
    await client.patch(resources.daemonSets, ref, image, { type: 'strategic' });
    await eventually(
      async () => (await cluster.pods('app=agent')).map(({ spec }) => spec?.containers[0]?.image),
      ['demo:2', 'demo:2'],
    );
    const status = async () => (await client.get(resources.daemonSets, ref)).status;
    await expect.poll(status, { timeout: 60_000 }).toMatchObject({
      desiredNumberScheduled: 2,
      numberReady: 2,
      updatedNumberScheduled: 2,
      observedGeneration: 2,
    });
    await client.delete(resources.daemonSets, ref, { propagationPolicy: 'Background' });
    await eventually(targets, []);
  });
});

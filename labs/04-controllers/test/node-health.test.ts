// Nodes: what silence means, as tables; then heartbeats that stop and come back, on the real API server with a clock in our hands.
import { FakeClock, resources } from '@kube-labs/apiserver';
import type { Taint } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { EvictionLimiter } from '../src/eviction-limiter.ts';
import { disruptionOf, planConditions, planTaints } from '../src/node-health.ts';
import { defaultOptions } from '../src/options.ts';
import { plan as planEviction } from '../src/taint-eviction.ts';
import { eventually, NOW_MS, node, pod, startCluster, type TestCluster } from './support.ts';

const short = (taints: readonly Taint[] | undefined) =>
  taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`).sort();
const taint = (key: string, effect: string): Taint => ({
  key: key.includes('/') ? key : `node.kubernetes.io/${key}`,
  effect,
});

describe('planTaints()', () => {
  const unreachable = [taint('unreachable', 'NoExecute'), taint('unreachable', 'NoSchedule')];
  test.each([
    { name: 'none for a ready node', ready: 'True', want: undefined },
    { name: 'none for one that has not spoken', want: undefined },
    {
      name: 'both when it is silent',
      ready: 'Unknown',
      want: ['unreachable:NoExecute', 'unreachable:NoSchedule'],
    },
    {
      name: 'both when it says no',
      ready: 'False',
      want: ['not-ready:NoExecute', 'not-ready:NoSchedule'],
    },
    {
      name: 'not the second while evictions are held',
      ready: 'Unknown',
      execution: 'hold',
      want: ['unreachable:NoSchedule'],
    },
    {
      name: 'which stays if it is there',
      ready: 'Unknown',
      execution: 'hold',
      taints: unreachable,
      want: undefined,
    },
    {
      name: 'and goes when evictions are cancelled',
      ready: 'Unknown',
      execution: 'cancel',
      taints: unreachable,
      want: ['unreachable:NoSchedule'],
    },
    {
      name: 'changes its name with the reason',
      ready: 'False',
      execution: 'hold',
      taints: unreachable,
      want: ['not-ready:NoExecute', 'not-ready:NoSchedule'],
    },
    {
      name: 'all go when it is back, others’ stay',
      ready: 'True',
      taints: [...unreachable, taint('example.com/gpu', 'NoSchedule')],
      want: ['example.com/gpu:NoSchedule'],
    },
    { name: 'a cordon', ready: 'True', unschedulable: true, want: ['unschedulable:NoSchedule'] },
  ] as const)('$name', ({ want, ...rest }) => {
    const execution = 'execution' in rest ? rest.execution : 'evict';
    const taints = 'taints' in rest ? [...rest.taints] : [];
    const subject = node({ ...rest, taints });
    expect(short(planTaints(subject, execution, NOW_MS))).toEqual(want);
  });
});

describe('planConditions()', () => {
  test('a kubelet that stopped, one that never began, and one of which that is known', () => {
    const stopped = planConditions(node({ ready: 'True' }), NOW_MS + 60_000);
    expect(stopped?.[0]).toEqual({
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastHeartbeatTime: '2015-11-09T00:00:00Z',
      lastTransitionTime: '2015-11-09T00:01:00Z',
    });
    expect(stopped?.[1]).toMatchObject({
      type: 'MemoryPressure',
      reason: 'NodeStatusNeverUpdated',
    });
    const known = { ...node(), status: { conditions: [...(stopped ?? [])] } };
    expect(planConditions(known, NOW_MS + 90_000)).toBeUndefined();
  });
});

describe('disruptionOf()', () => {
  test.each([
    ['True True True', 'normal'],
    ['True Unknown Unknown', 'normal'],
    ['True Unknown Unknown Unknown', 'partial'],
    ['False Unknown', 'full'],
    ['', 'normal'],
  ])('%s is %s', (readiness, want) => {
    const nodes = readiness
      .split(' ')
      .filter(Boolean)
      .map((ready) => node({ ready }));
    expect(disruptionOf(nodes, 0.55)).toBe(want);
  });
});

test('EvictionLimiter lets one node go every ten seconds, none in a small cluster that is half gone', () => {
  const limiter = new EvictionLimiter(defaultOptions);
  expect(limiter.mayEmpty(0, 3, 'normal')).toBe(true);
  limiter.emptied(0);
  expect([limiter.mayEmpty(9_999, 3, 'normal'), limiter.mayEmpty(10_000, 3, 'normal')]).toEqual([
    false,
    true,
  ]);
  expect([
    limiter.mayEmpty(10_000, 50, 'partial'),
    limiter.mayEmpty(99_999, 51, 'partial'),
  ]).toEqual([false, false]);
  expect([limiter.mayEmpty(100_000, 51, 'partial'), limiter.mayEmpty(100_000, 51, 'full')]).toEqual(
    [true, false],
  );
  expect([
    limiter.leftFullDisruption('full'),
    limiter.leftFullDisruption('normal'),
    limiter.leftFullDisruption('normal'),
  ]).toEqual([false, true, false]);
});

describe('planEviction()', () => {
  const added = { ...taint('unreachable', 'NoExecute'), timeAdded: '2015-11-09T00:00:10Z' };
  const toleration = (tolerationSeconds?: number) => ({
    ...{ key: added.key, operator: 'Exists', effect: 'NoExecute' },
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  });
  test.each([
    { name: 'no taint', taints: [], tolerations: [], want: { kind: 'stay' } },
    { name: 'not tolerated: at once', tolerations: [], want: { kind: 'evict', atMs: 0 } },
    { name: 'tolerated for ever', tolerations: [toleration()], want: { kind: 'stay' } },
    {
      name: 'counts from when the taint was added',
      tolerations: [toleration(300)],
      want: { kind: 'evict', atMs: NOW_MS + 310_000 },
    },
    {
      name: 'the shortest counts',
      tolerations: [toleration(300), toleration(5)],
      want: { kind: 'evict', atMs: NOW_MS + 15_000 },
    },
    {
      name: 'from when it was seen, else',
      taints: [taint('unreachable', 'NoExecute')],
      tolerations: [toleration(5)],
      want: { kind: 'evict', atMs: NOW_MS + 35_000 },
    },
    {
      name: 'of two taints the first to run out',
      taints: [added, taint('x', 'NoExecute')],
      tolerations: [toleration(300)],
      want: { kind: 'evict', atMs: 0 },
    },
  ])('$name', ({ taints = [added], tolerations, want }) => {
    expect(planEviction(pod({ spec: { tolerations } }), taints, NOW_MS + 30_000)).toEqual(want);
  });
});

const CONTROLLERS = ['node-lifecycle-controller', 'taint-eviction-controller'];

/** Two nodes that send heartbeats by our clock, and one Pod on the first. */
async function twoNodes(cluster: TestCluster, clock: FakeClock) {
  const { client } = cluster;
  const at = () => new Date(clock.now()).toISOString().replace('Z', '000Z');
  const alive = new Set(['a', 'b']);
  for (const name of alive) {
    await client.create(resources.nodes, node({ name, ready: 'True' }));
    await client.create(resources.leases, {
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, renewTime: at() },
    });
  }
  const containers = [{ name: 'main', image: 'demo' }];
  const placed = await client.create(resources.pods, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'a', containers },
  });
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2015-11-09T00:00:00Z' };
  await client.updateStatus(resources.pods, {
    ...placed,
    status: { phase: 'Running', podIP: '10.0.0.1', conditions: [ready] },
  });
  const beat = async () => {
    for (const name of alive) {
      await client.patch(
        resources.leases,
        { name, namespace: 'kube-node-lease' },
        { spec: { renewTime: at() } },
        { type: 'merge' },
      );
    }
  };
  /** Lets time go on, in steps of a second with heartbeats, until it is as it should be. Returns the seconds that took. */
  const until = async (holds: () => Promise<boolean>, secondsMax: number): Promise<number> => {
    for (let seconds = 0; seconds <= secondsMax; seconds++) {
      await beat();
      // What our processes do in a second of their clock they must have time to do in ours.
      for (let rest = 0; rest < 4; rest++) {
        clock.advance(250);
        await new Promise((resolve) => setImmediate(resolve));
        if (await holds()) return seconds;
      }
    }
    throw new Error(`not within ${secondsMax} s`);
  };
  return { alive, until };
}

function observe({ client }: TestCluster) {
  const nodeReady = async (name: string) => {
    const { status } = await client.get(resources.nodes, { name });
    return status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? '';
  };
  const taints = async (name: string) =>
    short((await client.get(resources.nodes, { name })).spec?.taints) ?? [];
  const web = () => client.get(resources.pods, { name: 'web', namespace: 'default' });
  const podReady = async () =>
    (await web()).status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const deleted = async () => (await web()).metadata?.deletionTimestamp !== undefined;
  const evictionEvents = async () => {
    const options = { fieldSelector: 'reason=TaintManagerEviction' };
    return (await client.list(resources.events, options)).items.map(({ message }) => message);
  };
  return { nodeReady, taints, podReady, deleted, evictionEvents };
}

describe('on the real API server', () => {
  test('a silent node becomes Unknown, its Pod not ready, and evicted after its toleration; a heartbeat takes it back', async () => {
    await using cluster = await startCluster();
    const clock = new FakeClock();
    const { alive, until } = await twoNodes(cluster, clock);
    const { nodeReady, taints, podReady, deleted, evictionEvents } = observe(cluster);
    cluster.start({ controllers: CONTROLLERS }, { clock });
    await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
    await until(async () => (await taints('a')).length === 0, 5);
    await expect(until(async () => (await nodeReady('a')) !== 'True', 90)).rejects.toThrow(
      'not within',
    );
    alive.delete('a');
    const silence = await until(async () => (await nodeReady('a')) === 'Unknown', 90);
    expect(silence).toBeGreaterThanOrEqual(35);
    expect(silence).toBeLessThanOrEqual(75);
    await until(async () => (await podReady()) === 'False', 5);
    await until(async () => (await taints('a')).length === 2, 15);
    expect(await taints('a')).toEqual(['unreachable:NoExecute', 'unreachable:NoSchedule']);
    expect([await nodeReady('b'), await taints('b'), await deleted()]).toEqual(['True', [], false]);
    const patience = await until(deleted, 320);
    expect(patience).toBeGreaterThanOrEqual(290);
    await eventually(evictionEvents, ['Marking for deletion Pod default/web']);
    alive.add('a');
    const back = node({ name: 'a', ready: 'True' });
    await cluster.client.patch(
      resources.nodes,
      { name: 'a' },
      { status: back.status },
      { type: 'merge', subresource: 'status' },
    );
    await until(async () => (await taints('a')).length === 0, 10);
  });

  test('when all nodes are silent nobody is evicted, and nothing is lost when they come back', async () => {
    await using cluster = await startCluster();
    const clock = new FakeClock();
    const { alive, until } = await twoNodes(cluster, clock);
    const { nodeReady, taints, deleted } = observe(cluster);
    cluster.start({ controllers: CONTROLLERS }, { clock });
    await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
    alive.clear();
    await until(
      async () => (await nodeReady('a')) === 'Unknown' && (await nodeReady('b')) === 'Unknown',
      60,
    );
    await until(async () => (await taints('a')).join() === 'unreachable:NoSchedule', 10);
    await expect(until(deleted, 320)).rejects.toThrow('not within');
    expect(await taints('b')).toEqual(['unreachable:NoSchedule']);
    for (const name of ['a', 'b']) {
      alive.add(name);
      const { status } = node({ name, ready: 'True' });
      const options = { type: 'merge', subresource: 'status' } as const;
      await cluster.client.patch(resources.nodes, { name }, { status }, options);
    }
    await until(async () => [...(await taints('a')), ...(await taints('b'))].length === 0, 20);
    expect(await deleted()).toBe(false);
  });

  test('a cordon becomes a taint; an eviction that is no longer due is cancelled', async () => {
    await using cluster = await startCluster();
    const clock = new FakeClock();
    const { until } = await twoNodes(cluster, clock);
    const { taints, deleted, evictionEvents } = observe(cluster);
    cluster.start({ controllers: CONTROLLERS }, { clock });
    await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
    const cordon = (unschedulable: boolean | null) =>
      cluster.client.patch(
        resources.nodes,
        { name: 'b' },
        { spec: { unschedulable } },
        { type: 'merge' },
      );
    await cordon(true);
    await until(async () => (await taints('b')).join() === 'unschedulable:NoSchedule', 5);
    await cordon(null);
    await until(async () => (await taints('b')).length === 0, 5);
    const ready = (status: string) =>
      cluster.client.patch(
        resources.nodes,
        { name: 'a' },
        { status: node({ ready: status }).status },
        { type: 'merge', subresource: 'status' },
      );
    await ready('False');
    await until(async () => (await taints('a')).includes('not-ready:NoExecute'), 20);
    await ready('True');
    await until(async () => (await taints('a')).length === 0, 10);
    await expect(until(deleted, 310)).rejects.toThrow('not within');
    await eventually(evictionEvents, ['Cancelling deletion of Pod default/web']);
  });
});

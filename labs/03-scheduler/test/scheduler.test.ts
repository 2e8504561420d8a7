// The scheduler on the real API server: what a person would see with kubectl.
import { type Client, resources, startTestApiServer } from '@kube-labs/apiserver';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Scheduler, type SchedulerOptions } from '../src/scheduler.ts';
import { node, type PodOptions, pod, seeded } from './support.ts';

const WAIT = { timeout: 60_000, interval: 20 };

let server: Awaited<ReturnType<typeof startTestApiServer>>;
let client: Client;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  server = await startTestApiServer();
  client = server.client();
  stops = [];
});

afterEach(async () => {
  for (const stop of stops) await stop();
  await server[Symbol.asyncDispose]();
});

/** A scheduler with a connection of its own, as a process would have. */
function startScheduler(options: SchedulerOptions = {}) {
  const own = server.client();
  const controller = new AbortController();
  const scheduler = new Scheduler(own, { random: seeded(1), ...options });
  const running = scheduler.run(controller.signal);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      controller.abort();
      await running;
      await own[Symbol.asyncDispose]();
    })();
    return stopped;
  };
  stops.push(stop);
  return { scheduler, stop };
}

async function addNode(options: Parameters<typeof node>[0]): Promise<void> {
  const wanted = node(options);
  const created = await client.create(resources.nodes, wanted);
  const { taints = [], unschedulable = false } = wanted.spec ?? {};
  const { name = '' } = created.metadata ?? {};
  await patchNode(name, { spec: { taints, unschedulable } });
  const latest = await client.get(resources.nodes, { name });
  await client.updateStatus(resources.nodes, { ...latest, status: wanted.status ?? {} });
}

function patchNode(name: string, patch: unknown): Promise<Node> {
  return client.patch(resources.nodes, { name }, patch, { type: 'merge' });
}

async function addPod(options: PodOptions = {}): Promise<string> {
  const { metadata, ...rest } = pod(options);
  const { uid: _uid, ...meta } = metadata ?? {};
  await client.create(resources.pods, { ...rest, metadata: meta });
  return meta.name ?? '';
}

function getPod(name: string): Promise<Pod> {
  return client.get(resources.pods, { namespace: 'default', name });
}

async function nodeOf(name: string): Promise<string | undefined> {
  return (await getPod(name)).spec?.nodeName;
}

async function messagesOf(name: string, reason: string): Promise<(string | undefined)[]> {
  const fieldSelector = `involvedObject.name=${name}`;
  const { items } = await client.list(resources.events, { namespace: 'default', fieldSelector });
  return items.filter((event) => event.reason === reason).map(({ message }) => message);
}

async function podsPerNode(): Promise<Record<string, number>> {
  const { items } = await client.list(resources.pods);
  const count: Record<string, number> = {};
  for (const { spec } of items) {
    if (spec?.nodeName) count[spec.nodeName] = (count[spec.nodeName] ?? 0) + 1;
  }
  return count;
}

/** The condition as the pod's status says it. */
async function scheduledCondition(name: string) {
  const { status } = await getPod(name);
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

describe('Scheduler', () => {
  test('gives a pod a node, and says so', async () => {
    await addNode({ name: 'node-1' });
    startScheduler();
    const name = await addPod({ name: 'web' });
    await expect.poll(() => nodeOf(name), WAIT).toBe('node-1');
    expect(await scheduledCondition(name)).toMatchObject({ status: 'True' });
    await expect
      .poll(() => messagesOf(name, 'Scheduled'), WAIT)
      .toEqual(['Successfully assigned default/web to node-1']);
  });

  test('spreads the six pods of a replication controller over three nodes', async () => {
    for (const name of ['node-1', 'node-2', 'node-3']) await addNode({ name });
    await client.create(resources.replicationControllers, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        replicas: 6,
        selector: { app: 'web' },
        template: { metadata: { labels: { app: 'web' } }, spec: pod().spec ?? { containers: [] } },
      },
    });
    startScheduler();
    const owner = { kind: 'ReplicationController', name: 'web' };
    await Promise.all(Array.from({ length: 6 }, () => addPod({ labels: { app: 'web' }, owner })));
    await expect.poll(podsPerNode, WAIT).toEqual({ 'node-1': 2, 'node-2': 2, 'node-3': 2 });
  });

  test('a pod that fits nowhere waits, says why, and takes the node that comes', async () => {
    await addNode({ name: 'small', allocatable: { cpu: '500m' } });
    await addNode({ name: 'gpu', taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] });
    startScheduler();
    const name = await addPod({ requests: { cpu: '1' } });
    const message =
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {gpu: yes}.';
    await expect.poll(() => messagesOf(name, 'FailedScheduling'), WAIT).toEqual([message]);
    await expect
      .poll(() => scheduledCondition(name), WAIT)
      .toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    await addNode({ name: 'big' });
    await expect.poll(() => nodeOf(name), WAIT).toBe('big');
  });

  test('without any node it waits for the first', async () => {
    startScheduler();
    const name = await addPod();
    await expect
      .poll(() => messagesOf(name, 'FailedScheduling'), WAIT)
      .toEqual(['no nodes available to schedule pods']);
    await addNode({ name: 'node-1' });
    await expect.poll(() => nodeOf(name), WAIT).toBe('node-1');
  });

  test('keeps pods off a cordoned node until it is opened again', async () => {
    await addNode({ name: 'node-1', unschedulable: true });
    startScheduler();
    const name = await addPod();
    await expect
      .poll(() => messagesOf(name, 'FailedScheduling'), WAIT)
      .toEqual([expect.stringMatching(/^0\/1 nodes are available: 1 node\(s\)/)]);
    await patchNode('node-1', { spec: { unschedulable: false, taints: [] } });
    await expect.poll(() => nodeOf(name), WAIT).toBe('node-1');
  });

  test('a tolerated taint is no hindrance', async () => {
    const taints = [{ key: 'team', value: 'blue', effect: 'NoSchedule' }];
    await addNode({ name: 'node-1', taints });
    await addNode({ name: 'node-2', labels: { disk: 'ssd' } });
    startScheduler();
    const tolerations = [{ key: 'team', operator: 'Exists' }];
    const plain = await addPod();
    const blue = await addPod({
      spec: { tolerations, nodeSelector: { 'kubernetes.io/hostname': 'node-1' } },
    });
    await expect.poll(() => nodeOf(plain), WAIT).toBe('node-2');
    await patchNode('node-1', { metadata: { labels: { 'kubernetes.io/hostname': 'node-1' } } });
    await expect.poll(() => nodeOf(blue), WAIT).toBe('node-1');
  });

  test('gives a host port once a node, and again when it is free', async () => {
    await addNode({ name: 'node-1' });
    startScheduler();
    const first = await addPod({ hostPorts: [8080] });
    await expect.poll(() => nodeOf(first), WAIT).toBe('node-1');
    const second = await addPod({ hostPorts: [8080] });
    await expect
      .poll(() => messagesOf(second, 'FailedScheduling'), WAIT)
      .toEqual([
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
      ]);
    await client.delete(
      resources.pods,
      { namespace: 'default', name: first },
      { gracePeriodSeconds: 0 },
    );
    await expect.poll(() => nodeOf(second), WAIT).toBe('node-1');
  });

  test('a pod that has finished takes no room', async () => {
    await addNode({ name: 'node-1', allocatable: { cpu: '1' } });
    startScheduler();
    const job = await addPod({ requests: { cpu: '1' } });
    await expect.poll(() => nodeOf(job), WAIT).toBe('node-1');
    const next = await addPod({ requests: { cpu: '1' } });
    await expect.poll(() => messagesOf(next, 'FailedScheduling'), WAIT).toHaveLength(1);
    const finished = await getPod(job);
    await client.updateStatus(resources.pods, { ...finished, status: { phase: 'Succeeded' } });
    await expect.poll(() => nodeOf(next), WAIT).toBe('node-1');
  });

  test('leaves the pods of another scheduler alone, who takes them', async () => {
    await addNode({ name: 'node-1' });
    startScheduler();
    const foreign = await addPod({ spec: { schedulerName: 'mine' } });
    const ours = await addPod();
    await expect.poll(() => nodeOf(ours), WAIT).toBe('node-1');
    expect(await nodeOf(foreign)).toBeUndefined();
    startScheduler({ schedulerName: 'mine' });
    await expect.poll(() => nodeOf(foreign), WAIT).toBe('node-1');
  });

  test('never gives away more than a node has, however fast pods come', async () => {
    await addNode({ name: 'node-1', allocatable: { cpu: '1' } });
    await addNode({ name: 'node-2', allocatable: { cpu: '1' } });
    startScheduler();
    await Promise.all(Array.from({ length: 30 }, () => addPod({ requests: { cpu: '100m' } })));
    await expect.poll(podsPerNode, WAIT).toEqual({ 'node-1': 10, 'node-2': 10 });
    await expect
      .poll(async () => {
        const { items } = await client.list(resources.pods, { fieldSelector: 'spec.nodeName=' });
        const names = items.map(({ metadata }) => metadata?.name ?? '');
        const all = await Promise.all(names.map((name) => messagesOf(name, 'FailedScheduling')));
        return all.filter((messages) => messages.length > 0).length;
      }, WAIT)
      .toBe(10);
    expect(await podsPerNode()).toEqual({ 'node-1': 10, 'node-2': 10 });
  });

  test('two schedulers that race bind each pod once, and none is left', async () => {
    for (const name of ['node-1', 'node-2', 'node-3']) await addNode({ name });
    const one = startScheduler({ random: seeded(1) });
    const two = startScheduler({ random: seeded(2) });
    const pods = await Promise.all(Array.from({ length: 40 }, () => addPod()));
    await expect
      .poll(async () => Object.values(await podsPerNode()).reduce((sum, n) => sum + n, 0), WAIT)
      .toBe(40);
    // A binding is told after it was made; who is stopped in between says no more.
    const untold = async () => {
      const all = await Promise.all(pods.map((name) => messagesOf(name, 'Scheduled')));
      return all.filter((messages) => messages.length === 0).length;
    };
    await expect.poll(untold, WAIT).toBe(0);
    await Promise.all([one.stop(), two.stop()]);
    for (const name of pods) {
      const messages = await messagesOf(name, 'Scheduled');
      expect(messages, name).toEqual([
        `Successfully assigned default/${name} to ${await nodeOf(name)}`,
      ]);
      expect(await scheduledCondition(name), name).toMatchObject({ status: 'True' });
    }
  });

  test('killed and started again, it goes on where it was', async () => {
    await addNode({ name: 'node-1', allocatable: { cpu: '1' } });
    const first = startScheduler();
    const before = await addPod({ requests: { cpu: '600m' } });
    await expect.poll(() => nodeOf(before), WAIT).toBe('node-1');
    await first.stop();
    const small = await addPod({ requests: { cpu: '400m' } });
    const large = await addPod({ requests: { cpu: '500m' } });
    startScheduler();
    await expect.poll(() => nodeOf(small), WAIT).toBe('node-1');
    await expect
      .poll(() => messagesOf(large, 'FailedScheduling'), WAIT)
      .toContain('0/1 nodes are available: 1 Insufficient cpu.');
  });

  test('a pod that is deleted while it waits is forgotten, and one of its name is new', async () => {
    const { scheduler } = startScheduler();
    const name = await addPod({ name: 'web' });
    await expect.poll(() => messagesOf(name, 'FailedScheduling'), WAIT).toHaveLength(1);
    const ref = { namespace: 'default', name };
    await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 });
    await expect
      .poll(
        async () => (await scheduler.metrics.text()).match(/queue="unschedulable"} (\d+)/)?.[1],
        WAIT,
      )
      .toBe('0');
    await addPod({ name: 'web' });
    await addNode({ name: 'node-1' });
    await expect.poll(() => nodeOf(name), WAIT).toBe('node-1');
  });

  test('a node that goes takes no pods, and its room is not counted', async () => {
    await addNode({ name: 'node-1' });
    startScheduler();
    const first = await addPod();
    await expect.poll(() => nodeOf(first), WAIT).toBe('node-1');
    await client.delete(resources.nodes, { name: 'node-1' });
    const second = await addPod();
    await expect
      .poll(() => messagesOf(second, 'FailedScheduling'), WAIT)
      .toEqual(['no nodes available to schedule pods']);
  });

  test('survives a restart of the API server, and schedules what came with it', async () => {
    await addNode({ name: 'node-1' });
    startScheduler();
    const before = await addPod();
    await expect.poll(() => nodeOf(before), WAIT).toBe('node-1');
    await server.restart();
    const after = await addPod();
    await expect.poll(() => nodeOf(after), WAIT).toBe('node-1');
  });

  test('counts what it does, under upstream’s names', async () => {
    await addNode({ name: 'node-1', allocatable: { cpu: '1' } });
    const { scheduler } = startScheduler();
    const small = await addPod({ requests: { cpu: '1' } });
    await expect.poll(() => nodeOf(small), WAIT).toBe('node-1');
    const large = await addPod({ requests: { cpu: '1' } });
    await expect.poll(() => messagesOf(large, 'FailedScheduling'), WAIT).toHaveLength(1);
    const text = await scheduler.metrics.text();
    const attempts = 'scheduler_schedule_attempts_total{profile="default-scheduler",result=';
    expect(text).toContain(`${attempts}"scheduled"} 1\n`);
    expect(text).toContain(`${attempts}"unschedulable"} 1\n`);
    expect(text).toContain('scheduler_pending_pods{queue="unschedulable"} 1\n');
  });
});

// The node's life in the API, with a real API server and a clock that stands still: registration, reports, conditions, the lease.

import {
  type Client,
  FakeClock,
  resources,
  silentLogger,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import type { Node } from 'kubernetes-types/core/v1';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PressureType } from '#src/eviction/pressure.ts';
import { NodeAgent } from '#src/node/node-agent.ts';
import { FakeRuntime } from './fake-runtime.ts';

const [TICK_MS, REPORT_MS] = [10_000, 300_000];
const name = 'node-1';
const capacity = { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '100Gi' };
let server: TestApiServer;
let client: Client;
let stop: AbortController | undefined;
let running: Promise<void> | undefined;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});
afterEach(async () => {
  stop?.abort();
  await running;
  await client.delete(resources.nodes, { name });
  await client.delete(resources.leases, lease).catch(() => {});
});
afterAll(() => server[Symbol.asyncDispose]());
const lease = { namespace: 'kube-node-lease', name };

function run({ register = true } = {}) {
  const clock = new FakeClock();
  const runtime = new FakeRuntime(() => clock.now());
  const world = { pressures: [] as PressureType[], shuttingDown: false, events: [] as string[] };
  const registration = {
    labels: { zone: 'a' },
    taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' as const }],
  };
  const agent = new NodeAgent({
    ...{ client, runtime, clock, log: silentLogger, name, address: '10.0.0.1' },
    recorder: {
      event: (_, __, reason, message) => world.events.push(`${reason} ${message}`),
    },
    registration: register ? registration : undefined,
    ...{ capacity, allocatable: { ...capacity, cpu: '3500m' }, kubeletVersion: 'v1.33.1' },
    ...{ statusUpdateFrequencyMs: TICK_MS, statusReportFrequencyMs: REPORT_MS },
    leaseDurationSeconds: 40,
    port: () => 10_250,
    pressures: () => world.pressures,
    shuttingDown: () => world.shuttingDown,
  });
  stop = new AbortController();
  running = agent.run(stop.signal);
  return { agent, clock, runtime, world };
}

async function nodeWhen(condition: (node: Node) => boolean): Promise<Node> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const node = await client.get(resources.nodes, { name }).catch(() => undefined);
    if (node !== undefined && condition(node)) return node;
    if (Date.now() > deadlineMs) throw new Error(`Waited in vain: ${JSON.stringify(node)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const conditionOf = (node: Node, type: string) =>
  node.status?.conditions?.find((condition) => condition.type === type);
const heartbeat = (node: Node) => conditionOf(node, 'Ready')?.lastHeartbeatTime;
/** All that was asked for has been written, and both loops wait for the clock. */
const idle = async (clock: FakeClock, loops = 2) => {
  const deadlineMs = Date.now() + 30_000;
  while (clock.pendingTimers < loops) {
    if (Date.now() > deadlineMs) throw new Error('The agent never waits');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test('a new node has its taints and labels, and says what of it is there for pods', async () => {
  const { clock } = run();
  const node = await nodeWhen(() => true);
  expect(node.spec?.taints).toEqual([{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }]);
  expect(node.metadata?.labels).toMatchObject({ zone: 'a', 'kubernetes.io/hostname': name });
  expect(node.status).toMatchObject({ capacity, allocatable: { cpu: '3500m' } });
  await idle(clock);
  expect((await client.get(resources.leases, lease)).metadata?.ownerReferences).toEqual([
    { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata?.uid },
  ]);
});

test('a node that is there already keeps its taints and what others say of it; its labels become ours', async () => {
  await client.create(resources.nodes, {
    metadata: { name, labels: { zone: 'old', role: 'db' } },
    spec: { unschedulable: true },
  });
  const status = {
    capacity: { 'example.com/gpu': '2' },
    conditions: [{ type: 'NetworkUnavailable', status: 'False' }],
  };
  await client.patch(
    resources.nodes,
    { name },
    { status },
    { type: 'strategic', subresource: 'status' },
  );
  run();
  const node = await nodeWhen((one) => conditionOf(one, 'Ready') !== undefined);
  expect(node.metadata?.labels).toMatchObject({ zone: 'a', role: 'db' });
  expect(node.spec?.unschedulable).toBe(true);
  expect(JSON.stringify(node.spec?.taints ?? [])).not.toContain('dedicated');
  expect(node.status?.capacity).toEqual({ ...capacity, 'example.com/gpu': '2' });
  expect(conditionOf(node, 'NetworkUnavailable')?.status).toBe('False');
});

test('with --register-node=false it waits for its node, and then reports', async () => {
  const { clock } = run({ register: false });
  await idle(clock, 1);
  expect((await client.list(resources.nodes)).items).toEqual([]);
  await client.create(resources.nodes, { metadata: { name } });
  clock.advance(1_000);
  const node = await nodeWhen((one) => conditionOf(one, 'Ready') !== undefined);
  expect(node.metadata?.labels ?? {}).not.toHaveProperty('zone');
});

test('the status is written when something changed, and else every five minutes', async () => {
  const { agent, clock, runtime, world } = run();
  const first = await nodeWhen((node) => heartbeat(node) !== undefined);
  for (let count = 0; count < 5; count++) {
    await idle(clock);
    clock.advance(TICK_MS);
  }
  await idle(clock);
  expect(heartbeat(await nodeWhen(() => true))).toBe(heartbeat(first));
  clock.advance(REPORT_MS);
  const later = await nodeWhen((node) => heartbeat(node) !== heartbeat(first));
  expect(conditionOf(later, 'Ready')?.lastTransitionTime).toBe(
    conditionOf(first, 'Ready')?.lastTransitionTime,
  );
  await idle(clock);
  runtime.images.add('image:v1');
  clock.advance(TICK_MS);
  await nodeWhen((node) => node.status?.images?.[0]?.names?.[0] === 'image:v1');
  await idle(clock);
  world.pressures = ['DiskPressure'];
  agent.statusChanged();
  const pressed = await nodeWhen((node) => conditionOf(node, 'DiskPressure')?.status === 'True');
  expect(conditionOf(pressed, 'DiskPressure')).toMatchObject({
    reason: 'KubeletHasDiskPressure',
    message: 'kubelet has disk pressure',
  });
  // It tells when the answer has come.
  const told = 'NodeHasDiskPressure Node node-1 status is now: NodeHasDiskPressure';
  await expect.poll(() => world.events).toContain(told);
});

test('a node that is being shut down is not ready, and says so', async () => {
  const { agent, clock, world } = run();
  await nodeWhen((node) => conditionOf(node, 'Ready')?.status === 'True');
  await idle(clock);
  world.shuttingDown = true;
  agent.statusChanged();
  const node = await nodeWhen((one) => conditionOf(one, 'Ready')?.status === 'False');
  expect(conditionOf(node, 'Ready')).toMatchObject({
    reason: 'KubeletNotReady',
    message: 'node is shutting down',
  });
});

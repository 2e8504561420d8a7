// Statuses on their way to a real API server, which others write to as well.

import {
  ApiError,
  type Client,
  FakeClock,
  resources,
  silentLogger,
  startTestApiServer,
} from '@kube-labs/apiserver';
import type { Pod, PodCondition, PodStatus } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StatusManager } from '#src/pod/status-manager.ts';

const ref = { namespace: 'default', name: 'web' };

async function setUp() {
  const server = await startTestApiServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const client = server.client();
  onTestFinished(() => client[Symbol.asyncDispose]());
  const pod = await client.create(resources.pods, {
    metadata: ref,
    spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'x' }] },
  });
  // What the kubelet's informer has seen, which is never the newest.
  const seen = { pod };
  const clock = new FakeClock();
  const statuses = new StatusManager({ client, clock, log: silentLogger, podOf: () => seen.pod });
  const running = new AbortController();
  const stopped = statuses.run(running.signal);
  onTestFinished(async () => {
    running.abort();
    await stopped;
  });
  return { client, pod, seen, statuses };
}

const current = async (client: Client): Promise<PodStatus> =>
  (await client.get(resources.pods, ref)).status ?? {};

/** What a controller does for a readiness gate. */
function addCondition(client: Client, condition: PodCondition): Promise<Pod> {
  const patch = { status: { conditions: [condition] } };
  return client.patch(resources.pods, ref, patch, { type: 'strategic', subresource: 'status' });
}

test('a condition that somebody else wrote since we looked is kept, and so is what they change later', async () => {
  const { client, pod, seen, statuses } = await setUp();
  const ready = { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'm' };
  await addCondition(client, { type: 'example.com/gate', status: 'False' });
  statuses.set(pod, { phase: 'Pending', conditions: [ready] });
  await vi.waitFor(async () => expect((await current(client)).phase).toBe('Pending'));
  expect((await current(client)).conditions).toContainEqual(
    expect.objectContaining({ type: 'example.com/gate', status: 'False' }),
  );
  seen.pod = await client.get(resources.pods, ref);
  await addCondition(client, { type: 'example.com/gate', status: 'True' });
  statuses.set(pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
  await vi.waitFor(async () => expect((await current(client)).phase).toBe('Running'));
  const { conditions = [] } = await current(client);
  expect(conditions.find(({ type }) => type === 'example.com/gate')?.status).toBe('True');
  const after = conditions.find(({ type }) => type === 'Ready');
  expect([after?.status, after?.reason, after?.message]).toEqual(['True', undefined, undefined]);
});

test('a new address takes the place of the old one; a reason that no longer holds goes', async () => {
  const { client, pod, seen, statuses } = await setUp();
  const at = (ip: string): PodStatus => ({
    podIP: ip,
    podIPs: [{ ip }],
    hostIPs: [{ ip: '192.0.2.1' }],
  });
  statuses.set(pod, { phase: 'Pending', reason: 'Why', ...at('10.0.0.1') });
  await vi.waitFor(async () => expect((await current(client)).podIP).toBe('10.0.0.1'));
  seen.pod = await client.get(resources.pods, ref);
  statuses.set(pod, { phase: 'Running', ...at('10.0.0.2') });
  await vi.waitFor(async () => expect((await current(client)).podIP).toBe('10.0.0.2'));
  const { podIPs, hostIPs, reason } = await current(client);
  expect({ podIPs, hostIPs, reason }).toEqual({
    podIPs: [{ ip: '10.0.0.2' }],
    hostIPs: [{ ip: '192.0.2.1' }],
    reason: undefined,
  });
});

test('a status never reaches a new pod of the same name, and a finished pod goes', async () => {
  const { client, pod, seen, statuses } = await setUp();
  await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 });
  const next = await client.create(resources.pods, {
    metadata: ref,
    spec: pod.spec ?? { containers: [] },
  });
  statuses.set(pod, { phase: 'Failed' });
  seen.pod = next;
  statuses.set(next, { phase: 'Running' });
  await vi.waitFor(async () => expect((await current(client)).phase).toBe('Running'));
  statuses.finish(next);
  await vi.waitFor(async () => {
    const gone = client.get(resources.pods, ref);
    await expect(gone).rejects.toSatisfy((error) => ApiError.is(error, 'NotFound'));
  });
});

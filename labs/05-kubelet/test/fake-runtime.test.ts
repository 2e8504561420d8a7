// The fake engine's own faults: what a test of ten thousand random steps must be able to rely on.

import { FakeClock } from '@kube-labs/apiserver';
import { expect, test } from 'vitest';
import type { ContainerConfig, PodSandboxConfig, RuntimeEvent } from '#src/runtime/runtime.ts';
import { type FaultOptions, randomOf, withFaults } from './fake-faults.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { IDENTITY } from './objects.ts';

const never = new AbortController().signal;
const sandboxConfig = { pod: IDENTITY, attempt: 0, network: 'pod' } as PodSandboxConfig;
const config = { pod: IDENTITY, name: 'c', attempt: 0, sandboxId: 's' } as ContainerConfig;

/** What each of a hundred sandboxes came to: made, refused, or made without an answer. */
async function outcomes(seed: number, options: Partial<FaultOptions>) {
  const clock = new FakeClock();
  const fake = new FakeRuntime(() => clock.now());
  const runtime = withFaults(fake, { random: randomOf(seed), clock, ...options });
  const seen: string[] = [];
  for (let attempt = 0; attempt < 100; attempt++) {
    const before = fake.calls.length;
    const made = runtime.runPodSandbox({ ...sandboxConfig, attempt }, never);
    const settled = made.then(
      () => 'made',
      () => (fake.calls.length > before ? 'unanswered' : 'refused'),
    );
    while (clock.pendingTimers > 0) clock.advance(1);
    seen.push(await settled);
  }
  return seen;
}

test('faults come by seed: calls refused, done but not answered, and slow', async () => {
  const options = { refusedPercent: 20, unansweredPercent: 20, delayMsMax: 50 };
  const seen = await outcomes(1, options);
  expect(new Set(seen)).toEqual(new Set(['made', 'refused', 'unanswered']));
  expect(await outcomes(1, options)).toEqual(seen);
  expect(await outcomes(2, options)).not.toEqual(seen);
  expect(new Set(await outcomes(1, {}))).toEqual(new Set(['made']));
});

test('an engine that restarts ends everything and tells of nothing but the new connection', async () => {
  const fake = new FakeRuntime();
  await fake.runPodSandbox(sandboxConfig);
  await fake.startContainer(await fake.createContainer(config));
  const events = fake.events(never)[Symbol.asyncIterator]();
  await events.next();
  const next = events.next();
  fake.restart();
  expect(await next).toMatchObject({ value: { type: 'resync' } });
  const { sandboxes, containers } = await fake.podStatus(IDENTITY);
  expect(sandboxes[0]?.state).toBe('notready');
  expect(containers[0]?.status).toMatchObject({ state: 'exited', exitCode: 137 });
});

test('events are lost until all is calm, which begins with a resync', async () => {
  const clock = new FakeClock();
  const fake = new FakeRuntime();
  const options = { random: randomOf(3), clock, lostEventPercent: 100 };
  const runtime = withFaults(fake, options);
  const id = await fake.createContainer(config);
  const seen: RuntimeEvent['type'][] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const { type } of runtime.events(stop.signal)) seen.push(type);
  })();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  await fake.startContainer(id);
  await turn();
  expect(seen).toEqual(['resync']);
  runtime.calm();
  await turn();
  fake.exit(id, 1);
  await turn();
  stop.abort();
  await reading;
  expect(seen).toEqual(['resync', 'resync', 'pod']);
});

test('of one name there is one container that runs; a leftover makes room', async () => {
  const fake = new FakeRuntime();
  const leftover = await fake.createContainer(config);
  const id = await fake.createContainer(config);
  await expect(fake.startContainer(leftover)).rejects.toThrow('No such container');
  await fake.startContainer(id);
  await expect(fake.createContainer(config)).rejects.toThrow('already in use');
});

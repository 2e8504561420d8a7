// The engine is killed under running pods, which ends them all: what should run runs again, once, and no exit is forgotten.

import { execFileSync } from 'node:child_process';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NetworkPlugin } from '#src/network/network-plugin.ts';
import { DockerRuntime } from '#src/runtime/docker/docker-runtime.ts';
import { FOREVER, IMAGE, Lab, NODE_ADDRESS, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';
import { Engine } from './support/engine.ts';

const NUMBER = 222;
/** Its number is its own; whether it is up depends on who is plugged into it. */
const firstBridge = () =>
  execFileSync('ip', ['-o', 'link', 'show', 'docker0']).toString().split(':', 2).join();
const before = firstBridge();
let engine: Engine;
let lab: Lab;
beforeAll(async () => {
  engine = await Engine.start(NUMBER);
  const runtime = (network: NetworkPlugin) =>
    new DockerRuntime({
      ...{ cluster: `kubelet-test-${NUMBER}`, node: 'node-1', nodeAddress: NODE_ADDRESS, network },
      engine: { hostNetworkMode: 'host', oomScoreAdjustMin: 0, sandboxImage: IMAGE },
      socketPath: engine.socketPath,
    });
  lab = await Lab.start({ number: NUMBER, deps: { runtime } });
});
afterAll(async () => {
  try {
    await lab[Symbol.asyncDispose]();
  } finally {
    await engine[Symbol.asyncDispose]();
  }
  expect(firstBridge()).toBe(before);
});

/** The engine tells what it finds running to end, before it kills it. */
const RUNS = `trap 'exit 143' TERM; ${FOREVER}`;
const isRunning = (pod: Pod, name: string) => statusOf(pod, name)?.state?.running !== undefined;

test('after the engine was killed, pods run again, once, with the right count; what had ended stays ended', async () => {
  await lab.createPod('kept', { containers: [script('a', RUNS), script('b', RUNS)] });
  await lab.createPod('done', {
    containers: [script('a', 'exit 0'), script('b', RUNS)],
    restartPolicy: 'OnFailure',
  });
  await lab.createPod('once', { containers: [script('a', RUNS)], restartPolicy: 'Never' });
  await Promise.all([lab.running('kept'), lab.running('once')]);
  await lab.podWhen('done', (pod) => {
    return isRunning(pod, 'b') && statusOf(pod, 'a')?.state?.terminated?.exitCode === 0;
  });
  await engine.killDaemon();
  await engine.startDaemon();

  const kept = await lab.podWhen('kept', (pod) => {
    return isRunning(pod, 'a') && isRunning(pod, 'b') && statusOf(pod, 'b')?.restartCount === 1;
  });
  expect(statusOf(kept, 'a')?.restartCount).toBe(1);
  expect(statusOf(kept, 'a')?.lastState?.terminated).toMatchObject({ exitCode: 143 });
  const done = await lab.podWhen('done', (pod) => isRunning(pod, 'b'));
  expect(statusOf(done, 'a')).toMatchObject({
    restartCount: 0,
    state: { terminated: { exitCode: 0, reason: 'Completed' } },
  });
  const once = await lab.podWhen('once', ({ status }) => status?.phase === 'Failed');
  expect(statusOf(once, 'a')).toMatchObject({
    restartCount: 0,
    state: { terminated: { exitCode: 143 } },
  });

  const args = ['ps', '--filter', `label=kube-labs=${lab.cluster}`, '--format', '{{.Names}}'];
  const names = (await shell('docker', args)).split('\n');
  const running = names.map((name) => name.split('_').slice(1, 3).join(' ')).sort();
  expect(running).toEqual(['POD done', 'POD kept', 'a kept', 'b done', 'b kept']);
  await lab.createPod('new', { containers: [script('a', FOREVER)] });
  const addresses = [await lab.running('new'), kept, done].map(({ status }) => status?.podIP);
  expect(new Set(addresses).size).toBe(3);
});

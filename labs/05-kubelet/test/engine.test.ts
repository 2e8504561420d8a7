// The engine goes away and comes back (a proxy in front of it is cut), and so does the API server.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NetworkPlugin } from '#src/network/network-plugin.ts';
import { DockerRuntime } from '#src/runtime/docker/docker-runtime.ts';
import { FOREVER, IMAGE, Lab, NODE_ADDRESS, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';
import { WireProxy } from './wire-proxy.ts';

const socketPath = join(tmpdir(), `kubelet-engine-${process.pid}.sock`);
const engine = new WireProxy({ path: socketPath }, { path: '/var/run/docker.sock' });
let lab: Lab;
beforeAll(async () => {
  await engine.open();
  const runtime = (network: NetworkPlugin) =>
    new DockerRuntime({
      cluster: 'kubelet-test-207',
      node: 'node-1',
      nodeAddress: NODE_ADDRESS,
      engine: { hostNetworkMode: 'host', oomScoreAdjustMin: 0, sandboxImage: IMAGE },
      network,
      socketPath,
    });
  lab = await Lab.start({ number: 207, deps: { runtime } });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  engine.cut();
});

async function readyCondition() {
  const node = await lab.client.get(resources.nodes, { name: 'node-1' });
  return node.status?.conditions?.find(({ type }) => type === 'Ready');
}

test('without its engine the node is not ready; what died meanwhile is restarted when it is back', async () => {
  await lab.createPod('kept', { containers: [script('c', FOREVER), script('d', FOREVER)] });
  await lab.running('kept');
  const before = await lab.idOf('d');
  engine.cut();
  await lab.until(
    'the node is not ready',
    async () => (await readyCondition())?.status === 'False',
  );
  expect(await readyCondition()).toMatchObject({
    reason: 'KubeletNotReady',
    message: 'container runtime is down',
  });
  await shell('docker', ['kill', await lab.idOf('c')]);
  await engine.open();
  await lab.podWhen('kept', (pod) => statusOf(pod, 'c')?.restartCount === 1);
  await lab.until('the node is ready', async () => (await readyCondition())?.status === 'True');
  expect(await lab.idOf('d')).toBe(before);
  await lab.deletePod('kept');
});

test('a pod that is made while the engine is away starts when it is back', async () => {
  engine.cut();
  await lab.createPod('early', { containers: [script('c', FOREVER)] });
  await lab.until(
    'the node is not ready',
    async () => (await readyCondition())?.status === 'False',
  );
  await engine.open();
  await lab.running('early');
  await lab.deletePod('early');
});

test('without the API server containers are restarted all the same, and told of afterwards', async () => {
  await lab.createPod('alone', { containers: [script('c', FOREVER)] });
  await lab.running('alone');
  lab.apiServer.cut();
  await shell('docker', ['kill', await lab.idOf('c')]);
  await lab.until('it is restarted', async () => (await lab.containers('_alone_')).length === 3);
  expect(statusOf(await lab.pod('alone'), 'c')?.restartCount).toBe(0);
  await lab.apiServer.open();
  await lab.podWhen('alone', (pod) => statusOf(pod, 'c')?.restartCount === 1);
  await lab.deletePod('alone');
});

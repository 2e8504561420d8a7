// What runs outlives the kubelet: it is adopted, not touched; what was deleted meanwhile goes.

import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl } from './kubectl.ts';
import { FOREVER, Lab, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 202 });
});
afterAll(() => lab[Symbol.asyncDispose]());

const wireOf = (sandboxId: string) => `veth${sandboxId}`.slice(0, 15);

test('a kubelet that starts again leaves containers, wires and addresses as they are', async () => {
  for (const name of ['stay', 'go', 'forced']) {
    await lab.createPod(name, { containers: [script('c', FOREVER)] });
  }
  const [stay] = await Promise.all(['stay', 'go', 'forced'].map((name) => lab.running(name)));
  const before = await lab.containers('_stay_');
  await lab.stopKubelet();
  expect((await lab.containers()).length).toBe(6);
  await lab.client.delete(resources.pods, { namespace: 'default', name: 'go' });
  await lab.client.delete(
    resources.pods,
    { namespace: 'default', name: 'forced' },
    { gracePeriodSeconds: 0 },
  );
  await lab.startKubelet();
  await lab.until('the deleted pods go', async () => (await lab.containers()).length === 2);
  await lab.until('the object goes', async () => (await lab.pod('go')) === undefined);
  expect(await lab.containers('_stay_')).toEqual(before);
  const after = await lab.running('stay');
  expect(after.status?.podIP).toBe(stay?.status?.podIP);
  expect(statusOf(after, 'c')?.restartCount).toBe(0);
  expect(await lab.exec('c', 'ip', '-4', 'addr', 'show', 'eth0')).toContain(
    stay?.status?.podIP ?? '-',
  );
  await lab.createPod('new', { containers: [script('n', FOREVER)] });
  expect((await lab.running('new')).status?.podIP).not.toBe(stay?.status?.podIP);
  await Promise.all([lab.deletePod('stay'), lab.deletePod('new')]);
});

test('an exit that nobody saw is told with its exit code, and the restart counted', async () => {
  await lab.createPod('unseen', { containers: [script('c', FOREVER)] });
  await lab.running('unseen');
  await lab.stopKubelet();
  await shell('docker', ['kill', '--signal', 'SIGKILL', await lab.idOf('c')]);
  await lab.startKubelet();
  const pod = await lab.podWhen('unseen', (one) => statusOf(one, 'c')?.restartCount === 1);
  expect(statusOf(pod, 'c')?.lastState?.terminated).toMatchObject({
    exitCode: 137,
    reason: 'Error',
  });
  await lab.deletePod('unseen');
});

test('a container that dies is restarted at once; its sandbox stays', async () => {
  await lab.createPod('dies', { containers: [script('c', FOREVER), script('other', FOREVER)] });
  await lab.running('dies');
  const sandbox = await lab.idOf('POD');
  const other = await lab.idOf('other');
  await shell('docker', ['kill', await lab.idOf('c')]);
  await lab.podWhen(
    'dies',
    (pod) => statusOf(pod, 'c')?.restartCount === 1 && statusOf(pod, 'c')?.ready === true,
  );
  expect(await lab.idOf('POD')).toBe(sandbox);
  expect(await lab.idOf('other')).toBe(other);
  await lab.deletePod('dies');
});

test('a pod whose sandbox dies, or loses its wire, is made again with all its containers', async () => {
  await lab.createPod('cut', {
    terminationGracePeriodSeconds: 1,
    containers: [script('c', FOREVER)],
  });
  await lab.running('cut');
  await shell('docker', ['kill', await lab.idOf('POD')]);
  await lab.podWhen(
    'cut',
    (pod) => statusOf(pod, 'c')?.restartCount === 1 && statusOf(pod, 'c')?.ready === true,
  );
  await lab.eventWhen(
    'cut',
    'SandboxChanged Pod sandbox changed, it will be killed and re-created.',
  );
  await lab.stopKubelet();
  // What a node that was powered off has lost.
  await shell('ip', ['link', 'del', wireOf(await lab.idOf('POD'))]);
  await lab.startKubelet();
  const pod = await lab.podWhen(
    'cut',
    (one) => statusOf(one, 'c')?.restartCount === 2 && statusOf(one, 'c')?.ready === true,
  );
  expect(await lab.exec('c', 'ip', '-4', 'addr', 'show', 'eth0')).toContain(
    pod.status?.podIP ?? '-',
  );
  await lab.deletePod('cut');
});

test('containers of other nodes and clusters are left alone', async () => {
  const args = [
    'run',
    '-d',
    '--name',
    'kubelet-test-foreign',
    '--label',
    `kube-labs=${lab.cluster}`,
    '--label',
    'kube-labs.node=node-2',
  ];
  await shell('docker', [
    ...args,
    '--label',
    'io.kubernetes.docker.type=container',
    '--label',
    'io.kubernetes.pod.uid=x',
    'kube-labs/node:v1',
    'sleep',
    'infinity',
  ]);
  try {
    await lab.stopKubelet();
    await lab.startKubelet();
    await lab.createPod('own', { containers: [script('c', FOREVER)] });
    await lab.running('own');
    expect(await lab.containers('foreign')).toHaveLength(1);
    await lab.deletePod('own');
  } finally {
    await shell('docker', ['rm', '-f', 'kubelet-test-foreign']);
  }
});

test('the longest names and the largest annotations reach the engine and come back from it', async () => {
  const name = 'n'.repeat(253);
  const container = 'c'.repeat(63);
  const annotations = {
    'example.com/large': 'ä'.repeat(100_000),
    'example.com/odd': 'a "quoted"\nline\u0000, {json: [$HOME]} `id` \'\\',
  };
  await lab.client.create(resources.pods, {
    metadata: { name, namespace: 'default', annotations, labels: { l: 'v'.repeat(63) } },
    spec: {
      nodeName: 'node-1',
      terminationGracePeriodSeconds: 1,
      containers: [script(container, FOREVER)],
    },
  });
  const { status } = await lab.running(name);
  expect(await lab.exec(container, 'hostname')).toBe('n'.repeat(63));
  await lab.stopKubelet();
  await lab.startKubelet();
  await lab.createPod('after', { containers: [script('c', FOREVER)] });
  await lab.running('after');
  const after = await lab.running(name);
  expect(statusOf(after, container)?.containerID).toBe(status?.containerStatuses?.[0]?.containerID);
  await Promise.all([lab.deletePod(name), lab.deletePod('after')]);
});

test('a pod that its node has no room for has failed with the reason, and costs no container', async () => {
  const big = script('c', FOREVER, { resources: { requests: { cpu: '1000' } } });
  await lab.createPod('big', { containers: [big] });
  await lab.createPod('elsewhere', {
    nodeSelector: { zone: 'moon' },
    containers: [script('c', FOREVER)],
  });
  const pods = await Promise.all(
    ['big', 'elsewhere'].map((name) =>
      lab.podWhen(name, ({ status }) => status?.phase === 'Failed'),
    ),
  );
  expect(pods.map(({ status }) => `${status?.reason}: ${status?.message}`)).toEqual([
    expect.stringMatching(
      /^OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: \d+$/,
    ),
    "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ]);
  await lab.eventWhen('big', "OutOfcpu Node didn't have enough resource: cpu, requested: 1000000");
  const listed = (await kubectl(lab, 'get', 'pods', '--no-headers')).stdout;
  expect(listed).toMatch(/^big +0\/1 +OutOfcpu/m);
  expect(await lab.containers()).toEqual([]);
  await Promise.all([lab.deletePod('big'), lab.deletePod('elsewhere')]);
});

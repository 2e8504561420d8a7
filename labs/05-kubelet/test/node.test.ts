// The node in the API: registration, capacity, conditions, heartbeat, routes; the engine and the API server going away.

import { resources } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readContainerLimits } from '#src/node/container-limits.ts';
import { IMAGE, Lab, shell } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 206 });
});
afterAll(() => lab[Symbol.asyncDispose]());

test('a node registers with labels, addresses, capacity and versions', async () => {
  const node = await lab.client.get(resources.nodes, { name: 'node-1' });
  expect(node.metadata?.labels).toMatchObject({
    'kubernetes.io/hostname': 'node-1',
    'kubernetes.io/os': 'linux',
  });
  expect(node.status?.addresses).toEqual([
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'Hostname', address: 'node-1' },
  ]);
  expect(node.status?.capacity).toMatchObject({
    pods: '110',
    memory: expect.stringMatching(/^\d+Ki$/),
  });
  expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^docker:\/\/\d+/);
  expect(node.status?.daemonEndpoints?.kubeletEndpoint?.Port).toBe(lab.kubelet.port);
  expect(
    node.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  ).toEqual([
    'MemoryPressure=False KubeletHasSufficientMemory',
    'DiskPressure=False KubeletHasNoDiskPressure',
    'PIDPressure=False KubeletHasSufficientPID',
    'Ready=True KubeletReady',
  ]);
  await lab.eventWhen('node-1', 'Starting Starting kubelet.');
  await lab.eventWhen('node-1', 'NodeReady Node node-1 status is now: NodeReady');
});

test("a container's limits are read where the kernel has them", async () => {
  const limits = ['--memory', '256m', '--cpus', '0.5', '--network', 'none'];
  const label = ['--label', `kube-labs-test=${lab.cluster}`];
  const id = await shell('docker', ['run', '-d', ...limits, ...label, IMAGE, 'sleep', '60']);
  try {
    expect(await readContainerLimits('/sys/fs/cgroup', id)).toEqual({
      memoryBytes: 256 * 1024 ** 2,
      cpus: 0.5,
    });
  } finally {
    await shell('docker', ['rm', '-f', id]);
  }
});

test('the lease is renewed, and belongs to the node', async () => {
  const ref = { namespace: 'kube-node-lease', name: 'node-1' };
  const before = await lab.until('there is a lease', async () => {
    const { items } = await lab.client.list(resources.leases, { namespace: ref.namespace });
    return items[0];
  });
  expect(before.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'node-1' }]);
  expect(before.spec).toMatchObject({ holderIdentity: 'node-1', leaseDurationSeconds: 4 });
  await lab.until('the lease is renewed', async () => {
    const now = await lab.client.get(resources.leases, ref);
    return now.spec?.renewTime !== before.spec?.renewTime;
  });
});

test('a node that was deleted registers again', async () => {
  const before = await lab.client.get(resources.nodes, { name: 'node-1' });
  await lab.client.delete(resources.nodes, { name: 'node-1' });
  await lab.until('it comes back', async () => {
    const { items } = await lab.client.list(resources.nodes);
    return items[0] !== undefined && items[0].metadata?.uid !== before.metadata?.uid;
  });
});

test('routes to other nodes come and go with them', async () => {
  const [gateway] =
    (await shell('ip', ['-4', '-o', 'addr', 'show', 'docker0'])).match(/\d+\.\d+\.\d+\.\d+/) ?? [];
  const address = gateway?.replace(/\d+$/, '77') ?? '';
  const route = () => shell('ip', ['route', 'show', '10.244.246.0/24']);
  await lab.client.create(resources.nodes, {
    metadata: { name: 'node-2' },
    spec: { podCIDR: '10.244.246.0/24' },
  });
  const status = { addresses: [{ type: 'InternalIP', address }] };
  await lab.client.patch(
    resources.nodes,
    { name: 'node-2' },
    { status },
    { type: 'merge', subresource: 'status' },
  );
  await lab.until('the route is there', async () => (await route()).includes(`via ${address}`));
  await lab.client.delete(resources.nodes, { name: 'node-2' });
  await lab.until('the route is gone', async () => (await route()) === '');
});

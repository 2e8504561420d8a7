// The bridge, its wires and the routes between nodes, in real network namespaces: two nodes, their pods, and a cable between them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BridgeNetwork } from '#src/network/bridge.ts';
import type { NetworkSandbox } from '#src/network/network-plugin.ts';
import { syncRoutes } from '#src/network/routes.ts';
import { wireName } from '#src/network/wires.ts';
import { Namespace } from './namespace.ts';

const MTU = 1400;

interface TestNode {
  readonly machine: Namespace;
  readonly network: BridgeNetwork;
  readonly pods: readonly Namespace[];
}

const root = await mkdtemp(join(tmpdir(), 'kubelet-network-'));
const namespaces: Namespace[] = [];
let nodes: readonly [TestNode, TestNode];

beforeAll(async () => {
  const [one, two] = [await namespace(), await namespace()];
  await one.connect(two, 'eth0', '192.0.2.1/24', '192.0.2.2/24');
  nodes = [await node(one, 1), await node(two, 2)];
});
afterAll(async () => {
  for (const one of namespaces) await one[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

async function namespace(): Promise<Namespace> {
  const made = await Namespace.make();
  namespaces.push(made);
  return made;
}

async function node(machine: Namespace, number: number): Promise<TestNode> {
  await machine.run('ip', ['link', 'set', 'eth0', 'mtu', String(MTU)]);
  await machine.run('ip', ['route', 'add', 'default', 'dev', 'eth0']);
  const stateDirectory = join(root, String(number));
  const network = new BridgeNetwork({
    name: 'cbr0',
    stateDirectory,
    run: machine.run,
    log: silentLogger,
  });
  await network.configure(`10.244.${number}.0/24`);
  const pods = [await namespace(), await namespace()];
  for (const [index, pod] of pods.entries())
    await network.setUp(sandboxIn(pod, `n${number}p${index}`));
  return { machine, network, pods };
}

function sandboxIn({ pid, netns }: Namespace, sandboxId: string): NetworkSandbox {
  const pod = { uid: sandboxId, name: sandboxId, namespace: 'default' };
  return { sandboxId, pid, netns, pod, portMappings: [] };
}

test('a pod has its address, the node’s largest packet, and a port that lets it reach itself', async () => {
  const [{ machine, network, pods }] = nodes;
  expect(network.check('n1p0')).toEqual({ ip: '10.244.1.2', ips: ['10.244.1.2'] });
  const look = async () => ((await pods[0]?.ip('addr', 'show', 'eth0')) ?? [])[0];
  // The kernel tells of a wire that is up a little after it is.
  await expect.poll(async () => (await look())?.operstate).toBe('UP');
  const eth0 = await look();
  expect(eth0).toMatchObject({
    mtu: MTU,
    operstate: 'UP',
    address: '0a:58:0a:f4:01:02',
    addr_info: expect.arrayContaining([
      expect.objectContaining({ local: '10.244.1.2', prefixlen: 24, broadcast: '10.244.1.255' }),
    ]),
  });
  expect(await machine.ip('-d', 'link', 'show', wireName('n1p0'))).toMatchObject([
    { mtu: MTU, master: 'cbr0', linkinfo: { info_slave_data: { hairpin: true } } },
  ]);
  expect(await machine.ip('link', 'show', 'cbr0')).toMatchObject([{ mtu: MTU }]);
});

test('pods reach each other on one node, and through the routes on another, with their own addresses', async () => {
  const [one, two] = nodes;
  const to = (cidr: string, via: string) => [{ cidr, via }];
  await syncRoutes(to('10.244.2.0/24', '192.0.2.2'), one.machine.run);
  await syncRoutes(to('10.244.1.0/24', '192.0.2.1'), two.machine.run);
  await Promise.all([one.pods[1]?.serve('near', 80), two.pods[0]?.serve('far', 80)]);
  const [asker] = one.pods;
  const answers = [
    asker?.ask('10.244.1.3', 80),
    asker?.ask('10.244.2.2', 80),
    one.machine.ask('10.244.1.3', 80),
  ];
  expect(await Promise.all(answers)).toEqual([
    'near 10.244.1.2',
    'far 10.244.1.2',
    'near 10.244.1.1',
  ]);
});

test('a set up that was cut off is done again over what it left, with the same address', async () => {
  const [{ machine, network }] = nodes;
  const pod = await namespace();
  const wire = wireName('again');
  await machine.run('ip', [
    'link',
    'add',
    wire,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    `${pod.pid}`,
  ]);
  const first = await network.setUp(sandboxIn(pod, 'again'));
  expect(await network.setUp(sandboxIn(pod, 'again'))).toEqual(first);
  expect(await pod.ip('-4', 'addr', 'show', 'eth0')).toMatchObject([
    { addr_info: [{ local: first.ip }] },
  ]);
  await network.tearDown('again');
  expect(network.check('again')).toBeUndefined();
  expect(await pod.ip('link')).toMatchObject([{ ifname: 'lo' }]);
  // Again, and of one that never was, is harmless.
  await network.tearDown('again');
  await network.tearDown('never');
});

test('a sandbox that is gone costs its set up an error, and nothing stays', async () => {
  const [{ machine, network }] = nodes;
  const pod = await Namespace.make();
  const sandbox = sandboxIn(pod, 'gone');
  await pod[Symbol.asyncDispose]();
  await expect(network.setUp(sandbox)).rejects.toThrow('Command failed');
  await network.tearDown('gone');
  expect(network.sandboxIds()).not.toContain('gone');
  expect(JSON.stringify(await machine.ip('link'))).not.toContain(wireName('gone'));
});

test('a sandbox that ended keeps its address from all others until it is torn down', async () => {
  const [{ network }] = nodes;
  const [ended, next] = [await Namespace.make(), await namespace()];
  const { ip } = await network.setUp(sandboxIn(ended, 'ended'));
  await ended[Symbol.asyncDispose]();
  // As after a restart of the engine, which ends all containers.
  const look = async () => {
    await network.refresh();
    return network.check('ended');
  };
  await expect.poll(look).toBeUndefined();
  expect(network.sandboxIds()).toContain('ended');
  const other = await network.setUp(sandboxIn(next, 'next'));
  expect(other.ip).not.toBe(ip);
  await network.tearDown('ended');
  await network.tearDown('next');
  expect(network.sandboxIds()).toEqual(['n1p0', 'n1p1']);
});

test('another range for the node takes the gateway before off its bridge; pods get addresses of the new one', async () => {
  const [, { machine, network, pods }] = nodes;
  await network.configure('10.244.9.0/24');
  const [bridge] = await machine.ip('-4', 'addr', 'show', 'cbr0');
  expect(bridge).toMatchObject({ addr_info: [{ local: '10.244.9.1', prefixlen: 24 }] });
  // Their pods get new sandboxes, which nobody has to make room for.
  expect([network.check('n2p0'), network.check('n2p1')]).toEqual([undefined, undefined]);
  const [first] = pods;
  if (first === undefined) throw new Error('The node has no pod');
  await network.tearDown('n2p0');
  expect(await network.setUp(sandboxIn(first, 'n2p0'))).toMatchObject({ ip: '10.244.9.2' });
  expect(await machine.ask('10.244.9.2', 80)).toBe('far 10.244.9.1');
});

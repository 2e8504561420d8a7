// Addresses and routes: the pure part, and the record on disk.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@kube-labs/apiserver';
import type { Node } from 'kubernetes-types/core/v1';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HostCommand } from '#src/host-command.ts';
import { BridgeNetwork } from '#src/network/bridge.ts';
import { macOf } from '#src/network/bridge-device.ts';
import { gatewayOf, isCidr, parseCidr } from '#src/network/cidr.ts';
import { Ipam } from '#src/network/ipam.ts';
import type { NetworkSandbox } from '#src/network/network-plugin.ts';
import { portMappingsOf } from '#src/network/port-mappings.ts';
import { routeChanges, wantedRoutes } from '#src/network/routes.ts';
import { wireName } from '#src/network/wires.ts';
import { pod } from './objects.ts';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubelet-ipam-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('Ipam', () => {
  const cidr = parseCidr('10.244.1.0/29');

  test('hands out each address once, not the gateway’s, the network’s or the broadcast address', async () => {
    const ipam = await Ipam.open(await directory(), cidr);
    const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => ipam.allocate(id)));
    expect(all).toEqual(['10.244.1.2', '10.244.1.3', '10.244.1.4', '10.244.1.5', '10.244.1.6']);
    await expect(ipam.allocate('f')).rejects.toThrow(
      'no IP addresses available in range set: 10.244.1.2-10.244.1.6',
    );
    expect(gatewayOf(cidr)).toBe('10.244.1.1');
  });

  test('gives the same sandbox the same address, also after a restart', async () => {
    const path = await directory();
    const before = await Ipam.open(path, cidr);
    await before.allocate('a');
    await before.allocate('b');
    await before.release('a');
    const after = await Ipam.open(path, cidr);
    expect(await after.allocate('b')).toBe('10.244.1.3');
    expect(await after.allocate('c')).toBe('10.244.1.4');
    expect(after.owners()).toEqual(['b', 'c']);
  });

  test('reuses a freed address after all others', async () => {
    const ipam = await Ipam.open(await directory(), cidr);
    for (const id of ['a', 'b', 'c', 'd', 'e']) await ipam.allocate(id);
    await ipam.release('a');
    await ipam.release('d');
    expect([await ipam.allocate('x'), await ipam.allocate('y')]).toEqual([
      '10.244.1.2',
      '10.244.1.5',
    ]);
  });

  test('leaves no file of a released address', async () => {
    const path = await directory();
    const ipam = await Ipam.open(path, cidr);
    await ipam.allocate('a');
    await ipam.release('a');
    expect(await readdir(path)).toEqual(['last_reserved_ip']);
  });

  test('opens over files that a kill has torn, and goes on with those that are whole', async () => {
    const path = await directory();
    await (await Ipam.open(path, cidr)).allocate('a');
    await writeFile(join(path, 'last_reserved_ip'), '');
    await writeFile(join(path, '10.244.1.3'), '');
    await writeFile(join(path, '.new-10.244.1.4-x'), 'b');
    const ipam = await Ipam.open(path, cidr);
    expect(ipam.owners()).toEqual(['a']);
    expect(await ipam.allocate('c')).toBe('10.244.1.3');
    expect((await readdir(path)).sort()).toEqual(['10.244.1.2', '10.244.1.3', 'last_reserved_ip']);
  });

  test('takes the next address when the free one is somebody else’s on disk, also when asked again', async () => {
    const path = await directory();
    const ipam = await Ipam.open(path, cidr);
    const other = await Ipam.open(path, cidr);
    expect(await other.allocate('theirs')).toBe('10.244.1.2');
    expect(await ipam.allocate('ours')).toBe('10.244.1.3');
    expect(await ipam.allocate('ours')).toBe('10.244.1.3');
    expect(await readFile(join(path, '10.244.1.2'), 'utf8')).toBe('theirs');
    expect(ipam.owners()).toEqual(['theirs', 'ours']);
  });

  test('gives nobody an address of the range before, and forgets it with its sandbox', async () => {
    const path = await directory();
    await (await Ipam.open(path, cidr)).allocate('a');
    const ipam = await Ipam.open(path, parseCidr('10.244.2.0/29'));
    expect(ipam.addressOf('a')).toBeUndefined();
    expect(await ipam.allocate('a')).toBe('10.244.2.2');
    await ipam.release('a');
    expect(await readdir(path)).toEqual(['last_reserved_ip']);
  });
});

describe('BridgeNetwork', () => {
  /** A kernel that knows the wires which `ip` was told of; a listing waits until it is let go, and tells what was at its start. */
  function fakeKernel() {
    const wires = new Set<string>();
    const said: string[] = [];
    const held: (() => void)[] = [];
    let holds = false;
    const run: HostCommand = async (command, args) => {
      said.push([command, ...args].join(' '));
      const added = /link add (veth\S+)/.exec(args.join(' '))?.[1];
      if (added !== undefined) wires.add(added);
      if (args[1] === 'del') wires.delete(args[2] ?? '');
      if (args.includes('addr') && args.includes('show')) {
        const old = { local: '10.9.0.1', prefixlen: 24 };
        return JSON.stringify([{ addr_info: [old, { local: '10.9.8.1', prefixlen: 24 }] }]);
      }
      if (!args.includes('master')) return '';
      const answer = JSON.stringify([...wires].map((ifname) => ({ ifname })));
      if (holds) await new Promise<void>((resolve) => held.push(resolve));
      return answer;
    };
    const hold = () => {
      holds = true;
    };
    return { run, said, hold, release: () => held.splice(0).forEach((go) => void go()) };
  }

  const sandboxNamed = (sandboxId: string): NetworkSandbox => {
    const pod = { uid: sandboxId, name: sandboxId, namespace: 'default' };
    return { sandboxId, pid: 1, netns: '/proc/1/ns/net', pod, portMappings: [] };
  };

  async function network(podCidr = '10.9.8.0/24') {
    const kernel = fakeKernel();
    const stateDirectory = await directory();
    const bridge = new BridgeNetwork({
      name: 'kbl',
      stateDirectory,
      run: kernel.run,
      log: silentLogger,
    });
    await bridge.configure(podCidr);
    return { ...kernel, stateDirectory, bridge };
  }

  test('keeps a wire that was plugged in while a listing was on its way', async () => {
    const { bridge, hold, release } = await network();
    await bridge.setUp(sandboxNamed('gone'));
    hold();
    const refreshing = bridge.refresh();
    const address = await bridge.setUp(sandboxNamed('new'));
    await bridge.tearDown('gone');
    release();
    await refreshing;
    expect(bridge.check('new')).toEqual(address);
    expect(bridge.check('gone')).toBeUndefined();
  });

  test('starts one process to plug a sandbox in', async () => {
    const { bridge, said } = await network();
    const before = said.length;
    await bridge.setUp(sandboxNamed('a'));
    expect(said.slice(before)).toHaveLength(1);
    expect(said[before]).toContain(`link add ${wireName('a')} mtu 1500 master kbl up type veth`);
  });

  test('forgets a wire that the kernel no longer has', async () => {
    const { bridge, run } = await network();
    await bridge.setUp(sandboxNamed('a'));
    await run('ip', ['link', 'del', wireName('a')]);
    await bridge.refresh();
    expect(bridge.check('a')).toBeUndefined();
  });

  test('starts over a torn note of its range, and takes the gateway of the range before off', async () => {
    const { bridge, stateDirectory, run, said } = await network();
    expect(bridge.status()).toEqual({ ready: true });
    expect(said).toContain('ip addr del 10.9.0.1/24 dev kbl');
    expect(said).not.toContain('ip addr del 10.9.8.1/24 dev kbl');
    await writeFile(join(stateDirectory, 'kbl.cidr'), '');
    const next = new BridgeNetwork({ name: 'kbl', stateDirectory, run, log: silentLogger });
    await next.restore();
    expect(next.status()).toMatchObject({
      reason: 'NetworkPluginNotReady',
      message: expect.stringContaining('lack of PodCIDR'),
    });
  });

  test.each(['', '10.0.0.0', '10.0.0.0/33', '10.0.0/8', '1..2.3/8', '10.0.0.256/8'])(
    'has no use for %j as a range',
    (text) => expect(isCidr(text)).toBe(false),
  );
});

test('routes lead to the other nodes, and only ours are ever removed', () => {
  const node = (name: string, podCIDR: string, address: string): Node => ({
    metadata: { name },
    spec: { podCIDR },
    status: { addresses: [{ type: 'InternalIP', address }] },
  });
  const nodes = [
    node('node-1', '10.244.1.0/24', '172.30.0.11'),
    node('node-2', '10.244.2.0/24', '172.30.0.12'),
    node('node-3', '', '172.30.0.13'),
  ];
  const wanted = wantedRoutes(nodes, 'node-1');
  expect(wanted).toEqual([{ cidr: '10.244.2.0/24', via: '172.30.0.12' }]);
  expect(routeChanges(wanted, [{ cidr: '10.244.9.0/24', via: '172.30.0.19' }])).toEqual([
    'route del 10.244.9.0/24 proto 105',
    'route replace 10.244.2.0/24 via 172.30.0.12 proto 105',
  ]);
  expect(routeChanges(wanted, wanted)).toEqual([]);
});

test('device names fit into Linux’s 15 characters, hardware addresses follow addresses', () => {
  expect(wireName('0123456789abcdef')).toBe('veth0123456789a');
  expect(macOf('10.244.1.5')).toBe('0a:58:0a:f4:01:05');
});

describe('portMappingsOf()', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080 },
    { containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '127.0.0.1' },
    { containerPort: 443, hostPort: 8443, hostIP: '0.0.0.0' },
    { containerPort: 9090 },
  ];
  const sidecar = {
    ...{ name: 's', image: 'i', restartPolicy: 'Always' },
    ports: [{ containerPort: 1, hostPort: 1 }],
  };

  test('has those of containers and sidecars that name a port of the node', () => {
    const containers = [{ name: 'c', image: 'i', ports }];
    expect(portMappingsOf(pod({ containers, initContainers: [sidecar] }))).toEqual([
      { hostPort: 1, containerPort: 1, protocol: 'TCP' },
      { hostPort: 8080, containerPort: 80, protocol: 'TCP' },
      { hostPort: 53, containerPort: 53, protocol: 'UDP', hostIp: '127.0.0.1' },
      { hostPort: 8443, containerPort: 443, protocol: 'TCP' },
    ]);
  });

  test('has none in the node’s network, nor of init containers that end', () => {
    const containers = [{ name: 'c', image: 'i', ports }];
    expect(portMappingsOf(pod({ containers, hostNetwork: true }))).toEqual([]);
    const { restartPolicy: _, ...init } = sidecar;
    expect(portMappingsOf(pod({ initContainers: [init] }))).toEqual([]);
  });
});

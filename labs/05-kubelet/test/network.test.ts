// Addresses and routes: the pure part, and the record on disk.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node } from 'kubernetes-types/core/v1';
import { describe, expect, onTestFinished, test } from 'vitest';
import { macOf, wireName } from '../src/network/bridge.ts';
import { gatewayOf, parseCidr } from '../src/network/cidr.ts';
import { Ipam } from '../src/network/ipam.ts';
import { routeChanges, wantedRoutes } from '../src/network/routes.ts';

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
